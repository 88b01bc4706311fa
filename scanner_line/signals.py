"""What lamp and buzzer tell the operator: verdicts by colour and by the number of beeps, so that neither eyes nor ears are needed alone."""

from scanner_line.roles import Buzzer, Lamp

LAMPS = {"good": "green", "look": "yellow", "bad": "red", "opened": "green", "closed": "off", "confirm": "yellow-blink"}
SOUNDS = {  # more and longer means worse
    "good": "chirp",
    "look": "double",
    "bad": "triple",
    "failed": "long",
    "rejected": "refuse",
    "ignored": "refuse",
    "opened": "double",
    "closed": "double",
    "confirm": "triple",
}


class Signals:
    """Turns the station's moments into light and sound; either device may be missing."""

    def __init__(self, lamp: Lamp | None = None, buzzer: Buzzer | None = None) -> None:
        """A lamp and a buzzer, as they are fitted."""
        self._lamp = lamp
        self._buzzer = buzzer

    def working(self) -> None:
        """A press was taken: blink until the verdict."""
        self._show("yellow-blink")

    def verdict(self, verdict: str) -> None:
        """The verdict on what was just captured: steady light, one, two or three beeps."""
        self._show(LAMPS[verdict])
        self._beep(verdict)

    def failed(self) -> None:
        """No picture came of the press: red blinks, one long beep."""
        self._show("red-blink")
        self._beep("failed")

    def refused(self, outcome: str) -> None:
        """A press was refused (rejected or ignored): sound only, the lamp still tells of the page before."""
        self._beep(outcome)

    def batch(self, moment: str) -> None:
        """A batch was `opened` (green) or `closed` (dark), or somebody has to `confirm` its closing (yellow blinks)."""
        self._show(LAMPS[moment])
        self._beep(moment)

    def identify(self) -> None:
        """Blink all colours, so that a person finds the bench."""
        self._show("identify")

    def dark(self) -> None:
        """Nothing to tell."""
        self._show("off")

    def _show(self, state: str) -> None:
        if self._lamp is not None:
            self._lamp.show(state)

    def _beep(self, moment: str) -> None:
        if self._buzzer is not None:
            self._buzzer.sound(SOUNDS[moment])
