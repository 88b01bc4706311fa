"""One small room as a deterministic world: its climate through the day, and people who open its door."""

import math
import random
from dataclasses import dataclass

DAY_S = 86400.0
SETTLE_S = 120.0  # how fast a room recovers from an open door
OPEN_S = (3.0, 7.0)  # how long a person keeps the door open
FIRST_OPENING_S = 6.0
OUTSIDE_C, OUTSIDE_PCT = 23.5, 62.0  # the corridor
EXCHANGE = 0.02  # share of the difference to the corridor that an opening leaves behind
LAMP_LX, DAYLIGHT_LX = 180.0, 6.0  # the lamp while somebody is inside; what a shuttered window lets in at noon
LAMP_S = 30.0  # how long the lamp stays on after the door shut
UV_SHARE = 0.02  # uW/cm2 of ultraviolet for each lux of daylight
OUTDOOR_PPM, PERSON_PPM = 430.0, 90.0  # carbon dioxide outside; what a visit adds
MORNING_S = 9 * 3600.0  # the world begins at nine in the morning
NOISE_C, NOISE_PCT = 0.02, 0.06  # about an SHT4x's repeatability


@dataclass(frozen=True, slots=True)
class Opening:
    """One passage of a person: the door opens and shuts again, in seconds of the world."""

    opens_s: float
    shuts_s: float


class RoomWorld:
    """Answers what the room is like at any second since its start; the same seed gives the same world."""

    def __init__(
        self,
        *,
        seed: int = 1,
        temp_c: float = 18.0,
        rh_pct: float = 50.0,
        swing_c: float = 0.4,
        people: bool = True,
        door_every_s: float = 120.0,
    ) -> None:
        """temp_c, rh_pct: the day's mean; swing_c: amplitude of the daily swing; door_every_s: mean time between openings."""
        self._temp_c = temp_c
        self._rh_pct = rh_pct
        self._swing_c = swing_c
        self._people = people
        self._every_s = door_every_s
        self._seed = seed
        self._random = random.Random(f"doors {seed}")
        self._phase = random.Random(f"phase {seed}").uniform(0, 2 * math.pi)
        self._openings: list[Opening] = []
        self._known_s = 0.0

    def openings(self, until_s: float) -> list[Opening]:
        """Every opening that begins before this second and can still be felt."""
        while self._people and self._known_s <= until_s:
            at_s = FIRST_OPENING_S if not self._known_s else self._known_s + self._every_s * self._random.uniform(0.6, 1.4)
            self._openings.append(Opening(at_s, at_s + min(self._random.uniform(*OPEN_S), self._every_s * 0.4)))
            self._known_s = at_s
        felt = until_s - 5 * SETTLE_S
        while self._openings and self._openings[0].shuts_s < felt:
            self._openings.pop(0)
        return [opening for opening in self._openings if opening.opens_s <= until_s]

    def door_open(self, at_s: float) -> bool:
        """Whether the door stands open."""
        return any(opening.opens_s <= at_s < opening.shuts_s for opening in self.openings(at_s))

    def person_inside(self, at_s: float) -> bool:
        """Whether somebody moves in the room: from the opening until 2 s after it shuts."""
        return any(opening.opens_s <= at_s < opening.shuts_s + 2 for opening in self.openings(at_s))

    def climate(self, at_s: float, *, climate_s: float | None = None) -> tuple[float, float]:
        """Temperature in degrees Celsius and relative humidity in percent.

        at_s: second of the world, for doors; climate_s: second of the day's course where it runs faster, else the same.
        """
        course_s = at_s if climate_s is None else climate_s
        swing = math.sin(2 * math.pi * course_s / DAY_S + self._phase)
        temp_c = self._temp_c + self._swing_c * swing
        rh_pct = self._rh_pct - 1.5 * self._swing_c * swing
        felt = sum(self._felt(opening, at_s) for opening in self.openings(at_s))
        share = 1 - math.exp(-felt)
        noise = random.Random(f"{self._seed} {at_s:.3f}")
        return (
            temp_c + (OUTSIDE_C - temp_c) * share + noise.gauss(0, NOISE_C),
            rh_pct + (OUTSIDE_PCT - rh_pct) * share + noise.gauss(0, NOISE_PCT),
        )

    def values(self, at_s: float, *, climate_s: float | None = None) -> dict[str, float]:
        """What there is to measure, by quantity, beside temperature and humidity also light, ultraviolet, CO2, pressure and the rest.

        at_s, climate_s: as for `climate`. `surface` is the temperature of a cold wall.
        """
        temp_c, rh_pct = self.climate(at_s, climate_s=climate_s)
        course_s = at_s if climate_s is None else climate_s
        openings = self.openings(at_s)
        daylight = DAYLIGHT_LX * max(0.0, math.sin(2 * math.pi * (course_s + MORNING_S - DAY_S / 4) / DAY_S))
        lamp = LAMP_LX if any(opening.opens_s <= at_s < opening.shuts_s + LAMP_S for opening in openings) else 0.0
        felt = 1 - math.exp(-sum(self._felt(opening, at_s) for opening in openings) / EXCHANGE)
        noise = random.Random(f"{self._seed} others {at_s:.3f}")
        return {
            "temperature": temp_c,
            "relative_humidity": rh_pct,
            "surface": temp_c - 2.5,
            "illuminance": max(0.0, lamp + daylight + noise.gauss(0, 0.02)),
            "uv_irradiance": max(0.0, UV_SHARE * daylight + noise.gauss(0, 0.002)),
            "co2": OUTDOOR_PPM + PERSON_PPM * felt + noise.gauss(0, 2),
            "air_pressure": 1013.2 + 4 * math.sin(2 * math.pi * course_s / (5 * DAY_S)) + noise.gauss(0, 0.02),
            "pm1": abs(2.0 + noise.gauss(0, 0.2)),
            "pm2_5": abs(4.0 + 8.0 * felt + noise.gauss(0, 0.3)),
            "pm10": abs(6.0 + 14.0 * felt + noise.gauss(0, 0.5)),
            "voc": abs(80.0 + 60.0 * felt + noise.gauss(0, 3)),
            "magnetic_flux_density": 48.0 + noise.gauss(0, 0.1),
            "voltage": 5.0,
            "current": 12.0,
            "count": float(int(at_s)),
        }

    @staticmethod
    def _felt(opening: Opening, at_s: float) -> float:
        if at_s < opening.shuts_s:
            return EXCHANGE * (at_s - opening.opens_s) / (opening.shuts_s - opening.opens_s)
        return EXCHANGE * math.exp(-(at_s - opening.shuts_s) / SETTLE_S)
