"""Alive, ready, and figures for Prometheus."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from importlib.metadata import version

import msgspec
from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from central.digitization.tables import objects
from central.environment.tables import alarms
from central.ledger.tables import acts, agents, ingest_state, ledger_leaves, quarantine
from central.people import rights
from central.store.engine import reading
from central.times import now_ms
from central.web.operation import Operation, operation
from central.web.state import State, state

BROKER_TIMEOUT_S = 1.0
SEQUENCER_LAG_MS = 10_000  # an act that waits longer says that ingest is down
MB = 1024 * 1024


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str
    version: str


class Ready(msgspec.Struct, frozen=True):
    """Whether each part that the service needs is fine; `ok`, or what is wrong."""

    status: str
    checks: dict[str, str]


def _broker(here: State) -> str:
    try:
        with socket.create_connection((here.config.broker.host, here.config.broker.port), timeout=BROKER_TIMEOUT_S):
            return "ok"
    except OSError as error:
        return f"not reachable: {error.strerror or error}"


def _store(here: State) -> tuple[str, str]:
    """(store, sequencer)."""
    oldest = select(func.min(acts.c.t_ms)).where(acts.c.leaf_idx.is_(None))
    try:
        with reading(here.engine) as connection:
            waiting = connection.scalar(oldest)
    except DBAPIError as error:
        return f"cannot be read: {error.orig}", "unknown"
    late = waiting is not None and now_ms() - waiting > SEQUENCER_LAG_MS
    return "ok", "acts are waiting: is ingest running?" if late else "ok"


def _disk(here: State) -> str:
    free_mb = shutil.disk_usage(here.config.data).free // MB
    reserve_mb = here.config.limits.ledger_reserve_mb
    return "ok" if free_mb >= reserve_mb else f"{free_mb} MB free, less than the ledger's reserve of {reserve_mb} MB"


class _Figures(Collector):
    """Counts from the store at the time of asking."""

    def __init__(self, here: State) -> None:
        self._here = here

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Each figure as a gauge."""
        with reading(self._here.engine) as connection:
            leaves = connection.scalar(select(func.max(ledger_leaves.c.idx)))
            waiting = connection.scalar(select(func.count()).select_from(acts).where(acts.c.leaf_idx.is_(None)))
            refused = connection.scalar(select(func.count()).select_from(quarantine))
            online = connection.execute(select(agents.c.name, agents.c.online)).all()
            troubles = connection.scalar(select(ingest_state.c.value).where(ingest_state.c.key == "counters"))
            states = connection.execute(select(alarms.c.state, func.count()).group_by(alarms.c.state)).all()
            stored = connection.execute(
                select(func.count(), func.coalesce(func.sum(objects.c.bytes), 0)).where(objects.c.state == "stored")
            ).one()
        yield GaugeMetricFamily("muniment_ledger_leaves", "Leaves of the ledger's tree.", value=0 if leaves is None else leaves + 1)
        yield GaugeMetricFamily("muniment_acts_waiting", "Acts that are not in the tree yet.", value=waiting or 0)
        yield GaugeMetricFamily("muniment_quarantined_batches", "Batches that were refused.", value=refused or 0)
        yield GaugeMetricFamily("muniment_objects", "Images and clips that are stored.", value=stored[0])
        yield GaugeMetricFamily("muniment_objects_bytes", "Their size.", value=stored[1])
        yield GaugeMetricFamily("muniment_live_clients", "Live clients of this worker.", value=self._here.live.clients)
        yield GaugeMetricFamily(
            "muniment_disk_free_bytes", "Free space for the centre.", value=shutil.disk_usage(self._here.config.data).free
        )
        agent_up = GaugeMetricFamily("muniment_agent_online", "Whether an agent is online.", labels=["agent"])
        for name, up in online:
            agent_up.add_metric([name], int(up))
        yield agent_up
        by_cause = GaugeMetricFamily("muniment_ingest_troubles", "What went wrong at ingest since it started, by cause.", labels=["cause"])
        for cause, count in msgspec.json.decode(troubles or "{}", type=dict[str, int]).items():
            by_cause.add_metric([cause], count)
        yield by_cause
        by_state = GaugeMetricFamily("muniment_alarms", "Alarms by state.", labels=["state"])
        for name, count in states:
            by_state.add_metric([name], count)
        yield by_state


def blueprint() -> Blueprint:
    """`/healthz`, `/readyz`, `/metrics`."""
    made = Blueprint("health", __name__)

    @made.get("/healthz")
    @operation(Operation(right=rights.PUBLIC, summary="The process answers.", result=Alive))
    def healthz() -> Alive:
        return Alive(status="ok", version=version("muniment"))

    @made.get("/readyz")
    @operation(
        Operation(right=rights.PUBLIC, summary="Broker, store, sequencer and disk are fine.", result=Ready, also={503: "one is not"})
    )
    def readyz() -> Ready | Response:
        here = state()
        store, sequencer = _store(here)
        checks = {"broker": _broker(here), "store": store, "sequencer": sequencer, "disk": _disk(here)}
        if all(word == "ok" for word in checks.values()):
            return Ready(status="ok", checks=checks)
        return Response(msgspec.json.encode(Ready(status="unavailable", checks=checks)), status=503, content_type="application/json")

    @made.get("/metrics")
    @operation(Operation(right=rights.PUBLIC, summary="Figures for Prometheus; counts only.", media=("text/plain",)))
    def metrics() -> Response:
        registry = CollectorRegistry()
        registry.register(_Figures(state()))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return made
