"""A pedal's presses and a lamp's colours, through gpiozero's own pins."""

import time

import pytest

from sensors.drivers.outputs import STATES, Sounder, TowerLamp
from sensors.drivers.pedal import Pedal
from sensors.errors import OptionError
from sensors.transports.gpio import Pins, simulated_pins
from tests.sensors.waiting import wait_until


@pytest.fixture
def pins() -> Pins:
    return simulated_pins()


def test_a_press_that_bounces_on_both_edges_is_one_press_at_its_first_edge(pins: Pins) -> None:
    presses: list[int] = []
    pedal = Pedal(23, on_press=presses.append, pins=pins)
    pin = pins.pin(23)
    before = time.monotonic_ns()
    pin.drive_low()
    after = time.monotonic_ns()
    for _ in range(5):
        pin.drive_high()
        pin.drive_low()
    assert pedal.is_down
    time.sleep(0.04)  # held down: the time under test
    for _ in range(5):
        pin.drive_high()
        pin.drive_low()
    pin.drive_high()
    assert len(presses) == 1
    assert before - 1_000_000 <= presses[0] <= after + 1_000_000
    time.sleep(0.04)
    pin.drive_low()
    assert len(presses) == 2
    pedal.close()
    pedal.close()


def test_a_pedal_that_is_held_at_the_start_presses_only_after_it_was_let_go(pins: Pins) -> None:
    pins.pin(23).drive_high()
    presses: list[int] = []
    pedal = Pedal(23, on_press=presses.append, pins=pins, active="high", pull="none")
    assert pedal.is_down
    assert presses == []
    pins.pin(23).drive_low()
    time.sleep(0.04)
    pins.pin(23).drive_high()
    assert len(presses) == 1
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
