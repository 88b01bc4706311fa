"""The preservation formulas as pure functions of scalars: units in the names, None for what cannot be answered, never an invented number.

Every function takes degrees Celsius (`temp_c`) and per cent relative humidity over water (`rh_pct`). A value that is missing, not a
number, or outside TEMP_C / RH_PCT gives None: it is rejected, not clamped. `docs/metrics.md` has each source, validity and tolerance.
"""

import math

TEMP_C = (-60.0, 100.0)  # what is accepted at all; each formula's own validity is narrower and stands in its docstring
RH_PCT = (0.0, 100.0)
PRESSURE_HPA = (300.0, 1200.0)
STANDARD_HPA = 1013.25
ZERO_K = 273.15

WATER_A, WATER_B, WATER_HPA = 17.625, 243.04, 6.1094  # Alduchov & Eskridge 1996, over water, -40..50 °C: within 0.4 %
ICE_A, ICE_B, ICE_HPA = 22.587, 273.86, 6.1121  # the same paper, over ice, -80..0 °C
VAPOUR_GAS = 461.495  # J/(kg K), of water vapour
MIXING = 621.945  # g/kg, 1000 x the ratio of molar masses of water and dry air (ASHRAE Fundamentals)
GAS = 8.314  # J/(mol K), as the preservation index has it
MKT_K = 83_144.0 / 8.3144  # ΔH 83.144 kJ/mol over R, as the pharmacopoeias round it: 10,000 K
PAPER_J = 100_000.0  # activation energy of paper's decay, Michalski 2002
REFERENCE_K = 293.15
REFERENCE_RH = 50.0
RH_POWER = 1.3


def is_climate(temp_c: float | None, rh_pct: float | None) -> bool:
    """Whether both values are numbers that a storeroom's air can have."""
    if temp_c is None or rh_pct is None:
        return False
    return TEMP_C[0] <= temp_c <= TEMP_C[1] and RH_PCT[0] <= rh_pct <= RH_PCT[1]  # a NaN fails every comparison


def saturation_hpa(temp_c: float) -> float | None:
    """Saturation vapour pressure over water in hPa, also below 0 °C (Magnus, Alduchov & Eskridge 1996); within 0.4 % at -40..50 °C."""
    return WATER_HPA * math.exp(WATER_A * temp_c / (temp_c + WATER_B)) if is_climate(temp_c, 0.0) else None


def vapour_pressure_hpa(temp_c: float | None, rh_pct: float | None) -> float | None:
    """Partial pressure of water vapour in hPa: RH/100 of saturation over water."""
    if temp_c is None or rh_pct is None or not is_climate(temp_c, rh_pct):
        return None
    return rh_pct / 100.0 * WATER_HPA * math.exp(WATER_A * temp_c / (temp_c + WATER_B))


def dew_point(temp_c: float | None, rh_pct: float | None) -> float | None:
    """Dew point over water in °C (Magnus inverted, a = 17.625, b = 243.04 °C); within 0.15 K at 0..60 °C; None at 0 % RH.

    Below 0 °C this is still the dew point over (supercooled) water, which is what meteorology reports; `frost_point` is over ice.
    """
    if temp_c is None or rh_pct is None or not is_climate(temp_c, rh_pct) or rh_pct < 1e-6:
        return None
    gamma = math.log(rh_pct / 100.0) + WATER_A * temp_c / (WATER_B + temp_c)
    return WATER_B * gamma / (WATER_A - gamma)


def frost_point(temp_c: float | None, rh_pct: float | None) -> float | None:
    """Temperature in °C at which this air is saturated over ice; None where that is above 0 °C (no ice there), or at 0 % RH."""
    pressure = vapour_pressure_hpa(temp_c, rh_pct)
    if pressure is None or pressure < 1e-9 or pressure > ICE_HPA:
        return None
    gamma = math.log(pressure / ICE_HPA)
    return ICE_B * gamma / (ICE_A - gamma)


def absolute_humidity(temp_c: float | None, rh_pct: float | None) -> float | None:
    """Water vapour in g/m³: 1000·e / (461.495·T_K), e in Pa; tolerance that of the saturation pressure, 0.4 %."""
    if temp_c is None or rh_pct is None or not is_climate(temp_c, rh_pct):
        return None
    pa = rh_pct * WATER_HPA * math.exp(WATER_A * temp_c / (temp_c + WATER_B))
    return 1000.0 * pa / (VAPOUR_GAS * (temp_c + ZERO_K))


def mixing_ratio(temp_c: float | None, rh_pct: float | None, *, pressure_hpa: float = STANDARD_HPA) -> float | None:
    """Grams of water a kilogram of dry air: 621.945·e / (p - e); None where the vapour's pressure is not below the air's."""
    if not PRESSURE_HPA[0] <= pressure_hpa <= PRESSURE_HPA[1]:
        return None
    vapour = vapour_pressure_hpa(temp_c, rh_pct)
    if vapour is None or vapour >= pressure_hpa:
        return None
    return MIXING * vapour / (pressure_hpa - vapour)


def emc(temp_c: float | None, rh_pct: float | None) -> float | None:
    """Equilibrium moisture content of wood in % of dry mass (Hailwood & Horrobin; USDA Wood Handbook 2010, eq. 4-5).

    Fitted at -1..93 °C; within about 0.1 % EMC of the handbook's table 4-2 there. Paper holds some less; the course is alike.
    """
    if temp_c is None or rh_pct is None or not is_climate(temp_c, rh_pct):
        return None
    t, h = temp_c, rh_pct / 100.0
    w = 349.0 + 1.29 * t + 0.0135 * t * t
    k = 0.805 + 0.000736 * t - 2.73e-6 * t * t
    k1 = 6.27 - 0.00938 * t - 0.000303 * t * t
    k2 = 1.91 + 0.0407 * t - 0.000293 * t * t
    kh = k * h
    a, b = k1 * kh, k1 * k2 * kh * kh
    return 1800.0 / w * (kh / (1.0 - kh) + (a + 2.0 * b) / (1.0 + a + b))


def preservation_index(temp_c: float | None, rh_pct: float | None) -> float | None:
    """Preservation index in years, approx.: closed form within about 5 % of the Image Permanence Institute's table."""
    if temp_c is None or rh_pct is None or not is_climate(temp_c, rh_pct):
        return None
    return math.exp((95_220.0 - 134.9 * rh_pct) / (GAS * (temp_c + ZERO_K)) + 0.0284 * rh_pct - 28.023) / 365.0


def lifetime_multiplier(temp_c: float | None, rh_pct: float | None, *, activation_j: float = PAPER_J) -> float | None:
    """How many times longer than at 20 °C, 50 %RH a thing lasts: (50/RH)^1.3 · exp(Ea/R·(1/T_K - 1/293.15)) (Michalski 2002).

    `activation_j` is Ea in J/mol: 100,000 for paper. None at 0 % RH, where the power has no value; said for about 10-80 %RH.
    """
    if temp_c is None or rh_pct is None or not is_climate(temp_c, rh_pct) or rh_pct < 1e-6 or not 0.0 < activation_j <= 300_000.0:
        return None
    return math.pow(REFERENCE_RH / rh_pct, RH_POWER) * math.exp(activation_j / GAS * (1.0 / (temp_c + ZERO_K) - 1.0 / REFERENCE_K))


def kinetic_weight(temp_c: float) -> float:
    """exp(-ΔH/(R·T_K)), scaled by its value at 20 °C so that sums are of order one: what mean kinetic temperature averages."""
    return math.exp(MKT_K * (1.0 / REFERENCE_K - 1.0 / (temp_c + ZERO_K)))


def mean_kinetic(mean_weight: float) -> float | None:
    """Mean kinetic temperature in °C (ΔH 83.144 kJ/mol) from the duration-weighted mean of `kinetic_weight`."""
    if not mean_weight > 0.0:
        return None
    return 1.0 / (1.0 / REFERENCE_K - math.log(mean_weight) / MKT_K) - ZERO_K
