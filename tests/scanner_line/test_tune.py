"""The tuning report: on rendered pages, sound ones pass, and every defect that it makes is caught."""

from scanner_line.profile import Profile
from scanner_line.tune import AGAIN, SOUND, SPOILED, main, tune


def cells(lines, name):
    row = next(line for line in lines if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in row.strip("|").split("|")][1:]


def test_the_report_names_what_passes_and_what_is_caught(tmp_path, photo):
    for number in range(5):
        (tmp_path / f"{number}.jpg").write_bytes(photo(number))
    lines = list(tune(sorted(tmp_path.iterdir()), Profile(), sound=SOUND[::2], spoiled=SPOILED[1::4]))
    for trial in SOUND[::2]:
        assert cells(lines, trial.name)[2] == "0", trial.name
    for trial in SPOILED[1::4]:
        assert cells(lines, trial.name)[1] == "0", trial.name
    for trial in AGAIN:
        assert cells(lines, trial.name[7:])[1] == "0", trial.name


def test_a_folder_without_pages_is_wrong_input(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "no page image" in capsys.readouterr().err
