"""The climate of a simulated sensor: season, day, noise, and over them what was planned; a function of seed, sensor and day alone."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

T0 = 1_748_736_000_000  # 2025-06-01T00:00:00Z: a year that is over, so that no figure depends on today
MINUTE, DAY_MINUTES = 60_000, 1440
GOOD, SILENT, BAD, LOST = 0, 1, 2, 3  # a sample was taken; the sensor says nothing; it says nonsense; the agent was down
TOLERANCE_C, TOLERANCE_PCT = 0.2, 1.8
Floats = NDArray[np.float64]
States = NDArray[np.int8]


@dataclass(frozen=True)
class Kind:
    """What hangs in a room of this kind: the climate it has without plans, and its sensors' limits as the file has them."""

    name: str
    temp_c: float
    rh_pct: float
    limits: dict[str, str]  # suffix of the rule's name -> TOML


TIMES = "delay_s = 300\noff_delay_s = 300\n"
TEMP, HUMID = 'quantity = "temperature"\n', 'quantity = "relative_humidity"\n'
KINDS = (
    Kind(
        "paper",
        19.0,
        50.0,
        {
            "t": TEMP + "above = 24.0\nbelow = 14.0\ndeadband = 0.5\n" + TIMES + 'priority = "high"\n',
            "h": HUMID + "above = 60.0\nbelow = 40.0\ndeadband = 2.0\ndelay_s = 600\noff_delay_s = 300\n",
            "dew": 'quantity = "dew_point"\nabove = 14.0\ndeadband = 0.5\n' + TIMES,
        },
    ),
    Kind(
        "film",
        12.0,
        30.0,
        {
            "pair": 'kind = "pairs"\ndeadband_t = 0.5\ndeadband_rh = 1.0\n'
            + TIMES
            + "boxes = [{t_min = 2, t_max = 21, rh_min = 20, rh_max = 30}, {t_min = 2, t_max = 15, rh_min = 20, rh_max = 40}, "
            + "{t_min = 2, t_max = 10, rh_min = 20, rh_max = 50}]\n"
        },
    ),
    Kind(
        "hall",
        19.0,
        50.0,
        {
            "swing": 'kind = "swing"\n' + TEMP + "within = 2.0\ndeadband = 0.2\n" + TIMES,
            "set": 'kind = "swing"\n' + HUMID + "within = 8.0\nset_point = 50.0\ndeadband = 1.0\n" + TIMES,
        },
    ),
    Kind(
        "glass",
        18.0,
        45.0,
        {
            "rate-t": 'kind = "rate"\n' + TEMP + "per_h = 3.0\ndeadband = 0.5\n" + TIMES,
            "rate-h": 'kind = "rate"\n' + HUMID + "per_h = 10.0\ndeadband = 1.0\n" + TIMES,
        },
    ),
)


@dataclass(frozen=True)
class Overlay:
    """From minute k on, these values in the place of the sensor's own, added to them where `adds`; None leaves them; `state` of samples."""

    k: int
    n: int
    temp: Floats | None = None
    rh: Floats | None = None
    adds: bool = False
    state: int = GOOD


@dataclass
class Sensor:
    """One temperature and humidity sensor: two channels."""

    index: int
    agent: str
    name: str
    kind: Kind
    seed: int
    overlays: list[Overlay] = field(default_factory=list)

    @property
    def phase_ms(self) -> int:
        """When within the minute it is sampled."""
        return self.index * 577 % 50_000

    @property
    def room(self) -> str:
        """Each agent serves a room of each kind."""
        return f"{self.agent}-{self.kind.name}"

    @property
    def subject(self) -> str:
        """Its identity."""
        return f"{self.agent}/{self.name}"

    def channel(self, quantity: str) -> str:
        """A channel's id."""
        return f"{self.agent}.{self.name}.{quantity}"

    def t_ms(self, k: int) -> int:
        """The true time of the sample of minute k."""
        return T0 + k * MINUTE + self.phase_ms

    def day(self, number: int) -> tuple[Floats, Floats, States]:
        """(temperature, humidity, state) of the samples of a day."""
        random = np.random.default_rng([self.seed, self.index, number])
        minute = np.arange(DAY_MINUTES)
        daily = np.sin(2 * math.pi * (minute / DAY_MINUTES - 0.375 + self.index * 0.01))
        season = math.sin(2 * math.pi * number / 365)
        temp = self.kind.temp_c + season + 0.6 * daily + np.clip(random.normal(0, 0.05, DAY_MINUTES), -0.15, 0.15)
        rh = self.kind.rh_pct + 2 * season - 1.2 * daily + np.clip(random.normal(0, 0.15, DAY_MINUTES), -0.5, 0.5)
        state = np.zeros(DAY_MINUTES, dtype=np.int8)
        begin = number * DAY_MINUTES
        for one in self.overlays:
            low, high = max(one.k, begin), min(one.k + one.n, begin + DAY_MINUTES)
            if low >= high:
                continue
            here, there = slice(low - begin, high - begin), slice(low - one.k, high - one.k)
            for values, planned in ((temp, one.temp), (rh, one.rh)):
                if planned is not None:
                    values[here] = values[here] + planned[there] if one.adds else planned[there]
            if one.state:
                state[here] = one.state
        return np.round(temp, 2), np.round(rh, 2), state
