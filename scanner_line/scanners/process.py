"""SANE behind a process: a run of `scanimage` for each load of sheets, so that a hang or a crash in a backend ends with it.

`scanimage --batch --batch-prompt` scans a sheet for every newline on its standard input and names its file on standard output when it is
whole (scanimage(1)). A run is killed when a sheet takes too long; the next run opens the device anew.
"""

import asyncio
import os
import re
import resource
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

from scanner_line.errors import ScannerError
from scanner_line.scanners.ends import STATUS, WORDS, code_from

OPEN_S = 60.0  # a network scanner that is waking up
END_S = 15.0  # to park the head, or to let the sheet under way out
GRACE_S = 5.0  # the same, after the scanner has reported a trouble; some backends hang there (the test backend once in 150 runs)
IMAGE_BYTES_MAX = 1 << 30  # of one uncompressed image
ERROR_LINES = 40
DEVICE = re.compile(r"[^\s\x00-\x1f-][^\x00-\x1f]{0,300}")


def environment(config: str | None) -> dict[str, str]:
    """The environment of a SANE program: untranslated words, and another configuration folder where one is given."""
    made = {**os.environ, "LC_ALL": "C"}
    if config:
        made["SANE_CONFIG_DIR"] = config
    return made


async def ask(arguments: Sequence[str], *, config: str | None, timeout_s: float = OPEN_S) -> str:
    """What a run of `scanimage` prints on standard output; ScannerError, in an operator's words, if it fails or takes too long."""
    process = await _start(arguments, config)
    try:
        async with asyncio.timeout(timeout_s):
            out, errors = await process.communicate()
    except TimeoutError:
        raise ScannerError(WORDS["no-answer"][0]) from None
    finally:
        await end(process)
    if process.returncode:
        said = errors.decode(errors="replace")
        last = said.strip().splitlines()[-1:] or ["no words"]
        raise ScannerError(f"{WORDS[code_from(said, returned=process.returncode or 0)][0]} ({last[0][:200]})")
    return out.decode(errors="replace")


async def devices(*, config: str | None = None) -> list[tuple[str, str]]:
    """(device, words) of each scanner that SANE finds."""
    listed = await ask(["-f", "%d%t%v %m%n".replace("%t", "\t")], config=config)
    return [(device, words) for device, _, words in (line.partition("\t") for line in listed.splitlines()) if device and words]


class Feed:
    """One run over a load of sheets. `more` asks for images, `next` gives their files in order, `end` says how it ended."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """As `start` made it, with all three pipes."""
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ScannerError("scanimage has no pipes")
        self._process = process
        self._asks, self._names, self._says = process.stdin, process.stdout, process.stderr
        self._errors: list[str] = []
        self._giving_up: asyncio.TimerHandle | None = None
        self._reading = asyncio.create_task(self._read_errors(), name="scanimage: standard error")

    @classmethod
    async def start(cls, arguments: Sequence[str], folder: Path, *, config: str | None) -> "Feed":
        """Open the device; images will lie in the folder. Nothing is scanned yet."""
        batch = ["--format=pnm", f"--batch={folder}/%d.pnm", "--batch-prompt", "--batch-print"]
        return cls(await _start([*arguments, *batch], config))

    async def more(self, images: int = 1) -> None:
        """Let it scan so many further images."""
        try:
            self._asks.write(b"\n" * images)
            await self._asks.drain()
        except (BrokenPipeError, ConnectionResetError):
            return  # it has ended: `next` says so

    async def next(self, timeout_s: float) -> Path | None:
        """The file of the next image, whole; None when there is none any more. TimeoutError when the scanner does not answer."""
        async with asyncio.timeout(timeout_s):  # not wait_for, which can lose a cancellation
            line = await self._names.readline()
        return Path(os.fsdecode(line.rstrip(b"\n"))) if line else None

    async def end(self) -> str:
        """Ask for nothing more and wait until the device is given back: the code of how it ended."""
        self._asks.close()
        try:
            async with asyncio.timeout(END_S):
                await self._process.wait()
                await self._reading
        except TimeoutError:
            return "no-answer"
        finally:
            await self.kill()
        return code_from("\n".join(self._errors), returned=self._process.returncode or 0)

    def _give_up(self) -> None:
        """The trouble is known and the program hangs: end it, so that its standard output ends."""
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    async def kill(self) -> None:
        """End it at once; may be called twice."""
        if self._giving_up is not None:
            self._giving_up.cancel()
        await end(self._process)
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read_errors(self) -> None:
        while True:
            try:
                line = await self._says.readline()
            except ValueError:
                continue  # a line longer than the reader's limit: nothing that scanimage says
            if not line:
                return
            self._errors.append(line.decode(errors="replace").rstrip())
            del self._errors[:-ERROR_LINES]
            if STATUS.search(self._errors[-1]) and self._giving_up is None:
                self._giving_up = asyncio.get_running_loop().call_later(GRACE_S, self._give_up)


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill a program and all it started, if it still runs, and wait for it."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        await process.wait()


async def _start(arguments: Sequence[str], config: str | None) -> asyncio.subprocess.Process:
    if shutil.which("scanimage") is None:
        raise ScannerError("scanimage is not installed: apt-get install sane-utils")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "setpriv", "--pdeathsig", "KILL", "scanimage", *arguments,
        stdin=pipe, stdout=pipe, stderr=pipe, env=environment(config), start_new_session=True,
    )  # fmt: skip
    try:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (IMAGE_BYTES_MAX, IMAGE_BYTES_MAX))
        resource.prlimit(process.pid, resource.RLIMIT_CORE, (0, 0))
    except ProcessLookupError:
        pass
    return process
