"""Outputs on GPIO pins: the three-colour tower lamp, the buzzer and the relay."""

from gpiozero import LED, Buzzer

from sensors.errors import OptionError
from sensors.transports.gpio import Pins

COLOURS = ("red", "yellow", "green")
STATES = ("off", *COLOURS, *(f"{colour}-blink" for colour in COLOURS), "identify")
BLINK_S = 0.4
IDENTIFY_S = 0.15
SOUNDS = ("off", "on", "chirp", "double", "triple", "long", "refuse", "alarm")
BEEPS = {
    "chirp": (0.08, 0.08, 1),
    "double": (0.15, 0.12, 2),
    "triple": (0.3, 0.15, 3),
    "long": (1.2, 0.1, 1),
    "refuse": (0.08, 0.08, 3),
    "alarm": (0.5, 0.5, None),
}  # seconds on, seconds off, times (None = on and on)


class TowerLamp:
    """A red, yellow and green light of which one at most is lit; a colour without a pin is shown by nothing."""

    def __init__(self, *, red: int | None, yellow: int | None, green: int | None, pins: Pins, active: str = "high") -> None:
        """red, yellow, green: BCM numbers; active: the level that lights a lamp (relay boards are often `low`)."""
        numbers = dict(zip(COLOURS, (red, yellow, green), strict=True))
        self._lights = {
            colour: LED(number, active_high=active == "high", pin_factory=pins) for colour, number in numbers.items() if number is not None
        }
        self._state = "off"

    @property
    def state(self) -> str:
        """What the lamp was last told to show, one of STATES."""
        return self._state

    def show(self, state: str) -> None:
        """Show one of STATES; `identify` blinks all three together. OptionError for anything else."""
        if state not in STATES:
            raise OptionError(f"a lamp shows one of {', '.join(STATES)}, not {state!r}")
        if state == self._state:
            return
        colour, _, blink = state.partition("-")
        for light in self._lights.values():
            light.off()
        for name, light in self._lights.items():
            if state == "identify":
                light.blink(on_time=IDENTIFY_S, off_time=IDENTIFY_S)
            elif name == colour and blink:
                light.blink(on_time=BLINK_S, off_time=BLINK_S)
            elif name == colour:
                light.on()
        self._state = state

    def lit(self) -> tuple[str, ...]:
        """The colours that are lit at this moment, as the pins stand."""
        return tuple(colour for colour, light in self._lights.items() if light.is_lit)

    def close(self) -> None:
        """Dark, pins released; idempotent."""
        for light in self._lights.values():
            light.close()
        self._lights = {}


class Sounder:
    """A buzzer that sounds in the ways of SOUNDS."""

    def __init__(self, pin: int, *, pins: Pins, active: str = "high") -> None:
        """pin: BCM number; active: the level that sounds."""
        self._buzzer = Buzzer(pin, active_high=active == "high", pin_factory=pins)
        self._state = "off"

    @property
    def state(self) -> str:
        """What it was last told, one of SOUNDS."""
        return self._state

    def sound(self, sound: str) -> None:
        """One of SOUNDS: `chirp` (one short), `double`, `triple` (three longer), `long` (one), `refuse` (three short), `alarm` (on and
        off until told otherwise), on, off."""
        if sound not in SOUNDS:
            raise OptionError(f"a buzzer sounds {', '.join(SOUNDS)}, not {sound!r}")
        self._state = sound
        if sound in BEEPS:
            on_s, off_s, times = BEEPS[sound]
            self._buzzer.beep(on_time=on_s, off_time=off_s, n=times)
        elif sound == "on":
            self._buzzer.on()
        else:
            self._buzzer.off()

    def close(self) -> None:
        """Silent, pin released; idempotent."""
        self._buzzer.close()


class Relay:
    """A relay that is on or off, and goes to a configured state when it is let go."""

    def __init__(self, pin: int, *, pins: Pins, active: str = "high", on: bool = False, exit_on: bool = False) -> None:
        """pin: BCM number; active: the level that switches on; on: how it starts, from the first moment; exit_on: how it is left.

        A process that is killed cannot leave it in any state: what the pin does then is up to the kernel and the relay board.
        """
        self._active = active == "high"
        self._exit_on = exit_on
        # the pin itself, since gpiozero's devices make a pin an input again when they are closed: exit_on would last no moment
        self._pin = pins.pin(pin)
        self._pin.output_with_state(int(on == self._active))
        self._closed = False

    @property
    def on(self) -> bool:
        """How the pin stands."""
        return bool(self._pin.state) == self._active

    def switch(self, on: bool) -> None:
        """Switch it on or off; nothing once it is closed."""
        if not self._closed:
            self._pin.state = int(on == self._active)

    def close(self) -> None:
        """Leave it in its exit state; idempotent."""
        self.switch(self._exit_on)
        self._closed = True
