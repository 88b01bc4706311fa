"""Lamps and buzzers as the pins stand: what the alarms want, what a person set for a while, a lamp that blinks to be found."""

from collections.abc import Iterator

import pytest

from edge_agent.errors import CommandRefused
from edge_agent.panel import IDENTIFY_S, Panel
from sensors.drivers.outputs import Sounder, TowerLamp
from sensors.transports.gpio import simulated_pins


class Room:
    """A lamp and a buzzer on simulated pins, and a clock that a test moves on."""

    def __init__(self) -> None:
        pins = simulated_pins()
        self.now = 0.0
        self.lamp = TowerLamp(red=5, yellow=6, green=13, pins=pins)
        self.buzzer = Sounder(19, pins=pins)
        self.panel = Panel({"lamp": self.lamp, "buzzer": self.buzzer}, clock=lambda: self.now)


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.panel.close()


def test_the_lamp_follows_the_alarms(room: Room) -> None:
    room.panel.show("green", False)
    assert room.lamp.lit() == ("green",)
    room.panel.show("red", True)
    assert room.lamp.lit() == ("red",) and room.buzzer.state == "alarm"
    room.panel.show("yellow", False)
    assert room.lamp.lit() == ("yellow",) and room.buzzer.state == "off"


def test_what_a_person_sets_ends_by_itself(room: Room) -> None:
    room.panel.show("green", False)
    room.panel.set("lamp", "yellow-blink", for_s=30)
    room.now = 29
    room.panel.show("red", True)
    assert room.lamp.state == "yellow-blink" and room.buzzer.state == "alarm"
    room.now = 31
    room.panel.show("red", True)
    assert room.lamp.lit() == ("red",)
    room.panel.set("buzzer", "off", for_s=60)
    assert room.buzzer.state == "off"
    room.panel.set("buzzer", "auto", for_s=60)
    assert room.buzzer.state == "alarm"


def test_identify_blinks_for_a_while(room: Room) -> None:
    room.panel.identify()
    assert room.lamp.state == "identify"
    room.now = IDENTIFY_S + 1
    room.panel.show("green", False)
    assert room.lamp.lit() == ("green",)


@pytest.mark.parametrize(
    ("output", "state", "seconds"), [("lampe", "red", 5), ("lamp", "purple", 5), ("lamp", "red", 0), ("lamp", "red", 1e9)]
)
def test_what_makes_no_sense_is_refused(room: Room, output: str, state: str, seconds: float) -> None:
    with pytest.raises(CommandRefused):
        room.panel.set(output, state, for_s=seconds)
    with pytest.raises(CommandRefused, match="no lamp"):
        Panel({"buzzer": room.buzzer}).identify()
