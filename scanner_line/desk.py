"""The desk of a bench: opens, questions and closes its batches, takes pages out again, obeys separator sheets.

The station calls it while it holds the turn, so that no press is on its way meanwhile.
"""

from collections.abc import Callable

from scanner_line.batches import Batch, BatchBook
from scanner_line.disk import Disk
from scanner_line.errors import BatchError
from scanner_line.presses import PressBook
from scanner_line.roles import Judge
from scanner_line.sides import loose
from scanner_line.states import Question
from wire.separators import Separator


class BatchDesk:
    """At most one batch is open; `question` stands while a person has to say whether it may be closed."""

    def __init__(
        self,
        *,
        batches: BatchBook,
        presses: PressBook,
        judge: Judge,
        disk: Disk,
        pages_expected: int | None,
        tell: Callable[[str], None],
        apart: bool = False,
    ) -> None:
        """`tell` is called with each moment an operator has to hear of: opened, closed, confirm. `apart`: fronts and backs run apart."""
        self._apart = apart
        self.question: Question | None = None
        self._batches = batches
        self._presses = presses
        self._judge = judge
        self._disk = disk
        self._pages_expected = pages_expected
        self._tell = tell

    async def current(self) -> Batch | None:
        """The open batch."""
        return await self._disk(self._batches.current)

    async def prime(self) -> None:
        """Have the judge know the open batch's pages, and no others."""
        batch = await self.current()
        if batch is not None:
            self._judge.prime(batch.batch, await self._disk(self._presses.facts, batch.batch))

    async def open(self, *, declared: int | None = None, volume: str | None = None) -> Batch:
        """Open a batch, aloud; BatchError if one is open or a value is out of bounds."""
        batch = await self._open(declared=declared or self._pages_expected, volume=volume)
        self._tell("opened")
        return batch

    async def open_for(self, press: str) -> Batch:
        """Open a batch because a page was captured without one."""
        return await self._open(declared=self._pages_expected, by_press=press)

    async def declare(self, *, declared: int | None, volume: str | None = None) -> Batch:
        """State how many pages the open batch shall have; BatchError if none is open."""
        return await self._disk(self._batches.declare, declared=declared, volume=volume)

    async def close(self, *, confirmed: bool, then: Separator | None = None) -> Batch:
        """Close the open batch, or ask first if it has discrepancies and nobody confirmed them; the batch as it then is. `then` is obeyed
        afterwards. BatchError if none is open."""
        batch = await self.current()
        if batch is None:
            raise BatchError("no batch is open")
        reasons = batch.discrepancies
        if not confirmed and any(await self._disk(self.loose, batch)):
            reasons += ("sides",)
        if reasons and not confirmed:
            self.question = Question(batch, reasons, then)
            self._tell("confirm")
            return batch
        then = then or (self.question.then if self.question else None)
        closed = await self._disk(self._batches.close)
        self.question = None
        if then is not None and then.opens:
            await self._open(declared=then.declared, volume=then.volume)
            self._tell("opened")
        else:
            self._tell("closed")
        return closed

    def loose(self, batch: Batch) -> tuple[int, int]:
        """How many fronts and backs of a batch have no other side, where they run apart. Reads the books."""
        if not self._apart:
            return 0, 0
        fronts, backs = loose(self._presses.live_pages(batch.batch))
        return len(fronts), len(backs)

    async def held(self, press: str) -> None:
        """The pedal was held: open or close; held again, it confirms what was asked."""
        batch = await self.current()
        if batch is None:
            await self.open()
        elif batch.opened_by == press:
            self._tell("opened")
        else:
            await self.close(confirmed=self.question is not None)

    async def obey(self, separator: Separator, press: str) -> None:
        """A separator sheet was photographed by this press, which may have opened a batch for it."""
        batch = await self.current()
        if batch is None or batch.opened_by != press:
            await self.close(confirmed=False, then=separator)
        elif not separator.opens:
            await self.close(confirmed=True)
        else:
            if separator.declared is not None or separator.volume is not None:
                await self.declare(declared=separator.declared, volume=separator.volume)
            self._tell("opened")

    async def mark(self) -> None:
        """The next volume: close the open batch, or ask first, and open the next; asked before, this confirms."""
        if await self.current() is None:
            await self.open()
        else:
            await self.close(confirmed=self.question is not None, then=Separator(opens=True, declared=self._pages_expected))

    async def part(self, separator: Separator, press: str) -> None:
        """A separator sheet came in the middle of a run, which nobody can be asked about: the batch closes with what it has, its record
        says how that differs from what was declared, and the run goes on."""
        batch = await self.current()
        if batch is None or batch.opened_by != press or batch.counts.captured:
            if batch is not None:
                await self.close(confirmed=True, then=separator)
            elif separator.opens:
                await self._open(declared=separator.declared or self._pages_expected, volume=separator.volume)
                self._tell("opened")
        else:
            await self.obey(separator, press)

    async def reopened(self, batch: Batch) -> None:
        """A closed batch was opened again."""
        self.question = None
        await self.prime()
        self._tell("opened")

    async def _open(self, *, declared: int | None, volume: str | None = None, by_press: str | None = None) -> Batch:
        batch = await self._disk(self._batches.open, declared=declared, volume=volume, by_press=by_press)
        self.question = None
        self._judge.prime(batch.batch, [])
        return batch


def discrepancy_words(batch: Batch, loose: tuple[int, int] = (0, 0)) -> str:
    """Why somebody should confirm that a batch is closed, for whoever asked from afar; `loose` are fronts and backs without another."""
    words = []
    if "count" in batch.discrepancies:
        words.append(f"{batch.declared} pages declared, {batch.counts.captured} captured")
    if "bad" in batch.discrepancies:
        words.append(f"{batch.counts.bad} bad pages not retaken")
    if "rework" in batch.discrepancies:
        words.append(f"{batch.rework} pages still to be taken again")
    if any(loose):
        words.append(f"{loose[0]} fronts have no back, {loose[1]} backs no front")
    return "; ".join(words)
