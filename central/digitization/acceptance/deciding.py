"""Whether a batch may be accepted: what the machine found, what is still to be looked at, what the sample says, who asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from central.digitization import queries as digitization
from central.digitization.acceptance import lots
from central.digitization.acceptance.findings import Finding, findings_of
from central.digitization.acceptance.plans import Rules, rules_of
from central.digitization.acceptance.tables import acceptance_sample, page_reviews
from central.digitization.people.queries import names

LEFT = 50  # pages named as still to be looked at


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the looking has come: `left` are the first pages that are still to be looked at, in order."""

    required: int
    reviewed: int
    sampled: int
    looked: int  # of the random sample
    defects: int  # of those, rejected
    rejected: list[str]  # every page that a reviewer rejected
    left: list[str]


class Obstacle(msgspec.Struct, frozen=True):
    """Why a batch may not be accepted now, and how that is mended; `overridable` by an archivist with a reason."""

    code: str
    words: str
    words_zh: str
    overridable: bool


class Dossier(msgspec.Struct, frozen=True, kw_only=True):
    """All that a decision rests on."""

    findings: list[Finding]
    progress: Progress
    obstacles: list[Obstacle]


def required_of(connection: Connection, lot: Row[Any], counting: Sequence[Row[Any]], rules: Rules) -> dict[str, str]:
    """{page: why} of what a person looks at, in order: drawn, changed, placeholders, and what a check doubts where the plan says so."""
    where = (acceptance_sample.c.batch_id == lot.batch_id) & (acceptance_sample.c.round == lot.round)
    drawn = {row.page_id: row.why for row in connection.execute(select(acceptance_sample).where(where))}
    made = {}
    for row in counting:  # a page that was deleted or replaced since is not looked at any more
        if row.id in drawn:
            made[row.id] = drawn[row.id]
        elif rules.doubtful and row.verdict == "look":
            made[row.id] = "doubtful"
    return made


def reviews_of(connection: Connection, lot: Row[Any]) -> dict[str, Row[Any]]:
    """What was said of each page in this round."""
    where = (page_reviews.c.batch_id == lot.batch_id) & (page_reviews.c.round == lot.round)
    return {row.page_id: row for row in connection.execute(select(page_reviews).where(where))}


def _sample_says(rules: Rules, lot: Row[Any], progress: Progress, rejected: Sequence[Row[Any]]) -> tuple[str, str] | None:
    """In English and Chinese, why the sample rejects the batch; None where it does not."""
    strict, bad = sum(row.code in rules.strict_codes for row in rejected), progress.defects
    if strict:
        return f"Pages that do not match what the index says: {strict}; none may.", f"{strict} 页与目录不符：须全部相符。"
    if rules.sampling == "iso2859" and lot.re is not None and bad >= lot.re:
        english = f"Rejected pages in the sample: {bad}; from {lot.re} on the batch is rejected."
        return english, f"样本中退回 {bad} 页，达到 {lot.re} 页即拒收。"
    if rules.sampling != "iso2859" and rules.min_ok_pct is not None and progress.looked:
        share = 100 * (progress.looked - bad) / progress.looked
        if share < rules.min_ok_pct:
            asked = f"{rules.min_ok_pct:g}"
            return f"{share:.1f} % of the sample passed; {asked} % are asked.", f"样本合格率 {share:.1f}%，要求 {asked}%。"
    return None


def progress_of(required: dict[str, str], reviewed: dict[str, Row[Any]]) -> Progress:
    """How far the looking has come."""
    drawn = [page for page, why in required.items() if why == "sample"]
    return Progress(
        required=len(required),
        reviewed=sum(page in reviewed for page in required),
        sampled=len(drawn),
        looked=sum(page in reviewed for page in drawn),
        defects=sum(page in reviewed and not reviewed[page].ok for page in drawn),
        rejected=[page for page, row in reviewed.items() if not row.ok],
        left=[page for page in required if page not in reviewed][:LEFT],
    )


def _captured_by(connection: Connection, batch: digitization.Batch, counting: Sequence[Row[Any]]) -> set[str]:
    """Who captured pages of a batch: the ids that the bench recorded, and the names of those who have such an id."""
    idents = {str(one) for one in (batch.operator, *(row.operator for row in counting)) if one}
    return {one.casefold() for one in (*idents, *names(connection, idents).values())}


def dossier_of(connection: Connection, batch: digitization.Batch, lot: Row[Any] | None, *, actor: str | None = None) -> Dossier:
    """What a decision rests on; `actor` is who would accept. An open lot's obstacles; a decided one has none."""
    counting = lots.counting(connection, batch.id)
    if lot is None:
        found = findings_of(connection, batch, counting, passed=frozenset(), registered=False)
        return Dossier(findings=found, progress=progress_of({}, {}), obstacles=[])
    rules, reviewed = rules_of(lot.rules), reviews_of(connection, lot)
    passed = frozenset(page for page, row in reviewed.items() if row.ok and row.reason) if rules.override else frozenset()
    found = findings_of(connection, batch, counting, passed=passed, registered=lot.unit is not None)
    progress = progress_of(required_of(connection, lot, counting, rules), reviewed)
    obstacles: list[Obstacle] = []
    if rules.enforce and lot.state == "open":
        if rules.machine and found:
            english, chinese = " ".join(one.words for one in found), "".join(one.words_zh for one in found)
            obstacles.append(Obstacle("machine-checks", english, chinese, rules.override))
        if progress.reviewed < progress.required:
            left = progress.required - progress.reviewed
            english = f"Not looked at yet: {left} of {progress.required} pages; go on with the review."
            obstacles.append(
                Obstacle("sample-incomplete", english, f"还有 {left} 页（共 {progress.required} 页）未查看：请继续检查。", rules.override)
            )
        says = _sample_says(rules, lot, progress, [row for row in reviewed.values() if not row.ok])
        if says is not None:
            obstacles.append(Obstacle("sample-rejects", *says, rules.override))
        if rules.four_eyes and actor is not None and actor.casefold() in _captured_by(connection, batch, counting):
            english = "You captured pages of this batch: somebody else has to accept it."
            obstacles.append(Obstacle("four-eyes", english, "本批有您采集的页面：须由他人验收。", False))
    return Dossier(findings=found, progress=progress, obstacles=obstacles)


def obstacles_of(connection: Connection, batch: digitization.Batch, *, actor: str) -> list[Obstacle]:
    """Why this person may not accept this batch now; empty where nothing stands in the way."""
    return dossier_of(connection, batch, lots.last_lot(connection, batch.id), actor=actor).obstacles


def rework_of(connection: Connection, ident: str, *, pages: Sequence[str], reason: str, wish: bool | None) -> list[dict[str, Any]] | None:
    """What goes back to the bench with a rejection: each page with what its reviewer said; None where nothing does.

    As the plan has it (who enforces one also sends back) unless wished otherwise; an empty list is the whole batch.
    """
    lot = lots.last_lot(connection, ident)
    if not (wish if wish is not None else lot is not None and rules_of(lot.rules).enforce):
        return None
    said = {} if lot is None else reviews_of(connection, lot)
    made = []
    for page in pages:
        row = said.get(page)
        facts = {"page": page, "reason": reason if row is None or not row.reason else row.reason}
        made.append(facts if row is None or row.code is None else facts | {"code": row.code})
    return made
