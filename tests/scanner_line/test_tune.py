"""The tuning report: on rendered pages, sound ones pass, most of what it makes is caught, and what is far out of focus always is."""

from scanner_line.profile import Profile
from scanner_line.spoiling import SOUND, SPOILED
from scanner_line.tune import main, tune


def cells(lines, name):
    row = next(line for line in lines if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in row.strip("|").split("|")][1:]


def test_the_report_names_what_passes_and_what_is_caught(photo):
    sources = [(f"{book}-{number}", book, photo(number, language=book)) for book in ("en", "zh") for number in range(3)]
    heavy = [trial for trial in SPOILED if trial.name in ("blur of 3 px", "blur of 8 px")]
    sound, spoiled = SOUND[::4], SPOILED[2::8]
    lines = list(tune(sources, Profile(), sound=sound, spoiled=[*spoiled, *heavy]))
    for trial in sound:
        assert cells(lines, trial.name)[:5] == ["6", "0", "0", "0", "0"], trial.name
    for trial in spoiled:
        assert int(cells(lines, trial.name)[1]) <= 2, trial.name
    for trial in heavy:
        assert (cells(lines, trial.name)[1], cells(lines, trial.name)[4]) == ("0", "0"), trial.name
    assert cells(lines, "book: en")[:2] == ["3", "0"]
    assert {"en", "zh"} <= {line.split("|")[1].strip() for line in lines if line.startswith("|")}
    for name in ("as it is", "moved 1 %, 8 % brighter", "moved 3 %, turned 0.8°"):
        row = [line for line in lines if line.startswith(f"| {name} |")][-1]
        assert row.split("|")[3].strip() == "0", row


def test_a_folder_without_pages_is_wrong_input(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "no page image" in capsys.readouterr().err
