"""The configuration: every mistake at once, each with its line, its range and the nearest valid word."""

from pathlib import Path

import pytest

from edge_agent import limit_tables, tables
from edge_agent.bench_tables import ScanLineTables
from edge_agent.catalogue import Catalogue
from edge_agent.cli import main
from edge_agent.config import Config, load_config
from edge_agent.errors import ConfigError
from edge_agent.health import config_facts
from edge_agent.reference import reference
from edge_agent.toml_lines import key_lines, read_toml

GOOD = """
[agent]
name = "room-101"
site = "demo"
data = "var/room-101"

[sensor.climate]
driver = "modbus_th"
port = "/dev/ttyUSB0"

[sensor.second]
driver = "modbus_th"
port = "/dev/ttyUSB0"
unit = 2

[limit.temperature-high]
sensor = "climate"
quantity = "temperature"
above = 24
deadband = 0.5

[contact.door]
driver = "gpio"
transport = "sim"
pin = 17

[camera.door-cam]
driver = "stream"
transport = "sim"
contacts = ["door"]
"""


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "agent.toml"
    path.write_text(text)
    return load_config(path, benches=ScanLineTables())


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return [str(mistake).removeprefix(f"{tmp_path}/agent.toml:") for mistake in caught.value.mistakes]


def test_a_good_file_gives_typed_settings_with_defaults(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    assert (config.name, config.room, config.data) == ("room-101", "room-101", Path("var/room-101"))
    assert config.agent["sample_s"] == 1.0 and config.agent["report_s"] == 60.0
    assert config.broker is None and config.sim["seed"] == 1
    climate = config.sensors["climate"]
    assert climate.driver == "modbus_th" and climate["unit"] == 1 and not climate.sim
    assert climate.driver_options["baud"] == 9600 and "bad_s" not in climate.driver_options
    assert config.contacts["door"].sim and config.cameras["door-cam"]["contacts"] == ["door"]


TEN = """[agent]
name = "Room 101"
site = "demo"
data = "var/x"
sample_s = 0.01
report_z = 60
[brocker]
host = "x"
[sensor.climate]
driver = "modbus_tx"
port = "/dev/ttyUSB0"
[sensor.rack]
driver = "sht4x"
address = 0x44
[sensor.shelf]
driver = "sht4x"
address = 0x44
[limit.hot]
sensor = "clima"
quantity = "temperature"
above = "24"
[contact.door]
driver = "gpio"
pin = 17
[contact.back]
driver = "gpio"
pin = 17
[output.lamp]
driver = "gpio_lamp"
red = 28
"""


def test_ten_mistakes_give_ten_errors_each_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = mistakes(tmp_path, TEN)
    assert [int(text.split(":")[0]) for text in found] == [2, 5, 6, 7, 10, 17, 19, 21, 27, 30]
    told = dict(zip([2, 5, 6, 7, 10, 17, 19, 21, 27, 30], found, strict=True))
    assert "name: 1-40 of a-z" in told[2]
    assert "out of range: 0.1 to 3600 s" in told[5]
    assert 'did you mean "report_s"?' in told[6]
    assert 'did you mean "broker"?' in told[7]
    assert 'did you mean "modbus_th"?' in told[10]
    assert "address 0x44 is already taken by sensor.rack.address on line 14" in told[17]
    assert 'did you mean "climate"?' in told[19]
    assert "is not a number" in told[21]
    assert "GPIO 17 is already taken by contact.door.pin on line 24" in told[27]
    assert "GPIO 0 to 27" in told[30]
    assert main(["check", "--config", str(tmp_path / "agent.toml")]) == 2
    assert capsys.readouterr().err.count(f"{tmp_path}/agent.toml:") == 10


def test_what_is_no_toml_is_told_with_its_line_and_hides_nothing(tmp_path: Path) -> None:
    text = GOOD.replace('site = "demo"', "site = demo").replace("unit = 2", "unit = 2\nunit = 3\nbaudd = 9600") + "\n[oops\nx = 1\n"
    found = mistakes(tmp_path, text)
    lines = [int(text.split(":")[0]) for text in found]
    rows = text.split("\n")
    assert [rows[line - 1] for line in lines] == ["[agent]", "site = demo", "unit = 3", "baudd = 9600", "[oops"]
    assert 'did you mean "baud"?' in found[3]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("above = 24", "above = 24\nbelow = 30"), "24 is not more than below = 30"),
        (("above = 24\n", ""), "above or below is missing"),
        (("above = 24", "above = nan"), "nan is not a finite number"),
        (("above = 24", "above = 24\nbelow = 23.5"), "leaves no room between below and above"),
        (('quantity = "temperature"', 'quantity = "temprature"'), 'did you mean "temperature"?'),
        (('contacts = ["door"]', 'contacts = ["dor"]'), 'did you mean "door"?'),
        (("unit = 2", "unit = 1"), "port /dev/ttyUSB0 unit 1 is already taken by sensor.climate.unit"),
        (('driver = "modbus_th"\nport = "/dev/ttyUSB0"\nunit = 2', 'driver = "node"\nport = "/dev/ttyUSB0"'), "already taken"),
        (('port = "/dev/ttyUSB0"\n\n', "\n"), "port is missing"),
        (("pin = 17", 'pin = 17\nafter_hours = "25:00-06:00"'), "HH:MM-HH:MM"),
        (("[sensor.climate]", '[central]\nurl = "centre:8080"\n[sensor.climate]'), '"centre:8080" is not an http:// or https:// address'),
        (("pin = 17", "pin = true"), "true is not a GPIO number"),
        (('data = "var/room-101"', ""), "data is missing"),
        (("[contact.door]", '[contact."Door 1"]'), "is not a name"),
        (("[agent]", "agent = 3\n[agents]"), 'did you mean "agent"?'),
        (('driver = "gpio"\n', ""), "driver is missing: one of gpio"),
    ],
)
def test_each_kind_of_mistake_has_words(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    assert change[0] in GOOD
    assert any(words in text for text in mistakes(tmp_path, GOOD.replace(*change)))


def test_missing_binary_and_huge_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.toml")
    path = tmp_path / "agent.toml"
    path.write_bytes(b"# ok\n\xff")
    with pytest.raises(ConfigError, match=r"agent\.toml:2: is not UTF-8"):
        load_config(path)
    path.write_bytes(b"#" * 600_000)
    with pytest.raises(ConfigError, match="over the limit"):
        load_config(path)


def test_nesting_without_end_is_a_mistake_with_its_line() -> None:
    document = read_toml("[agent]\nname = " + "[" * 20_000)
    assert document.mistakes[0][0] == 2
    assert "cannot be read" in document.mistakes[0][1]


def test_lines_are_found_past_multi_line_values_and_quoted_keys() -> None:
    text = 'a = """\nx = 1\n[no]\n"""\n[t."q.r"]\nb = [ # c = 1\n  1,\n]\nc.d = {e = 1}\n[[list]]\nf = \'=\'\n'
    assert key_lines(text) == {
        ("a",): 1,
        ("t", "q.r"): 5,
        ("t", "q.r", "b"): 6,
        ("t", "q.r", "c", "d"): 9,
        ("list",): 10,
        ("list", "f"): 11,
    }
    assert read_toml(text).mistakes == []


def test_the_reference_in_the_docs_is_the_program_s_own() -> None:
    page = Path("docs/configuration.md").read_text()
    assert page == reference(), "docs/configuration.md is out of date: python -m edge_agent.reference > docs/configuration.md"
    own = [
        tables.AGENT,
        tables.BROKER,
        tables.CENTRAL,
        tables.SIM,
        limit_tables.COMMON,
        *limit_tables.BY_KIND.values(),
        tables.CONTROL,
        tables.SENSOR,
        tables.CONTACT,
        tables.CAMERA,
        tables.BENCH,
    ]
    for options in own:
        assert all(f"| `{option.name}` |" in page for option in options)
    catalogue = Catalogue(ScanLineTables())
    for section in ("sensor", "contact", "output", "bench.camera", "bench.pedal"):
        for driver in catalogue.drivers(section):
            assert all(f"| `{option.name}` |" in page for option in catalogue.options(section, driver, sim=False))


BENCH = """
[bench.b]
transport = "sim"
profile = { skew_max_deg = 1.5 }
[bench.b.camera.left]
transport = "sim"
pages = "rendered"
"""


def test_a_bench_is_judged_by_the_scan_line_s_own_tables(tmp_path: Path) -> None:
    bench = read(tmp_path, GOOD + BENCH).benches["b"]
    assert bench.sim and bench.cameras["left"]["defects"] == 0.0 and bench.options["screen"] == "127.0.0.1:8081"
    wrong = BENCH.replace("skew_max_deg = 1.5", "skew_maxdeg = 1.5").replace("pages", "pagess").replace('"sim"\nprofile', '"sime"\nprofile')
    told = mistakes(tmp_path, GOOD + wrong)
    assert len(told) == 3
    assert 'did you mean "sim"?' in told[0] and "skew_max_deg" in told[1] and 'did you mean "pages"?' in told[2]
    (tmp_path / "agent.toml").write_text(GOOD + wrong.replace("sime", "sim"))
    assert load_config(tmp_path / "agent.toml").benches["b"].cameras["left"].sim  # a process without the scan line takes it as it is


def test_a_sensor_that_reports_at_its_own_interval_is_told_with_it(tmp_path: Path) -> None:
    own = GOOD.replace("unit = 2\n", "unit = 2\nreport_s = 3600\n")
    facts = config_facts(read(tmp_path, own), {})
    assert facts["report_s"] == 60
    assert facts["sensors"]["second"]["report_s"] == 3600 and "report_s" not in facts["sensors"]["climate"]
