"""`muniment-agent judge FOLDER`: the page checks of a bench, over a folder of anyone's page images."""

import json
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from scanner_line.checks import Baseline, Judgement, Measures, judge_page, measure, unreadable
from scanner_line.errors import ImageRefused, ProfileError
from scanner_line.profile import Profile, read_profile_file

ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
OTHER_ENDINGS = (".jp2", ".jpx", ".webp", ".gif", ".bmp", ".heic", ".heif", ".avif", ".dng")  # pictures that are refused, not overlooked
FILE_BYTES_MAX = 512 * 1024 * 1024
GOOD, BAD_PAGE, WRONG_INPUT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class PageVerdict:
    """One file and the judgement on it."""

    file: str
    judgement: Judgement

    def as_json(self) -> dict[str, object]:
        """The page as the contract writes it."""
        return {
            "file": shown(self.file),
            "verdict": self.judgement.verdict,
            "kind": self.judgement.kind,
            "checks": self.judgement.checks_json(),
        }


def files_of(folder: Path) -> list[Path]:
    """The page images of a folder in name order, with whatever else bears the name of one; hidden files are none."""
    wanted = ENDINGS + OTHER_ENDINGS
    return sorted((path for path in folder.iterdir() if path.suffix.lower() in wanted and path.name[0] != "."), key=lambda path: path.name)


def judge_folder(files: Sequence[Path], profile: Profile) -> list[PageVerdict]:
    """All files as one batch, in two passes: every page is judged against the whole batch, its doubles against the pages before it."""
    baseline = Baseline(profile)
    found: list[tuple[Path, Measures | str]] = []
    for path in files:
        result = _measured(path, profile)
        found.append((path, result))
        if isinstance(result, Measures):
            baseline.add(path.name, result)
    return [
        PageVerdict(path.name, unreadable(result) if isinstance(result, str) else judge_page(result, baseline, profile, page=path.name))
        for path, result in found
    ]


def judge_as_bench(files: Sequence[Path], profile: Profile) -> Iterator[PageVerdict]:
    """One file after the other, each against the pages before it, as a bench does; a bad page is not counted to the batch, since a bench
    would take it again."""
    baseline = Baseline(profile)
    for path in files:
        result = _measured(path, profile)
        if isinstance(result, str):
            yield PageVerdict(path.name, unreadable(result))
            continue
        judgement = judge_page(result, baseline, profile)
        if judgement.verdict != "bad":
            baseline.add(path.name, result)
        yield PageVerdict(path.name, judgement)


def main(
    folder: Path,
    *,
    as_json: bool = False,
    as_bench: bool = False,
    profile: Profile | Path | None = None,
    out: TextIO | None = None,
    errors: TextIO | None = None,
) -> int:
    """Judge a folder and print what was found. `profile` may be a TOML file of thresholds (by themselves or in a table `profile`).

    0: no page is bad; 1: one is; 2: there is nothing to judge, or the profile is wrong, and why.
    """
    out, errors = out or sys.stdout, errors or sys.stderr
    try:
        thresholds = read_profile_file(profile) if isinstance(profile, Path) else profile or Profile()
    except ProfileError as error:
        print(error, file=errors)
        return WRONG_INPUT
    if not folder.is_dir():
        print(f"{folder}: {'a file, not a folder' if folder.exists() else 'no such folder'}", file=errors)
        return WRONG_INPUT
    try:
        files = files_of(folder)
    except OSError as error:
        print(f"{folder}: cannot be read: {error.strerror}", file=errors)
        return WRONG_INPUT
    if not files:
        print(f"{folder}: no page image in this folder (looked for {', '.join(ENDINGS)})", file=errors)
        return WRONG_INPUT
    pages = judge_as_bench(files, thresholds) if as_bench else iter(judge_folder(files, thresholds))
    verdicts = []
    for page in pages:
        verdicts.append(page)
        if not as_json:
            _print_page(page, out)
    if as_json:
        json.dump({"pages": [page.as_json() for page in verdicts]}, out, ensure_ascii=False, indent=1)
        out.write("\n")
    else:
        counts = {name: sum(page.judgement.verdict == name for page in verdicts) for name in ("good", "look", "bad")}
        print(f"{len(verdicts)} pages: {counts['good']} good, {counts['look']} to look at, {counts['bad']} bad", file=out)
    return BAD_PAGE if any(page.judgement.verdict == "bad" for page in verdicts) else GOOD


def _measured(path: Path, profile: Profile) -> Measures | str:
    """The measures of a file, or the words for why there are none."""
    if path.suffix.lower() not in ENDINGS:
        return f"{path.suffix} files are not judged: give JPEG, PNG or TIFF"
    try:
        return measure(_bytes_of(path), profile)
    except ImageRefused as error:
        return str(error)
    except OSError as error:
        return error.strerror or "the file cannot be read"


def _bytes_of(path: Path) -> bytes:
    """The bytes of a regular file of bounded size; a pipe or a device that bears a page's name is never waited for."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ImageRefused("a folder, not a file" if stat.S_ISDIR(status.st_mode) else "a pipe or device, not a file")
        if status.st_size > FILE_BYTES_MAX:
            raise ImageRefused(f"larger than {FILE_BYTES_MAX // (1024 * 1024)} MiB")
        return file.read(FILE_BYTES_MAX + 1)


def shown(name: str) -> str:
    """A file's name as text that any terminal and any JSON reader takes: bytes that are no UTF-8 and control characters are written out."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def _print_page(page: PageVerdict, out: TextIO) -> None:
    print(f"{page.judgement.verdict:<5}{shown(page.file)}", file=out)
    for check in page.judgement.checks:
        value = "-" if check.value is None else f"{check.value:.3g}"
        limit = "-" if check.limit is None else f"{check.limit:.3g}"
        sign = "NO" if not check.ok else "ok" if check.value is not None else "-"
        print(f"     {sign:<3}{check.name:<12}{value:>8} / {limit:<7} {check.words}", file=out)
