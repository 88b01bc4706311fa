"""Puts the domains' projections together: entries in ledger order, each record after the clocks and channels that stand before it."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from central.digitization.acceptance.projection import AcceptanceProjector
from central.digitization.packages.projection import PackageProjector
from central.digitization.process.projection import ProcessProjector
from central.digitization.projection import DigitizationProjector
from central.digitization.recognition.projection import RecognitionProjector
from central.environment.alarm_projection import AlarmProjector
from central.environment.climate import ClimateProjector
from central.environment.instruments.projection import InstrumentProjector
from central.environment.limits.projection import LimitsProjector
from central.environment.metrics.projection import MetricsProjector
from central.environment.patrols.projection import PatrolProjector
from central.environment.plans.projection import PlanProjector
from central.environment.projection import RoomProjector
from central.environment.reports.projection import ReportProjector
from central.environment.works.projection import WorksProjector
from central.health.projection import BootClock, HealthProjector
from central.security.projection import SecurityProjector
from central.store.projecting import BROKEN, ActEntry, BatchEntry, Context, Live, Projector, as_json

log = logging.getLogger(__name__)
_LIVE = "INSERT INTO live (t_ms, event, agent, room, data) VALUES (?, ?, ?, ?, ?)"
DIVIDING = ("clock", "channel")  # kinds after which the records of a batch are read differently


def parts_of(entry: BatchEntry) -> Iterator[BatchEntry]:
    """The entry, cut before every record that changes how the following ones are read."""
    cuts = [seq for seq, record in entry.records if record["k"] in DIVIDING and seq > entry.first]
    if not cuts:
        yield entry
        return
    for low, high in pairwise([entry.first, *cuts, entry.first + entry.n]):
        records = [(seq, record) for seq, record in entry.records if low <= seq < high]
        readings = [(seq, reading) for seq, reading in entry.readings if low <= seq < high]
        yield replace(entry, records=records, readings=readings, last=high == entry.first + entry.n)


class Projections:
    """All projections, as one function of the ledger's order."""

    def __init__(self) -> None:
        """Make the domains' projectors; `load` before the first entry."""
        self._clock = BootClock()
        self._rooms, alarms = RoomProjector(), AlarmProjector()
        climate, security, digitization = ClimateProjector(), SecurityProjector(), DigitizationProjector()
        metrics = self._metrics = MetricsProjector(climate.shifted)  # after climate, whose rows it reads
        corrections = [climate.correct, metrics.correct, alarms.correct, security.correct, digitization.correct]
        health = HealthProjector(self._clock, corrections)
        self._projectors: tuple[Projector, ...] = (
            health,
            self._rooms,
            WorksProjector(),
            PatrolProjector(),
            alarms,
            climate,
            metrics,
            security,
            digitization,
            RecognitionProjector(),
            PlanProjector(),
            ReportProjector(),
            PackageProjector(),
            LimitsProjector(),
            InstrumentProjector(),
            ProcessProjector(),  # after all that write batches and pages
            AcceptanceProjector(),  # after the volumes, whose units it asks for
        )

    @property
    def pending(self) -> bool:
        """Whether a flush would go on with something that the last one left."""
        return self._metrics.pending

    def load(self, connection: Connection) -> None:
        """Read what projectors keep in memory; also after a transaction was rolled back."""
        for projector in self._projectors:
            projector.load(connection)

    def context(self, connection: Connection, *, live: list[Live] | None) -> Context:
        """The context of one transaction."""
        return Context(connection, self._clock, self._rooms.room_of, live)

    def batch(self, context: Context, entry: BatchEntry) -> list[str]:
        """Project a batch; what could not be projected, in words."""
        context.problems = []
        for part in parts_of(entry):
            for projector in self._projectors:
                projector.batch(context, part)
        return context.problems

    def act(self, context: Context, entry: ActEntry) -> None:
        """Project an act; one that fits nothing is kept in the ledger and logged."""
        for projector in self._projectors:
            try:
                projector.act(context, entry)
            except OperationalError:
                raise
            except BROKEN as error:
                log.warning("act %s at leaf %d changes nothing: %s", entry.kind, entry.leaf_idx, error)

    def flush(self, context: Context, t_ms: int) -> None:
        """Write what was gathered, and the live events."""
        for projector in self._projectors:
            projector.flush(context)
        if context.live:
            rows = [(t_ms, e.event, e.agent, e.room, as_json(e.data)) for e in context.live]
            context.connection.exec_driver_sql(_LIVE, rows)
            context.live.clear()
