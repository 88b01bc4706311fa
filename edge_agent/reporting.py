"""Which samples of a channel are journalled: one each report period, and at once what a reader would not want to miss."""

from dataclasses import dataclass

from sensors.readings import Reading

# a change since the last journalled value that is worth a record of its own; a door opening in winter moves both by more
FAST = {"temperature": 0.5, "relative_humidity": 2.0, "illuminance": 50.0, "co2": 100.0, "pm2_5": 10.0}
SLACK_MS = 50
FAST_SHARE = 0.1  # for other quantities: this share of the last value


@dataclass(slots=True)
class Reporter:
    """Decides for one channel; times are those of the samples, so that samples that waited in a node are thinned alike.

    Periods lie on one grid of the boot's clock, so that all channels of an agent report in the same second: one signed batch for all of
    them takes a fraction of the bytes of one each. A channel sampled hardly more often than it reports goes by the time since its last.
    """

    report_s: float
    _last_m: int | None = None
    _seen_m: int = 0
    _period_m: int = 0
    _last_value: float | None = None
    _last_quality: str = ""

    def due(self, reading: Reading, value: float | None) -> str:
        """Why this sample is journalled (`first`, `period`, `quality`, `fast`), empty when it is not."""
        seen_m, self._seen_m = self._seen_m, reading.m_ms
        if self._last_m is None:
            return "first"
        if reading.quality != self._last_quality:
            return "quality"
        if reading.m_ms < self._last_m or self._period_over(reading.m_ms, reading.m_ms - seen_m):
            return "period"
        if value is not None and self._last_value is not None:
            step = FAST.get(reading.quantity, abs(self._last_value) * FAST_SHARE)
            if step and abs(value - self._last_value) >= step:
                return "fast"
        return ""

    def reported(self, reading: Reading, value: float | None) -> None:
        """This sample was journalled."""
        if self._last_m is None or reading.m_ms < self._last_m or self._period_over(reading.m_ms, 0):
            self._period_m = reading.m_ms
        self._last_m, self._last_value, self._last_quality = reading.m_ms, value, reading.quality

    def _period_over(self, m_ms: int, step_ms: int) -> bool:
        """Whether a sample that came step_ms after the one before it is the first of a new period."""
        period_ms = self.report_s * 1000
        if 2 * step_ms >= period_ms:
            return m_ms - self._period_m >= period_ms - SLACK_MS
        return m_ms // period_ms > self._period_m // period_ms
