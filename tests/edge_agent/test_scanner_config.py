"""Benches without cameras: what their tables may hold, what is wrong with them and where, and that the core takes them as they are."""

from pathlib import Path

import pytest

from edge_agent.bench_tables import ScanLineTables
from edge_agent.config import ConfigError, load_config

HEAD = '[agent]\nname = "bench-1"\nsite = "demo"\ndata = "data"\n[broker]\nhost = "127.0.0.1"\n'


def written(folder: Path, bench: str) -> Path:
    path = folder / "agent.toml"
    path.write_text(f"{HEAD}[bench.scan]\n{bench}\n", encoding="utf-8")
    return path


def test_a_scanner_and_a_folder_are_benches_with_defaults(tmp_path: Path) -> None:
    text = 'driver = "sane"\ndevice = "test:0"\nsource = "feeder"\nscanner = {test-picture = "Grid", ald = true}'
    bench = load_config(written(tmp_path, text), benches=ScanLineTables()).benches["scan"]
    assert bench.options["driver"] == "sane"
    assert (bench.options["resolution"], bench.options["page_size"], bench.options["mode"]) == (300, "A4", "colour")
    assert bench.options["scanner"] == {"test-picture": "Grid", "ald": True}
    bench = load_config(written(tmp_path, 'driver = "folder"\npath = "/srv/scans"'), benches=ScanLineTables()).benches["scan"]
    assert (bench.options["path"], bench.options["after"], bench.options["settle_s"]) == ("/srv/scans", "leave", 2.0)


def test_the_core_takes_them_as_they_are(tmp_path: Path) -> None:
    bench = load_config(written(tmp_path, 'driver = "sane"\ndevice = "test:0"')).benches["scan"]
    assert (bench.options["driver"], bench.options["device"]) == ("sane", "test:0")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('driver = "sanne"\ndevice = "x"', 'unknown driver "sanne": one of cameras, folder, sane (did you mean'),
        ('driver = "sane"', "device is missing"),
        ('driver = "folder"', "path is missing"),
        ('driver = "sane"\ndevice = "x"\nresolutoin = 300', "did you mean"),
        ('driver = "sane"\ndevice = "x"\nresolution = 9', "50 to 2400 dpi"),
        ('driver = "sane"\ndevice = "x"\npage_size = "a4"', "did you mean A4?"),
        ('driver = "folder"\npath = "x"\nafter = "delete"', "one of leave, move"),
        ('driver = "folder"\npath = "x"\ndevice = "y"', "device"),
        ('driver = "folder"\npath = "x"\n[bench.scan.camera.left]\ndriver = "picamera2"\nserial = "1"', "has no cameras"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        load_config(written(tmp_path, text), benches=ScanLineTables())
    assert words in str(wrong.value)
    assert "agent.toml:" in str(wrong.value)
