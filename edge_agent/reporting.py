"""Which samples of a channel are journalled: one each report period, and at once what a reader would not want to miss."""

from dataclasses import dataclass

from sensors.readings import Reading

# a change since the last journalled value that is worth a record of its own; a door opening in winter moves both by more
FAST = {"temperature": 0.5, "relative_humidity": 2.0, "illuminance": 50.0, "co2": 100.0, "pm2_5": 10.0}
FAST_SHARE = 0.1  # for other quantities: this share of the last value


@dataclass(slots=True)
class Reporter:
    """Decides for one channel; times are those of the samples, so that samples that waited in a node are thinned alike."""

    report_s: float
    _last_m: int | None = None
    _last_value: float | None = None
    _last_quality: str = ""

    def due(self, reading: Reading, value: float | None) -> str:
        """Why this sample is journalled (`first`, `period`, `quality`, `fast`), empty when it is not."""
        if self._last_m is None:
            return "first"
        if reading.quality != self._last_quality:
            return "quality"
        if reading.m_ms - self._last_m >= self.report_s * 1000 - 50 or reading.m_ms < self._last_m:
            return "period"
        if value is not None and self._last_value is not None:
            step = FAST.get(reading.quantity, abs(self._last_value) * FAST_SHARE)
            if step and abs(value - self._last_value) >= step:
                return "fast"
        return ""

    def reported(self, reading: Reading, value: float | None) -> None:
        """This sample was journalled."""
        self._last_m, self._last_value, self._last_quality = reading.m_ms, value, reading.quality
