"""`python -m scanner_line.tune FOLDER`: how often the checks are wrong about sound and about spoiled variants of anyone's good pages.

Every page of the folder is taken for sound. Pages whose names begin alike, up to a hyphen or underscore, are one book, and a book is a
batch. Changes that leave a page sound are made to a whole book; a defect is made to one page at a time, which is then judged among the
sound others: once against all of them (`judge FOLDER`), once against those before it only (`judge --as-bench`, and a bench).
`--synthetic N` takes N drawn pages of each of three invented books instead of a folder.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TypeVar

import cv2
import numpy as np

from scanner_line.checks import CHECK_NAMES, Baseline, Judgement, Measures, judge_page, measure
from scanner_line.checks.baseline import steepness_of
from scanner_line.checks.images import as_gray
from scanner_line.errors import ImageRefused
from scanner_line.judge import files_of
from scanner_line.profile import Profile
from scanner_line.spoiling import AGAIN, SOUND, SPOILED, Trial, same

BOOKS: Mapping[str, str] = {"english": "en", "chinese": "zh", "mixed": "both"}  # of the drawn pages
HEIGHT_PX = 2000
Entry = TypeVar("Entry")
NAME = re.compile(r"[^-_]+")


@dataclass(frozen=True, slots=True)
class Page:
    """A page's name, the book it is of, its measures by trial, and the kind of page it is taken for."""

    name: str
    book: str
    measures: Mapping[str, Measures]
    kind: str

    @property
    def plain(self) -> Measures:
        """Its measures as it is."""
        return self.measures[SOUND[0].name]


@dataclass(frozen=True, slots=True)
class Case:
    """A page judged twice: in its whole batch, and at a bench."""

    page: Page
    whole: Judgement
    bench: Judgement


def changed(data: bytes, trial: Trial, profile: Profile) -> Measures:
    """The measures of a file after a change."""
    if trial.change is same and trial.quality == 90:
        return measure(data, profile)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ImageRefused("the pixels cannot be decoded")
    _, jpeg = cv2.imencode(".jpg", trial.change(as_gray(image)), [cv2.IMWRITE_JPEG_QUALITY, trial.quality])
    return measure(jpeg.tobytes(), profile)


def photographed(book: str, number: int) -> bytes:
    """The photograph of a page of an invented book."""
    from scanner_line.sim.pages import Volume, render_page
    from scanner_line.sim.photograph import FILL, Shot, photograph

    volume = Volume(seed=11, language=BOOKS[book])  # type: ignore[arg-type]
    return photograph(render_page(volume, number, height_px=round(HEIGHT_PX * FILL)), Shot(HEIGHT_PX * 3 // 4, HEIGHT_PX, None, number))


def pages_of(sources: Sequence[tuple[str, str, bytes]], profile: Profile, trials: Sequence[Trial]) -> list[Page]:
    """Every page (name, book, bytes) measured in every variant, on all processors."""
    by_name = {trial.name: trial for trial in (SOUND[0], *trials)}
    names = list(by_name)
    work = [(at, name) for at in range(len(sources)) for name in names]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"), initializer=_alone) as pool:
        found = list(pool.map(_measured, [sources[at][2] for at, _ in work], [name for _, name in work], repeat(profile), chunksize=4))
    table: list[dict[str, Measures]] = [{} for _ in sources]
    for (at, name), measures in zip(work, found, strict=True):
        table[at][name] = measures
    bare = Baseline(profile)
    kinds = [judge_page(row[SOUND[0].name], bare, profile).kind for row in table]
    return [Page(name, book, row, kind) for (name, book, _), row, kind in zip(sources, table, kinds, strict=True)]


def sound_cases(pages: Sequence[Page], trial: Trial, profile: Profile) -> list[Case]:
    """Every page of every book, the whole book changed."""
    cases = []
    for book in _books(pages):
        measures = [page.measures[trial.name] for page in book]
        whole = _batch(measures, profile)
        cases += [
            Case(page, judge_page(one, whole, profile, page=str(at)), bench)
            for at, (page, one, bench) in enumerate(zip(book, measures, _as_bench(measures, profile), strict=True))
        ]
    return cases


def spoiled_cases(pages: Sequence[Page], trial: Trial, profile: Profile) -> list[Case]:
    """Every page of every book, one at a time changed; blank ones only where the defect shows on them."""
    cases = []
    for book in _books(pages):
        plain = [page.plain for page in book]
        for at, page in enumerate(book):
            if page.kind == "blank" and trial.check in ("sharpness", "crop"):
                continue
            one = page.measures[trial.name]
            whole = judge_page(one, _batch([*plain[:at], one, *plain[at + 1 :]], profile), profile, page=str(at))
            cases.append(Case(page, whole, judge_page(one, _batch(plain[:at], profile), profile)))
    return cases


def report(pages: Sequence[Page], profile: Profile, *, sound: Sequence[Trial], spoiled: Sequence[Trial]) -> Iterator[str]:
    """The tables, line by line."""
    yield from _heading("sound pages", "judged", "not good", "bad", "at a bench: not good", "bad", "by which check")
    plain = sound_cases(pages, SOUND[0], profile)
    for trial in sound:
        cases = sound_cases(pages, trial, profile)
        yield _row(trial.name, *_rejected(cases), _names(cases))
    for name, part in (*_by(plain, lambda case: f"kind: {case.page.kind}"), *_by(plain, lambda case: f"book: {case.page.book}")):
        yield _row(name, *_rejected(part), _names(part))
    yield ""
    yield from _heading("false rejects by check", "judged", "failed", "at a bench: failed")
    for name in CHECK_NAMES:
        if any(case.whole.check(name).value is not None or not case.whole.check(name).ok for case in plain):
            yield _row(name, len(plain), *(sum(not judged.check(name).ok for judged in side) for side in _sides(plain)))
    yield ""
    yield from _heading("spoiled page", "tried", "passed", "not by its check", "bad", "at a bench: passed", "not by its check", "bad")
    every: list[tuple[str, Case]] = []
    for trial in spoiled:
        cases = spoiled_cases(pages, trial, profile)
        every += [(f"{case.page.kind}: {trial.check}", case) for case in cases]
        yield _row(trial.name, *_accepted(cases, trial.check or ""))
    yield ""
    yield from _heading("passed as good, by kind and check", "tried", "passed as good", "at a bench: passed")
    for name, entries in _by(every, lambda entry: entry[0]):
        yield _row(
            name, len(entries), *(sum(judged.verdict == "good" for judged in side) for side in _sides([case for _, case in entries]))
        )
    yield ""
    yield from _left_out(pages, profile, spoiled)
    yield from _again(pages, profile)


def _left_out(pages: Sequence[Page], profile: Profile, spoiled: Sequence[Trial]) -> Iterator[str]:
    """Each book at a bench whose prior was taken from the other books alone: the one number that its first pages lean on."""
    yield from _heading("book left out", "prior of the others", "sound: not good", "of", "blurred or shaken: passed", "of")
    shipped = median(level for page in pages if (level := steepness_of(page.plain)) is not None)
    for book in _books(pages):
        others = [level for page in pages if page.book != book[0].book and (level := steepness_of(page.plain)) is not None]
        if not others:
            continue
        prior = min(0.5, max(0.05, profile.sharpness_prior * median(others) / shipped))
        tried = replace(profile, sharpness_prior=prior)
        sound = [case.bench.verdict != "good" for case in sound_cases(book, SOUND[0], tried)]
        blurs = [trial for trial in spoiled if trial.check == "sharpness"]
        passed = [case.bench.verdict == "good" for trial in blurs for case in spoiled_cases(book, trial, tried)]
        yield _row(book[0].book, f"{prior:.3f}", sum(sound), len(sound), sum(passed), len(passed))
    yield ""


def _again(pages: Sequence[Page], profile: Profile) -> Iterator[str]:
    yield from _heading("page taken again", "tried", "missed", "lowest match", "highest of different pages")
    strange = [case.bench.check("duplicate").value or 0.0 for case in sound_cases(pages, SOUND[0], profile)]
    for trial in AGAIN:
        found = []
        for book in _books(pages):
            plain = [page.plain for page in book]
            found += [
                judge_page(page.measures[trial.name], _batch(plain[: at + 1], profile), profile).check("duplicate")
                for at, page in enumerate(book)
                if page.kind != "blank"
            ]
        lowest = min((check.value for check in found if check.value is not None), default=0.0)
        yield _row(trial.name[7:], len(found), sum(check.ok for check in found), f"{lowest:.2f}", f"{max(strange, default=0.0):.2f}")


def tune(
    sources: Sequence[tuple[str, str, bytes]], profile: Profile, *, sound: Sequence[Trial] = SOUND, spoiled: Sequence[Trial] = SPOILED
) -> Iterable[str]:
    """The report of pages given as (name, book, bytes)."""
    return report(pages_of(sources, profile, (*sound, *spoiled, *AGAIN)), profile, sound=sound, spoiled=spoiled)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; 2 when there is no page image."""
    parser = argparse.ArgumentParser(prog="python -m scanner_line.tune", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--synthetic", type=int, metavar="N", help="N drawn pages of each of three books, instead of a folder")
    options = parser.parse_args(arguments)
    if options.synthetic:
        made = [(f"{book}-{number}", book) for book in BOOKS for number in range(options.synthetic)]
        sources = [(name, book, photographed(book, int(name.rpartition("-")[2]))) for name, book in made]
    else:
        folder: Path | None = options.folder
        files = files_of(folder) if folder is not None and folder.is_dir() else []
        sources = [(path.name, book_of(path), path.read_bytes()) for path in files]
    if not sources:
        print(f"{options.folder}: no page image here", file=sys.stderr)
        return 2
    for line in tune(sources, Profile()):
        print(line, flush=True)
    return 0


def book_of(path: Path) -> str:
    """The book a file is of, by the beginning of its name."""
    found = NAME.match(path.stem)
    return found.group() if found else path.stem


def _measured(data: bytes, name: str, profile: Profile) -> Measures:
    trial = next(trial for trial in (*SOUND, *SPOILED, *AGAIN) if trial.name == name)
    return changed(data, trial, profile)


def _alone() -> None:
    cv2.setNumThreads(1)


def _books(pages: Sequence[Page]) -> list[list[Page]]:
    return [part for _, part in _by(pages, lambda page: page.book)]


def _by(entries: Iterable[Entry], key: Callable[[Entry], str]) -> list[tuple[str, list[Entry]]]:
    parts: dict[str, list[Entry]] = {}
    for entry in entries:
        parts.setdefault(key(entry), []).append(entry)
    return sorted(parts.items())


def _sides(cases: Sequence[Case]) -> tuple[list[Judgement], list[Judgement]]:
    return [case.whole for case in cases], [case.bench for case in cases]


def _rejected(cases: Sequence[Case]) -> list[int]:
    counts = [len(cases)]
    for side in _sides(cases):
        counts += [sum(judged.verdict != "good" for judged in side), sum(judged.verdict == "bad" for judged in side)]
    return counts


def _accepted(cases: Sequence[Case], check: str) -> list[int]:
    counts = [len(cases)]
    for side in _sides(cases):
        counts += [
            sum(judged.verdict == "good" for judged in side),
            sum(judged.check(check).ok for judged in side),
            sum(judged.verdict == "bad" for judged in side),
        ]
    return counts


def _names(cases: Sequence[Case]) -> str:
    found = {check.name for case in cases for judged in (case.whole, case.bench) for check in judged.failed}
    return ", ".join(sorted(found)) or "-"


def _heading(*words: str) -> Iterator[str]:
    yield _row(*words)
    yield "|---" * len(words) + "|"


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _batch(measures: Sequence[Measures], profile: Profile) -> Baseline:
    baseline = Baseline(profile)
    for at, one in enumerate(measures):
        baseline.add(str(at), one)
    return baseline


def _as_bench(measures: Sequence[Measures], profile: Profile) -> Iterator[Judgement]:
    baseline = Baseline(profile)
    for at, one in enumerate(measures):
        judgement = judge_page(one, baseline, profile)
        if judgement.verdict != "bad":
            baseline.add(str(at), one)
        yield judgement


if __name__ == "__main__":
    sys.exit(main())
