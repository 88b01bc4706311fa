"""What a station asks of those it works with: an outbox, cameras, a judge, a lamp, a buzzer. Whoever wires a bench hands them in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from scanner_line.cameras.base import Frame
from scanner_line.checks.results import Judgement


class Outbox(Protocol):
    """Where records wait for the agent's core. `add` is called inside the spool's own transaction, on the same connection."""

    def add(self, lane: str, record: dict[str, Any], files: Sequence[Mapping[str, Any]] = ()) -> object:
        """Note one record for the lane, with the files ({sha256, path, bytes}) that go with it."""
        ...


class Judge(Protocol):
    """Judges stored page images against their batch, the heavy part out of the station's own process."""

    async def start(self) -> None:
        """Get ready, so that the first page is judged as fast as the others."""
        ...

    def prime(self, batch: str, known: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Begin anew with the batch's counting pages: (page id, the facts `judge` gave of it), in order."""
        ...

    def ahead(self, scan: Path) -> None:
        """Begin to measure a PNM file whose image will be judged next: its pixels can be measured while the image is stored."""
        ...

    async def judge(self, path: Path, *, page: str, replaces: str | None, scan: Path | None = None) -> tuple[Judgement, Mapping[str, Any]]:
        """The judgement of one image, compared with the batch but for the page it replaces, and the facts to keep with its row; from a
        PNM file of the same pixels where there is one. JudgeError if the checks could not be run, ImageRefused if the file is no page
        image."""
        ...

    async def close(self) -> None:
        """Stop the worker; may be called twice."""
        ...


class Proof(Protocol):
    """How a press ended that came before the session was proven."""

    @property
    def outcome(self) -> str:
        """control or rejected."""
        ...

    @property
    def code(self) -> str:
        """A case the screen has words for; it ends in `proven` where something was."""
        ...

    @property
    def words(self) -> str:
        """For the record and the operator."""
        ...

    @property
    def words_zh(self) -> str:
        """The same in Chinese."""
        ...


class Watch(Protocol):
    """The working session, as `scanner_line.session.Session` is: what is proven, and whether the cameras have stayed so."""

    @property
    def ready(self) -> bool:
        """Whether pages may be captured."""
        ...

    @property
    def state(self) -> dict[str, Any]:
        """For the screen: required, cards by side, target, drift, ready, what to do next."""
        ...

    async def prove(self, frames: Mapping[str, Frame]) -> Proof:
        """Look for what is still to be proven in the frames of one press; they never become pages."""
        ...

    async def prove_again(self, frames: Mapping[str, Frame]) -> Proof:
        """Begin anew with the frames of a press that showed a card in the middle of a session."""
        ...

    async def watch(self, frames: Mapping[str, Frame]) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """By side, a failed check for each thing that has moved since the session began."""
        ...


class Lamp(Protocol):
    """The three-colour lamp over the bench, as `sensors.drivers.outputs.TowerLamp` is."""

    def show(self, state: str) -> None:
        """Show one of off, red, yellow, green, a colour with `-blink`, or identify (all three blink)."""
        ...


class Buzzer(Protocol):
    """The bench's buzzer, as `sensors.drivers.outputs.Sounder` is."""

    def sound(self, sound: str) -> None:
        """Sound chirp, double, triple, long or refuse, in the background; a new call replaces a running one."""
        ...
