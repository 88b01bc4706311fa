"""Prints docs/configuration.md from the option tables, so that no option is without its words: `python -m edge_agent.reference`."""

import sys
from collections.abc import Iterable
from dataclasses import replace

from edge_agent import limit_tables, tables
from edge_agent.bench_tables import ScanLineTables
from edge_agent.catalogue import BENCH_CAMERA, BENCH_PEDAL, Catalogue
from edge_agent.options import KINDS, Option

_HEAD = """# The agent's configuration

One TOML file describes an agent: who it is, where broker and centre are, and one table for each device.
`muniment-agent check --config FILE` says everything that is wrong with it at once, each with file, line, the range and the nearest
valid word, and exits with 2; `muniment-agent run` does the same before it starts. Paths are relative to the working directory.
Secrets are never in the file: they come from files it names, or from the environment. (This page is written by
`python -m edge_agent.reference`, from the tables that the program itself goes by.)

```toml
[agent]
name = "room-101"
site = "demo"
data = "/var/lib/muniment/room-101"

[broker]
host = "broker.archive.example"
password_file = "/etc/muniment/broker-password"

[central]
url = "https://muniment.archive.example"
token_file = "/etc/muniment/token"
public_key_file = "/etc/muniment/centre.pub"

[sensor.climate]
driver = "modbus_th"
port = "/dev/ttyUSB0"

[limit.temperature-high]
sensor = "climate"
quantity = "temperature"
above = 24.0
deadband = 0.5
delay_s = 60
priority = "high"

[contact.door]
driver = "gpio"
pin = 17
held_open_s = 60
after_hours = "22:00-06:00"

[output.lamp]
driver = "gpio_lamp"
red = 5
yellow = 6
green = 13
```
"""

BENCH = """
A professional bench: two network cameras over a book cradle, a USB pedal of three switches, and a session that has to be proven by
cards and a target. How it is set up stands in [At the bench](bench.md#setting-up).

```toml
[bench.cradle-1]
session_required = "cards+target"
target = "sheet"
target_level = "B"
lamp = { red = 5, yellow = 6, green = 13 }
buzzer_pin = 19
screen = "127.0.0.1:8081"
dpi = 400

[bench.cradle-1.camera.left]
driver = "snapshot"
url = "https://cam-left.archive.example/snapshot.jpg"
user = "bench"
password_file = "/etc/muniment/cradle-1-cameras"
serial = "DS-2CD7A0001"
serial_url = "https://cam-left.archive.example/device"
rotation = 90
patch = { x = 0.02, y = 0.45, w = 0.03, h = 0.04 }

[bench.cradle-1.camera.right]
driver = "stream"
url = "rtsps://cam-right.archive.example/main"
user = "bench"
password_file = "/etc/muniment/cradle-1-cameras"
serial = "DS-2CD7A0002"
serial_url = "https://cam-right.archive.example/device"
latency_ms = 350
rotation = 270
patch = { x = 0.95, y = 0.45, w = 0.03, h = 0.04 }

[bench.cradle-1.pedal.foot]
driver = "evdev"
device = "usb-PCsensor_FootSwitch-event-kbd"
switch.left = { key = "KEY_A", wish = "retake" }
switch.middle = { key = "KEY_B", wish = "capture" }
switch.right = { key = "KEY_C", wish = "mark" }

[bench.cradle-1.profile]
skew_max_deg = 1.0
```
"""


def _table(options: Iterable[Option]) -> str:
    rows = ["| option | value | default | what it is |", "|---|---|---|---|"]
    for option in options:
        rows.append(_row(option, ""))
        around = f"{option.name}.NAME." if option.kind == "named" else f"{option.name}."
        rows.extend(_row(inner, around) for inner in option.options)
    return "\n".join(rows) + "\n"


def _row(option: Option, around: str) -> str:
    bounds = option.range_words()
    value = KINDS[option.kind] + (f", {bounds}" if bounds and option.kind != "pin" else "")
    default = "**required**" if option.required else "" if option.default in (None, (), {}) else f"`{_toml(option.default)}`"
    return f"| `{around}{option.name}` | {value} | {default} | {option.words} |"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def _drivers(catalogue: Catalogue, section: str, heading: str) -> Iterable[str]:
    for driver in catalogue.drivers(section):
        own = catalogue.options(section, driver, sim=False)
        if own:
            yield f'\n### {heading}, driver = "{driver}"\n\n{catalogue.words(section, driver)}\n\n{_table(own)}'


def reference() -> str:
    """The whole page, as Markdown."""
    parts = [_HEAD]
    catalogue = Catalogue(ScanLineTables())

    def section(title: str, words: str, options: Iterable[Option]) -> None:
        parts.append(f"\n## {title}\n\n{words}\n\n{_table(options)}")

    section("[agent]", "Who this agent is and how it works.", tables.AGENT)
    section(
        "[broker]",
        "Where readings and events go; its user is the agent's name. Left out, the agent works alone.",
        tables.BROKER,
    )
    section("[central]", "Where images and clips go.", tables.CENTRAL)
    driver = Option("driver", "text", "What the device is; each driver's own options are below.", required=True)
    device = (driver, *tables.DEVICE)
    section("[sensor.NAME]", "A device that measures.", (*device, *tables.SENSOR))
    parts.extend(_drivers(catalogue, "sensor", "[sensor.NAME]"))
    section(
        "[limit.NAME]",
        "A local alarm rule on one sensor; NAME is the rule's name. It works with the network down. What its kind adds stands below; "
        "how the kinds are used, in [the agent](agent.md#limits).",
        limit_tables.COMMON,
    )
    for kind, options in limit_tables.BY_KIND.items():
        parts.append(f'\n### [limit.NAME], kind = "{kind}"\n\n{_table(options)}')
    section(
        "[contact.NAME]",
        "A door, or anything else that opens or closes. Leak, smoke, mains and UPS contacts alarm by themselves.",
        (*device, *tables.CONTACT),
    )
    parts.extend(_drivers(catalogue, "contact", "[contact.NAME]"))
    section(
        "[output.NAME]",
        "A lamp shows green when all is well, yellow for a low or acknowledged alarm, red for any other; a buzzer sounds for high and "
        "urgent ones until they are acknowledged. A relay follows its control, the alarms (a siren) or a person's hand.",
        device,
    )
    parts.extend(_drivers(catalogue, "output", "[output.NAME]"))
    section(
        "[control.NAME]",
        "How a relay follows a sensor; it has either `on_above` and `off_below`, or `on_below` and `off_above`. A humidifier and a "
        "dehumidifier of one agent are never on together.",
        tables.CONTROL,
    )
    section("[camera.NAME]", f"A custody camera. Drivers: {', '.join(catalogue.drivers('camera'))}.", (*device, *tables.CAMERA))
    section("[bench.NAME]", "A capture bench: pedal, lamp, screen and cameras.", (*tables.DEVICE, *tables.BENCH))
    parts.append(BENCH)
    for source in (catalogue.benches.sources if catalogue.benches else {}).values():
        words = f"{source.words} A bench of it has no cameras ([scanners and folders](scanners.md))."
        parts.append(f'\n### [bench.NAME], driver = "{source.name}"\n\n{words}\n\n{_table(source.options)}')
    section(
        "[bench.NAME.camera.NAME]",
        "A camera over the bench, such as `left` and `right`. Its driver is `picamera2` unless another is named.",
        (replace(driver, required=False), *tables.DEVICE),
    )
    parts.extend(_drivers(catalogue, BENCH_CAMERA, "[bench.NAME.camera.NAME]"))
    section(
        "[bench.NAME.pedal.NAME]",
        "A pedal of the bench, of one switch or several; a bench may have several pedals.",
        (driver, *tables.DEVICE),
    )
    parts.extend(_drivers(catalogue, BENCH_PEDAL, "[bench.NAME.pedal.NAME]"))
    section("[sim]", 'The simulated world behind every `transport = "sim"`.', tables.SIM)
    parts.append(
        "\n## Environment\n\n"
        "| variable | what it is |\n|---|---|\n"
        "| `MUNIMENT_BROKER_PASSWORD` | goes before `[broker] password_file` |\n"
        "| `MUNIMENT_CENTRAL_TOKEN` | goes before `[central] token_file` |\n"
        "| `NOTIFY_SOCKET`, `WATCHDOG_USEC` | set by systemd: the agent tells it when it is ready and feeds its watchdog |\n"
    )
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(reference())
