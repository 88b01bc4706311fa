"""What a bench's cameras and pedals may be in the configuration: mistakes are told with their line, the documented bench is in order."""

from pathlib import Path

import pytest

from edge_agent.bench_tables import ScanLineTables
from edge_agent.config import load_config
from edge_agent.errors import ConfigError
from edge_agent.reference import BENCH
from edge_agent.station import options_of
from scanner_line.cameras.registry import camera_from
from scanner_line.pedals.registry import pedal_from, pedals_of

AGENT = '[agent]\nname = "a"\nsite = "s"\ndata = "d"\n'
CAMERA = '[bench.b.camera.left]\ndriver = "picamera2"\nserial = "imx708@1a"\n'


def mistakes(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "agent.toml").write_text(AGENT + text)
    try:
        load_config(tmp_path / "agent.toml", benches=ScanLineTables())
    except ConfigError as error:
        return [f"{mistake.key}: {mistake.words}" for mistake in error.mistakes]
    return []


def test_the_documented_bench_is_in_order_and_its_devices_can_be_built(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(AGENT + BENCH.partition("```toml")[2].partition("```")[0])
    config = load_config(tmp_path / "agent.toml", benches=ScanLineTables())
    bench = config.benches["cradle-1"]
    options = options_of(bench, profile={})
    assert options["session_required"] == "cards+target"
    serials = [camera_from(table, name=side).serial for side, table in options["camera"].items()]
    assert serials == ["DS-2CD7A0001", "DS-2CD7A0002"]
    (pedal,) = pedals_of(options).values()
    assert {name: switch["wish"] for name, switch in pedal["switch"].items()} == {"left": "retake", "middle": "capture", "right": "mark"}
    assert pedal_from(pedal).serial == "usb-PCsensor_FootSwitch-event-kbd"
    assert load_config(tmp_path / "agent.toml").benches["cradle-1"].pedals  # a process without the scan line takes them as they are


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[bench.b.camera.l]\ndriver = "stream"\n', "url is missing"),
        ('[bench.b.camera.l]\ndriver = "stream"\nurl = "file:///etc/passwd"\n', "bench.b.camera.l.url: begins with one of rtsp://"),
        ('[bench.b.camera.l]\ndriver = "snapshot"\nurl = "http://u:p@c/"\n', "carries a user or a password"),
        ('[bench.b.camera.l]\ndriver = "snapshoot"\n', 'did you mean "snapshot"?'),
        (CAMERA + CAMERA.replace("left", "right"), "serial imx708@1a is already taken by bench.b.camera.left.serial on line 7"),
        (CAMERA + "patch = { x = 1.5, w = 0.1, h = 0.1 }\n", "bench.b.camera.left.patch.x: 1.5 is out of range"),
        (CAMERA + "patch = { x = 0.95, w = 0.1, h = 0.1 }\n", "bench.b.camera.left.patch: reaches beyond the picture"),
        (CAMERA + "patch = { w = 0.1 }\n", "bench.b.camera.left.patch: `w` and `h` go together"),
        (CAMERA + '[bench.b.pedal.p]\ndriver = "evdv"\n', 'did you mean "evdev"?'),
        (CAMERA + '[bench.b.pedal.p]\ndriver = "gpio"\nswitch.a = { pin = 40 }\n', "40 is out of range: GPIO 0 to 27"),
        (CAMERA + '[bench.b.pedal.p]\ndriver = "gpio"\nswitch.a = { pin = 4, wish = "markk" }\n', 'did you mean "mark"?'),
        (CAMERA + '[bench.b.pedal.p]\ndriver = "evdev"\ndevice = "1a86:e026"\nswitch.a = { key = "KEY_?" }\n', "no key of that name"),
        (CAMERA + '[bench.b.pedal.p]\ndriver = "evdev"\ndevice = "1a86:e026"\n', "switch is missing"),
        (CAMERA + '[bench.b.pedal.p]\ndriver = "gpio"\ndebounce = 3\nswitch.a = { pin = 4 }\n', 'did you mean "debounce_ms"?'),
        (
            CAMERA + '[bench.b.pedal.p]\ndriver = "gpio"\nswitch.a = { pin = 4 }\nswitch.b = { pin = 4 }\n',
            "GPIO 4 is already taken by bench.b.pedal.p.switch.a.pin",
        ),
        (
            '[bench.b]\nshift_ends = ["12:00", "5.30 pm"]\n' + CAMERA,
            'bench.b.shift_ends: "5.30 pm" is not a time of day, "HH:MM" (did you mean "17:30"?)',
        ),
        ('[bench.b]\nshift_ends = ["7:30"]\n' + CAMERA, 'did you mean "07:30"?'),
        ('[bench.b]\nshift_ends = ["25:00"]\n' + CAMERA, '"25:00" is not a time of day'),
        ('[bench.b]\nshift_ends = "12:00"\n' + CAMERA, '"12:00" is not a list of times of day'),
        (CAMERA + 'transport = "sim"\nmegapixels = 4\n', "bench.b.camera.left.megapixels: 4 is not one of 3, 5, 8, 12 (did you mean 3?)"),
        (CAMERA + "rotation = 45\n", "bench.b.camera.left.rotation: 45 is not one of 0, 90, 180, 270"),
        ('[bench.b]\nsession_required = "card"\n' + CAMERA, 'did you mean "cards"?'),
        (f'[bench.b]\npedal_pin = 4\n{CAMERA}[bench.b.pedal.p]\ndriver = "gpio"\nswitch.a = {{ pin = 4 }}\n', "GPIO 4 is already taken"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(tmp_path: Path, text: str, words: str) -> None:
    assert words in "\n".join(mistakes(tmp_path, text))
