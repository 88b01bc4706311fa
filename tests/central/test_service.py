"""What `run` keeps running has a unit of its own for those who let systemd do so."""

from pathlib import Path

from central.service import children

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"


def test_each_process_of_run_has_a_unit_that_starts_it() -> None:
    names = [child.name for child in children(Path("central.toml"), recognise=True)]
    units = {file.stem.removeprefix("muniment-central-"): file.read_text() for file in UNITS.glob("muniment-central-*.service")}
    assert set(units) == set(names)
    for name, text in units.items():
        assert f"/bin/muniment-central {name} --config /etc/muniment/central.toml" in text
        assert f"muniment-central-{name}" in (UNITS.parents[1] / "docs" / "install.md").read_text()
