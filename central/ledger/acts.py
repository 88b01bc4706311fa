"""Acts: what a person did, or the centre decided by clock; recorded here, made leaves by the sequencer.

Kinds that change tables, with the fields of their bodies (all others, like login, view, print or export, are only recorded):

    alarm.acknowledge {alarm, text?}            alarm.shelve {alarm, until_ms, reason}
    alarm.unshelve {alarm, text?}               alarm.note {alarm, text}
    alarm.raise {alarm, rule, subject, agent, room, priority, words}      by "system": the centre's own alarms
    alarm.return {alarm}                        alarm.escalate {alarm, priority}    by "system"
    alarm.repeat {alarm}                        by "system": said again, because nobody acknowledged it
    alarm.suppress {alarm, by}                  by: works:ID or alarm:ID of the cause; by "system"
    alarm.release {alarm, text}                 by "system": nothing holds it back any more
    alarm.history {alarm, rule, subject, agent, room, priority, from_ms, to_ms, value, limit, words}    by "system", from late readings
    works.plan {works, room, kind, from_ms, to_ms, reason}    works.end {works}    works.cancel {works}
    calendar.set {weekend: [0-6], days: {YYYY-MM-DD: off|work}}
    patrol.round {round, name, times, zone, grace_min, off_days, checkpoints: [{code, room, name, look_at}]}    patrol.remove {round}
    patrol.check {check, code, t_ms, scanned, ok, note?}
    review.set {review, state?, owner?, verdict?, reason?}                state: open, claimed, escalated, closed
    batch.accept {batch, reason?, override?}    batch.reject {batch, reason, pages: [ids], rework?: [{page, reason, code?}]}
    page.review {page, ok, code?, reason?}      ok null takes the review back
    acceptance.plan {plan, name, rules, retired}    acceptance.choose {scope: site|unit|consignment|batch, name, plan}
    plan.set {plan, name, building?, floor?, width, height, image?}       plan.remove {plan}
    plan.place {plan, item, x, y, w?, h?}       x null takes the item off the plan
    limits.profile {profile, retired}           room.set {room, name_en?, name_zh?, outdoor, note?}
    room.limits {room, media: [ids], profiles, set_point_c?, set_point_pct?, swing_c?, swing_pct?, rate_c_h?, rate_pct_h?,
                 dew_point_max_c?, condensation_margin_k?, surface?}      profiles: as they were when they were chosen
    calibration.record {channel, serial?, points | offset, gain, date, due?, person, certificate?, note?}
    report.file {report, room, month, lang, sha256, bytes, tree_size}     report.schedule {room, on, day, lang, from_month}
    readings.policy {class, keep_raw_days, then: hour|drop}               keep_raw_days null: for ever
    readings.thin {channels, from_ms, to_ms, count, then}                 single readings of whole days are let go
    bench.people.add|set|pin {person, ...}      who may work at a bench; only recorded, names and hashes stand in a source table
    node.enrol {agent, node}    user and password are in the broker's file
    package.ask {package, batch, kind, recipients}      package.made {package, sha256, bytes, files, tree_size}    by "system"
    package.failed {package, words, words_zh}                             by "system"
    volume.register {volume, number, unit, consignment, declared, title?, kind?}      volume.link {volume, batch}
    volume.amend {volume, reason, title?, kind?, unit?, consignment?, declared?}      volume.withdraw {volume, reason}
    volume.hold {volume, reason}    volume.release {volume}                           consignment.set {consignment, witness}
    step.begin {volume, step}       step.finish {volume, step, count?, note?}         step.skip {volume, step, reason}
    step.back {volume, to, reason}  step.undo {volume}    step.checked {volume, count}    by "system": all images are here
    discrepancy.resolve {volume, discrepancy, note, count?}                           process.limits {limits: {step: {yellow_h, red_h}}}
    page.sequence {page, batch, ok, read, words, words_zh}                by "system": what the page's number says, once a page and change
    volume.describe {batch, volume?, state: confirmed|edited|dismissed, title?, number?, suggested}
    recognition.first {batch}    recognition.retry {batch}    recognition.again {batch}    the order of the work, and what is read anew
    page.reject {page, reason}                  gap {agent, lane, epoch, from, to}    by "system"
"""

import hashlib
import secrets
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from central.ledger.tables import acts
from central.store.engine import reading
from wire.codec import dumps

WAIT_STEP_S = 0.02


def record(connection: Connection, *, kind: str, actor: str, body: Mapping[str, Any], t_ms: int | None = None) -> int:
    """Record an act in the caller's write transaction and return its id; it takes effect when the sequencer appends its leaf.

    Body is a JSON object of ids and plain values; `actor` is put inside it, since only the salted digest of the body enters the tree.
    """
    salt = secrets.token_bytes(16)
    text = dumps({**body, "actor": actor})
    statement = (
        insert(acts)
        .values(
            t_ms=time.time_ns() // 1_000_000 if t_ms is None else t_ms,
            kind=kind,
            actor=actor,
            salt=salt,
            body=text,
            digest=hashlib.sha256(salt + text.encode()).hexdigest(),
        )
        .returning(acts.c.id)
    )
    return int(connection.execute(statement).scalar_one())


def wait_projected(engine: Engine, act_id: int, timeout_s: float = 2.0) -> bool:
    """Whether the act's effect is in the tables, waiting up to timeout_s for the sequencer."""
    end = time.monotonic() + timeout_s
    while True:
        with reading(engine) as connection:
            if connection.scalar(select(acts.c.leaf_idx).where(acts.c.id == act_id)) is not None:
                return True
        if time.monotonic() >= end:
            return False
        time.sleep(WAIT_STEP_S)


def same_since(connection: Connection, *, kind: str, actor: str, body: Mapping[str, Any], covers_ms: int) -> bool:
    """Whether the same actor did the same within the last covers_ms milliseconds."""
    since = time.time_ns() // 1_000_000 - covers_ms
    same = (acts.c.kind == kind) & (acts.c.t_ms > since) & (acts.c.actor == actor) & (acts.c.body == dumps({**body, "actor": actor}))
    return connection.scalar(select(acts.c.id).where(same).limit(1)) is not None
