"""What the checks say of one page: measures, limits, words, and the verdict over them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["good", "look", "bad"]

CHECK_NAMES = (
    "sharpness",
    "exposure",
    "skew",
    "crop",
    "blank",
    "duplicate",
    "glare",
    "finger",
    "moire",
    "consistency",
    "sequence",
    "code",
)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one page. `value` is None where the check does not apply; then `ok` is true.

    `words` is the English text, `words_zh` the Chinese one; `text` is what a separator code says. `where` is the place of the defect, as
    [x, y, width, height] in shares of the picture.
    """

    name: str
    value: float | None
    limit: float | None
    ok: bool
    words: str
    words_zh: str
    text: str | None = None
    where: tuple[float, float, float, float] | None = None

    def as_json(self) -> dict[str, object]:
        """The check as the contract writes it, with the Chinese words beside."""
        made: dict[str, object] = {
            "name": self.name,
            "value": None if self.value is None else round(self.value, 4),
            "limit": self.limit,
            "ok": self.ok,
            "words": self.words,
            "words_zh": self.words_zh,
        }
        if self.text is not None:
            made["text"] = self.text
        if self.where is not None:
            made["where"] = [round(share, 4) for share in self.where]
        return made


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one page, every check behind it in the order of CHECK_NAMES, and what kind of page it was taken for: text, picture,
    sparse (little text), blank, separator or unreadable."""

    verdict: Verdict
    checks: tuple[CheckResult, ...]
    kind: str = "text"

    def check(self, name: str) -> CheckResult:
        """The result of one check by its name; KeyError for an unknown name."""
        for result in self.checks:
            if result.name == name:
                return result
        raise KeyError(name)

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that did not pass."""
        return tuple(result for result in self.checks if not result.ok)

    @property
    def code(self) -> str | None:
        """The text of a separator code on the page, if there is one."""
        return self.check("code").text

    def checks_json(self) -> list[dict[str, object]]:
        """The checks as they stand in a page record."""
        return [result.as_json() for result in self.checks]


def verdict_of(checks: Iterable[CheckResult], *, fatal: frozenset[str]) -> Verdict:
    """`bad` when a failing check is fatal, `look` when any other fails, else `good`."""
    failing = {result.name for result in checks if not result.ok}
    if failing & fatal:
        return "bad"
    return "look" if failing else "good"
