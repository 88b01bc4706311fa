"""Dew point and condensation margin on the agent, with how far the sensors' tolerances carry into them."""

import math

A, B = 17.625, 243.04  # Magnus over water, Alduchov & Eskridge 1996; -40 to 50 degrees Celsius
RH_LEAST = 0.1  # below it a dew point says nothing


def dew_point_c(temp_c: float, rh_pct: float) -> float | None:
    """Dew point over water in degrees Celsius; None where the air is too dry (or the numbers too odd) to have one."""
    if not RH_LEAST <= rh_pct <= 100.0 or temp_c <= -B:
        return None
    gamma = math.log(rh_pct / 100.0) + A * temp_c / (B + temp_c)
    return B * gamma / (A - gamma)


def dew_point_tolerance(temp_c: float, rh_pct: float, *, temp_tolerance: float, rh_tolerance: float) -> float:
    """How far the dew point may be off in K when both sensors err to the end of their tolerance the same way (the worst case)."""
    here = dew_point_c(temp_c, rh_pct)
    worst = 0.0
    for towards in (-1.0, 1.0):
        there = dew_point_c(temp_c + towards * temp_tolerance, min(100.0, max(RH_LEAST, rh_pct + towards * rh_tolerance)))
        if here is not None and there is not None:
            worst = max(worst, abs(there - here))
    return worst
