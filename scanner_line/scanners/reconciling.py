"""Sheets declared, fed, imaged and accepted, reconciled while they run: what a bench says of its open batch at any moment."""

from dataclasses import dataclass

from scanner_line.batches import Batch
from scanner_line.scanners.sane import SaneSource
from scanner_line.station import Station


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Of one batch: pages declared (None: nobody said), images the scanner gave, images that count as pages, their verdicts, places held
    for pages without an image. `fed` less `images` were replaced, taken out, or could not be kept (`lost`)."""

    declared: int | None
    fed: int
    images: int
    good: int
    look: int
    bad: int
    placeholders: int
    replaced: int
    deleted: int
    lost: int

    @property
    def difference(self) -> int | None:
        """Pages over (positive) or short of (negative) what was declared; None where nothing was."""
        return None if self.declared is None else self.images + self.placeholders - self.declared

    @property
    def settled(self) -> bool:
        """Whether declared = fed = images = accepted by the checks, with nothing lost and nothing bad."""
        return self.difference == 0 and not self.lost and not self.bad

    @property
    def words(self) -> tuple[str, str]:
        """What stands between this batch and being settled, in English and Chinese; two empty texts if nothing does."""
        said: list[tuple[str, str]] = []
        if self.difference is not None and self.difference < 0:
            missing = -self.difference
            said.append(
                (
                    f"{missing} of {self.declared} pages are missing: load more and press, or close and confirm the difference",
                    f"应有 {self.declared} 页，还缺 {missing} 页：请继续装纸扫描，或关闭并确认差异",
                )
            )
        elif self.difference:
            said.append(
                (f"{self.difference} pages more than the {self.declared} declared", f"比申报的 {self.declared} 页多 {self.difference} 页")
            )
        if self.lost:
            said.append((f"{self.lost} fed images could not be kept: scan those sheets again", f"{self.lost} 张图像未能保存：请重新扫描"))
        if self.bad:
            said.append((f"{self.bad} bad pages are to be taken again", f"{self.bad} 页不合格，需重拍"))
        return "; ".join(english for english, _ in said), "；".join(chinese for _, chinese in said)


def reconcile(batch: Batch, *, lost: int = 0) -> Reconciliation:
    """The reconciliation of a batch from its books; `lost` images came from the scanner since it opened and could not be kept."""
    counts = batch.counts
    images = counts.captured - counts.placeholders
    return Reconciliation(
        declared=batch.declared,
        fed=images + counts.replaced + counts.deleted + lost,
        images=images,
        good=counts.good,
        look=counts.look,
        bad=counts.bad,
        placeholders=counts.placeholders,
        replaced=counts.replaced,
        deleted=counts.deleted,
        lost=lost,
    )


def reconciliation_of(station: Station) -> Reconciliation | None:
    """That of a station's open batch; None while none is open."""
    batch, source = station.facts.batch, station.source
    if batch is None:
        return None
    lost = [moment for moment in source.lost if moment >= batch.opened_ms] if isinstance(source, SaneSource) else []
    return reconcile(batch, lost=len(lost))
