"""`python -m scanner_line.tune FOLDER`: how often the checks are wrong about sound and about spoiled variants of anyone's good pages.

Every page of the folder is taken for sound. Changes that leave a page sound are made to the whole batch; defects are made to one page at
a time, which is then judged among the sound others: once against all of them (`judge`), once against those before it only (a bench).
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from scanner_line.checks import Baseline, Judgement, Measures, judge_page, measure
from scanner_line.checks.images import Gray, as_gray
from scanner_line.errors import ImageRefused
from scanner_line.judge import files_of
from scanner_line.profile import Profile

Change = Callable[[Gray], Gray]


@dataclass(frozen=True, slots=True)
class Trial:
    """A change to a page: its name, the change, the JPEG quality it is saved with, and the check that should speak (None: the page stays
    sound)."""

    name: str
    change: Change
    quality: int = 90
    check: str | None = None


def blurred(sigma: float) -> Change:
    """Out of focus: a Gaussian of so many pixels."""
    return lambda image: as_gray(cv2.GaussianBlur(image, (0, 0), sigma))


def shaken(length: int, angle_deg: float) -> Change:
    """Moved during the exposure: so many pixels, in a direction."""
    kernel = np.zeros((length, length), np.float32)
    middle, reach = (length - 1) / 2, (length - 1) / 2
    dx, dy = reach * np.cos(np.radians(angle_deg)), reach * np.sin(np.radians(angle_deg))
    cv2.line(kernel, (round(middle - dx), round(middle - dy)), (round(middle + dx), round(middle + dy)), 1.0)
    return lambda image: as_gray(cv2.filter2D(image, -1, kernel / kernel.sum()))


def gained(gain: float) -> Change:
    """Exposed longer or shorter."""
    return lambda image: as_gray(cv2.convertScaleAbs(image, alpha=gain))


def shrunk(scale: float) -> Change:
    """Photographed with fewer pixels."""
    return lambda image: as_gray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def turned(angle_deg: float, *, scale: float = 1.0, shift: float = 0.0) -> Change:
    """Lying crooked, nearer or further, moved by a share of the picture."""

    def change(image: Gray) -> Gray:
        height, width = image.shape[:2]
        warp = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, scale)
        warp[0, 2] += shift * width
        warp[1, 2] += shift * height
        return as_gray(cv2.warpAffine(image, warp, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))

    return change


def noisy(sigma: float) -> Change:
    """With so many grey levels of noise."""

    def change(image: Gray) -> Gray:
        noise = np.random.default_rng(1).normal(0, sigma, image.shape[:2]).astype(np.float32)
        return as_gray(cv2.add(image, cv2.merge([noise] * 3), dtype=cv2.CV_8U))

    return change


def same(image: Gray) -> Gray:
    """As it is."""
    return image


SOUND = (
    Trial("as it is", same),
    Trial("JPEG quality 50", same, quality=50),
    Trial("shrunk to 70 %", shrunk(0.7)),
    Trial("shrunk to 50 %", shrunk(0.5)),
    Trial("15 % darker", gained(0.85)),
    Trial("8 % brighter", gained(1.08)),
    Trial("noise of 5 levels", noisy(5.0)),
)
SPOILED = (
    *(Trial(f"blur of {sigma:g} px", blurred(sigma), check="sharpness") for sigma in (1.0, 1.5, 2.0, 3.0, 5.0, 8.0)),
    *(Trial(f"shake of {n} px at {angle}°", shaken(n, angle), check="sharpness") for n in (7, 11) for angle in (0, 45, 90, 135)),
    *(Trial(f"turned by {angle:+g}°", turned(angle), check="skew") for angle in (-3.0, -2.0, 2.0, 3.0)),
    *(Trial(f"exposed x {gain:g}", gained(gain), check="exposure") for gain in (0.2, 0.3, 1.6, 2.0)),
)
AGAIN = (
    Trial("again: as it is", same, quality=80),
    Trial("again: moved 1 %, 8 % brighter", lambda image: gained(1.08)(turned(0.2, shift=0.01)(image)), quality=80),
    Trial("again: moved 3 %, turned 0.8°", turned(0.8, scale=1.01, shift=0.03), quality=70),
)


def changed(data: bytes, trial: Trial, profile: Profile) -> Measures:
    """The measures of a file after a change."""
    if trial.change is same and trial.quality == 90:
        return measure(data, profile)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ImageRefused("the pixels cannot be decoded")
    _, jpeg = cv2.imencode(".jpg", trial.change(as_gray(image)), [cv2.IMWRITE_JPEG_QUALITY, trial.quality])
    return measure(jpeg.tobytes(), profile)


def tune(files: Sequence[Path], profile: Profile, *, sound: Sequence[Trial] = SOUND, spoiled: Sequence[Trial] = SPOILED) -> Iterable[str]:
    """The report, line by line: a table of sound batches, one of spoiled pages, one of pages taken again."""
    data = [path.read_bytes() for path in files]
    plain = [measure(one, profile) for one in data]
    yield "| sound batch | judged | not good | bad | at a bench: not good | bad | by which check |"
    yield "|---|---|---|---|---|---|---|"
    for trial in sound:
        measures = [changed(one, trial, profile) for one in data]
        whole = [judge_page(one, _batch(measures, profile), profile, page=str(at)) for at, one in enumerate(measures)]
        bench = list(_as_bench(measures, profile))
        names = sorted({check.name for judgement in (*whole, *bench) for check in judgement.failed})
        counts = [sum(j.verdict != "good" for j in whole), sum(j.verdict == "bad" for j in whole)]
        counts += [sum(j.verdict != "good" for j in bench), sum(j.verdict == "bad" for j in bench)]
        yield f"| {trial.name} | {len(measures)} | {' | '.join(map(str, counts))} | {', '.join(names) or '-'} |"
    yield ""
    yield "| spoiled page | tried | passed as good | caught by its check | bad | at a bench: passed as good | bad |"
    yield "|---|---|---|---|---|---|---|"
    for trial in spoiled:
        marred = [changed(one, trial, profile) for one in data]
        whole = [
            judge_page(one, _batch([*plain[:at], one, *plain[at + 1 :]], profile), profile, page=str(at)) for at, one in enumerate(marred)
        ]
        bench = [judge_page(one, _batch(plain[:at], profile), profile) for at, one in enumerate(marred)]
        caught = sum(not judgement.check(trial.check or "").ok for judgement in whole)
        row = [len(marred), _good(whole), caught, _bad(whole), _good(bench), _bad(bench)]
        yield f"| {trial.name} | {' | '.join(map(str, row))} |"
    yield ""
    yield "| page taken again | tried | missed | lowest match | highest match of different pages |"
    yield "|---|---|---|---|---|"
    strange = [judge_page(one, _batch(plain[:at], profile), profile).check("duplicate").value for at, one in enumerate(plain)]
    for trial in AGAIN:
        again = [changed(one, trial, profile) for one in data]
        found = [judge_page(one, _batch(plain[: at + 1], profile), profile).check("duplicate") for at, one in enumerate(again)]
        values = [check.value for check in found if check.value is not None]
        highest = max((value for value in strange if value is not None), default=0.0)
        missed = sum(check.ok for check in found)
        yield f"| {trial.name[7:]} | {len(again)} | {missed} | {min(values, default=0.0):.2f} | {highest:.2f} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report for a folder; 2 when it holds no page image."""
    parser = argparse.ArgumentParser(prog="python -m scanner_line.tune", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args(arguments).folder
    files = files_of(folder) if folder.is_dir() else []
    if not files:
        print(f"{folder}: no page image here", file=sys.stderr)
        return 2
    for line in tune(files, Profile()):
        print(line, flush=True)
    return 0


def _batch(measures: Sequence[Measures], profile: Profile) -> Baseline:
    baseline = Baseline(profile)
    for at, one in enumerate(measures):
        baseline.add(str(at), one)
    return baseline


def _as_bench(measures: Sequence[Measures], profile: Profile) -> Iterable[Judgement]:
    baseline = Baseline(profile)
    for at, one in enumerate(measures):
        judgement = judge_page(one, baseline, profile)
        if judgement.verdict != "bad":
            baseline.add(str(at), one)
        yield judgement


def _good(judgements: Iterable[Judgement]) -> int:
    return sum(judgement.verdict == "good" for judgement in judgements)


def _bad(judgements: Iterable[Judgement]) -> int:
    return sum(judgement.verdict == "bad" for judgement in judgements)


if __name__ == "__main__":
    sys.exit(main())
