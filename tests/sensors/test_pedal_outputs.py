"""A pedal's presses and a lamp's colours, through gpiozero's own pins."""

import time

import pytest

from sensors.drivers.outputs import STATES, Sounder, TowerLamp
from sensors.drivers.pedal import GpioPedal
from sensors.errors import OptionError
from sensors.transports.gpio import Pins, simulated_pins
from tests.sensors.waiting import wait_until


@pytest.fixture
def pins() -> Pins:
    return simulated_pins()


def test_a_pedal_tells_each_edge_of_each_switch_with_the_time_of_the_edge(pins: Pins) -> None:
    edges: list[tuple[str, bool, int]] = []
    states: list[str] = []
    pedal = GpioPedal({"left": 23, "right": 24}, pins=pins)
    pedal.start(lambda *edge: edges.append(edge), states.append)
    before = time.monotonic_ns()
    pins.pin(23).drive_low()
    pins.pin(24).drive_low()
    pins.pin(23).drive_high()
    after = time.monotonic_ns()
    assert [edge[:2] for edge in edges] == [("left", True), ("right", True), ("left", False)]
    assert all(before - 1_000_000 <= at_ns <= after + 1_000_000 for _, _, at_ns in edges)
    assert states == [""]
    assert "right GPIO 24" in pedal.serial
    pedal.close()
    pedal.close()
    pins.pin(24).drive_high()
    assert len(edges) == 3


def test_a_pedal_that_is_held_at_the_start_tells_nothing_before_it_is_let_go(pins: Pins) -> None:
    pins.pin(23).drive_high()
    edges: list[tuple[str, bool, int]] = []
    pedal = GpioPedal({"only": 23}, pins=pins, active="high", pull="none")
    pedal.start(lambda *edge: edges.append(edge), lambda _: None)
    assert edges == []
    pins.pin(23).drive_low()
    assert [edge[:2] for edge in edges] == [("only", False)]
    pedal.close()


def test_the_lamp_lights_one_colour_at_a_time(pins: Pins) -> None:
    lamp = TowerLamp(red=5, yellow=6, green=13, pins=pins)
    for colour in ("green", "yellow", "red"):
        lamp.show(colour)
        assert lamp.lit() == (colour,)
    lamp.show("off")
    assert lamp.lit() == ()
    with pytest.raises(OptionError, match="one of off, red"):
        lamp.show("purple")
    lamp.close()
    lamp.close()


@pytest.mark.parametrize("state", [state for state in STATES if state.endswith("-blink")])
def test_a_blinking_lamp_goes_on_and_off(pins: Pins, state: str) -> None:
    lamp = TowerLamp(red=5, yellow=6, green=13, pins=pins, active="low")
    lamp.show(state)
    colour = state.removesuffix("-blink")
    wait_until(lambda: lamp.lit() == (colour,))
    wait_until(lambda: lamp.lit() == ())
    lamp.close()


def test_a_refusal_sounds_three_times_and_ends(pins: Pins) -> None:
    sounder = Sounder(19, pins=pins)
    pins.pin(19).clear_states()
    sounder.sound("refuse")
    wait_until(lambda: len(pins.pin(19).states) == 7)
    assert [bool(change.state) for change in pins.pin(19).states] == [False, True, False, True, False, True, False]
    with pytest.raises(OptionError):
        sounder.sound("sing")
    sounder.close()
