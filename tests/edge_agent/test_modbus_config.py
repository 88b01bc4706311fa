"""Maps of Modbus devices in a configuration file: read whole, and wrong ones told with their line."""

from pathlib import Path

import pytest

from edge_agent.config import Config, load_config
from edge_agent.errors import ConfigError
from sensors.catalogue.modbus import value_maps

HEAD = '[agent]\nname = "room-101"\nsite = "demo"\ndata = "var/x"\n'
GOOD = """[sensor.air]
driver = "modbus"
port = "/dev/ttyUSB0"
preset = "ss-aerasgard"
only = ["co2", "pm2_5"]
unit = 4
[sensor.loops]
driver = "modbus"
port = "/dev/ttyUSB0"
unit = 9
function = 4
channel.magnetic_flux_density = { register = 0, format = "float32", order = "CDAB", scale = 1000 }
[sensor.loops.channel.pulses]
quantity = "count"
register = 16
format = "uint32"
[sensor.more]
driver = "modbus"
port = "/dev/ttyUSB0"
unit = 9
[sensor.more.channel.count]
register = 18
format = "uint32"
[limit.dust]
sensor = "air"
quantity = "pm2_5"
above = 35
"""


def read(folder: Path, text: str) -> Config:
    path = folder / "agent.toml"
    path.write_text(HEAD + text)
    return load_config(path)


def test_presets_and_maps_of_one_s_own(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    air = value_maps(config.sensors["air"].driver_options)
    assert [(value.quantity, value.register, value.function) for value in air] == [("co2", 1, 4), ("pm2_5", 14, 4)]
    loops = {value.quantity: value for value in value_maps(config.sensors["loops"].driver_options)}
    assert (loops["magnetic_flux_density"].order, loops["magnetic_flux_density"].function) == ("CDAB", 4)
    assert (loops["count"].register, loops["count"].format) == (16, "uint32")


@pytest.mark.parametrize(
    ("change", "row", "words"),
    [
        (('preset = "ss-aerasgard"', 'preset = "aerasgard"'), 'preset = "aerasgard"', '"aerasgard" is not one of elt-mb-350'),
        (('only = ["co2", "pm2_5"]', 'only = ["co"]'), 'only = ["co"]', '"co" is not one of co2'),
        (("register = 16", "regster = 16"), "regster = 16", 'did you mean "register"?'),
        (("register = 16\n", ""), "[sensor.loops.channel.pulses]", "register is missing"),
        (('quantity = "count"', 'quantity = "cuont"'), 'quantity = "cuont"', 'did you mean "count"?'),
        (("register = 18", "register = 70000"), "register = 70000", "out of range: 0 to 65535"),
        (('order = "CDAB"', 'order = "BACD"'), "channel.magnetic_flux_density = { register", '"BACD" is not one of ABCD'),
        (("[sensor.more.channel.count]", "[sensor.more.channel.pulses]"), "[sensor.more.channel.pulses]", '"pulses" is not a quantity'),
        (('quantity = "pm2_5"', 'quantity = "voc"'), 'quantity = "voc"', "is not one of co2, pm2_5"),
    ],
)
def test_a_wrong_map_is_told_with_its_line(tmp_path: Path, change: tuple[str, str], row: str, words: str) -> None:
    assert change[0] in GOOD
    text = GOOD.replace(*change)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    found = [(HEAD + text).split("\n")[mistake.line - 1] + "|" + mistake.words for mistake in caught.value.mistakes]
    assert any(one.startswith(row) and words in one for one in found), found


def test_a_line_of_modbus_devices_is_not_a_node_s_port(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="already taken"):
        read(tmp_path, GOOD + '[sensor.node]\ndriver = "node"\nport = "/dev/ttyUSB0"\n')


def test_devices_on_one_line_set_it_in_one_way(tmp_path: Path) -> None:
    second = '[sensor.other]\ndriver = "modbus_th"\nport = "/dev/ttyUSB0"\nunit = 99\n'
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, GOOD + second + 'baud = 4800\nparity = "E"\n')
    told = str(caught.value)
    assert "sensor.other.baud: 4800, but /dev/ttyUSB0 has baud = 9600 by sensor." in told and "sensor.other.parity: E, but" in told
    read(tmp_path, GOOD + second)
    read(tmp_path, GOOD + second.replace("USB0", "USB9") + "baud = 4800\n")  # a line of its own
