"""The preservation formulas against PsychroLib (ASHRAE's own equations), published tables, and worked figures, over wide ranges."""

import math

import psychrolib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.environment.metrics import formulas as f
from central.environment.metrics import mould

psychrolib.SetUnitSystem(psychrolib.SI)
TEMPS = [t / 2 for t in range(-80, 121)]
RHS = (0.5, 1, 5, 10, 20, 35, 50, 65, 80, 95, 100)
ABOVE_ZERO = [(t, rh) for t in TEMPS if t > 0.01 for rh in RHS]
# USDA Wood Handbook FPL-GTR-190 (2010), table 4-2, the rows of 21.1 °C and -1.1 °C, 5..95 %RH in steps of 5
EMC_WARM = (1.3, 2.5, 3.5, 4.5, 5.4, 6.2, 6.9, 7.7, 8.5, 9.2, 10.1, 11.0, 12.0, 13.1, 14.4, 16.0, 17.9, 20.5, 23.9)
EMC_COLD = (1.4, 2.6, 3.7, 4.6, 5.5, 6.3, 7.1, 7.9, 8.7, 9.5, 10.4, 11.3, 12.4, 13.5, 14.9, 16.5, 18.5, 21.0, 24.3)
ALL = (
    f.vapour_pressure_hpa,
    f.dew_point,
    f.frost_point,
    f.absolute_humidity,
    f.mixing_ratio,
    f.emc,
    f.preservation_index,
    f.lifetime_multiplier,
)


@pytest.mark.parametrize(("temp_c", "rh_pct"), ABOVE_ZERO)
def test_moist_air_agrees_with_psychrolib(temp_c: float, rh_pct: float) -> None:
    pa = psychrolib.GetVapPresFromRelHum(temp_c, rh_pct / 100)
    assert f.vapour_pressure_hpa(temp_c, rh_pct) == pytest.approx(pa / 100, rel=0.004)
    assert f.absolute_humidity(temp_c, rh_pct) == pytest.approx(1000 * pa / (461.495 * (temp_c + 273.15)), rel=0.004)
    for hpa in (1013.25, 850.0):
        assert f.mixing_ratio(temp_c, rh_pct, pressure_hpa=hpa) == pytest.approx(
            1000 * psychrolib.GetHumRatioFromRelHum(temp_c, rh_pct / 100, hpa * 100), rel=0.006
        )
    dew = f.dew_point(temp_c, rh_pct)
    assert dew is not None
    if dew > 0.05:  # below, PsychroLib gives the frost point
        assert dew == pytest.approx(psychrolib.GetTDewPointFromRelHum(temp_c, rh_pct / 100), abs=0.15)


@pytest.mark.parametrize("temp_c", [t for t in TEMPS if t <= 20])
def test_below_zero_the_frost_point_agrees_and_lies_above_the_dew_point(temp_c: float) -> None:
    for rh_pct in RHS:
        frost, dew = f.frost_point(temp_c, rh_pct), f.dew_point(temp_c, rh_pct)
        pressure = f.vapour_pressure_hpa(temp_c, rh_pct)
        assert dew is not None and pressure is not None
        if frost is None:
            assert dew > -0.01
        elif -80 < frost < min(temp_c, -0.01):
            assert frost == pytest.approx(psychrolib.GetTDewPointFromVapPres(temp_c, pressure * 100), abs=0.15)
            assert dew < frost


@given(st.floats(-60, 100), st.floats(1e-6, 100))
def test_dew_point_is_where_the_same_vapour_saturates(temp_c: float, rh_pct: float) -> None:
    dew, vapour = f.dew_point(temp_c, rh_pct), f.vapour_pressure_hpa(temp_c, rh_pct)
    assert dew is not None and dew <= temp_c + 1e-9
    assert f.WATER_HPA * math.exp(f.WATER_A * dew / (dew + f.WATER_B)) == pytest.approx(vapour, rel=1e-9)


def test_wood_takes_up_what_the_handbook_tabulates() -> None:
    for temp_c, row in ((21.1, EMC_WARM), (-1.1, EMC_COLD)):
        for rh_pct, percent in zip(range(5, 100, 5), row, strict=True):
            assert f.emc(temp_c, rh_pct) == pytest.approx(percent, abs=0.11)
    assert f.emc(20, 0) == 0


def test_figures_that_are_worked_by_hand() -> None:
    assert f.dew_point(20, 50) == pytest.approx(9.26, abs=0.01)
    assert f.absolute_humidity(20, 50) == pytest.approx(8.62, abs=0.02)
    assert f.mixing_ratio(20, 50) == pytest.approx(7.25, abs=0.02)
    assert f.preservation_index(20, 50) == pytest.approx(math.exp((95220 - 6745) / (8.314 * 293.15) + 1.42 - 28.023) / 365, rel=1e-12)
    assert f.preservation_index(20, 50) == pytest.approx(44.6, abs=0.1)
    assert f.preservation_index(19.4, 50) == pytest.approx(
        47, rel=0.05
    )  # read off the Institute's chart by a college's archivist in 2001: 67 °F, 50 %RH
    assert f.lifetime_multiplier(20, 50) == pytest.approx(1)
    assert f.lifetime_multiplier(20, 25) == pytest.approx(2**1.3)
    assert f.lifetime_multiplier(10, 50) == pytest.approx(math.exp(100_000 / 8.314 * (1 / 283.15 - 1 / 293.15)))
    assert f.lifetime_multiplier(10, 50, activation_j=70_000) == pytest.approx(math.exp(70_000 / 8.314 * (1 / 283.15 - 1 / 293.15)))


def test_mean_kinetic_temperature_of_a_constant_is_that_constant() -> None:
    for temp_c in (-20.0, 0.0, 25.0, 40.0):
        assert f.mean_kinetic(f.kinetic_weight(temp_c)) == pytest.approx(temp_c, abs=1e-9)
    # 10,000 K over the mean of exp(-10,000 K / T) at 20 and 30 °C
    by_hand = 10_000 / -math.log((math.exp(-10_000 / 293.15) + math.exp(-10_000 / 303.15)) / 2) - 273.15
    assert f.mean_kinetic((f.kinetic_weight(20) + f.kinetic_weight(30)) / 2) == pytest.approx(by_hand, abs=1e-6)
    assert f.mean_kinetic(0.0) is None


@pytest.mark.parametrize(
    ("temp_c", "rh_pct"),
    [
        (None, 50),
        (20, None),
        (math.nan, 50),
        (20, math.nan),
        (math.inf, 50),
        (-274, 50),
        (101, 50),
        (20, -0.1),
        (20, 100.1),
        (20, math.inf),
    ],
)
def test_what_is_no_climate_has_no_metric(temp_c: float | None, rh_pct: float | None) -> None:
    assert [function(temp_c, rh_pct) for function in ALL] == [None] * len(ALL)


def test_the_edges_have_no_invented_value() -> None:
    assert f.dew_point(20, 0) is None and f.frost_point(20, 0) is None and f.lifetime_multiplier(20, 0) is None
    assert f.absolute_humidity(20, 0) == 0 and f.mixing_ratio(20, 0) == 0
    assert f.dew_point(20, 100) == pytest.approx(20)
    assert f.mixing_ratio(100, 100) is None  # vapour alone has the whole pressure
    assert f.mixing_ratio(20, 50, pressure_hpa=0) is None and f.mixing_ratio(20, 50, pressure_hpa=math.nan) is None


@given(st.floats(allow_nan=True), st.floats(allow_nan=True))
def test_every_answer_is_a_finite_number_or_none(temp_c: float, rh_pct: float) -> None:
    for function in ALL:
        answer = function(temp_c, rh_pct)
        assert answer is None or math.isfinite(answer)


def brute_mould(hours: list[tuple[float, float]]) -> list[float]:
    """Hukka & Viitanen hour by hour, written down from the paper, for pine sapwood."""
    index, dry, made = 0.0, 0, []
    for t, rh in hours:
        critical = max(-0.00267 * t**3 + 0.160 * t**2 - 3.13 * t + 100, 80)
        if 0 < t <= 50 and rh >= critical:
            dry = 0
            tm = math.exp(-0.68 * math.log(t) - 13.9 * math.log(rh) + 66.02)
            tv = math.exp(-0.74 * math.log(t) - 12.72 * math.log(rh) + 61.50)
            k1 = 1 if index < 1 else 2 / (tv / tm - 1)
            share = (critical - rh) / (critical - 100)
            k2 = max(1 - math.exp(2.3 * (index - (1 + 7 * share - 2 * share**2))), 0)
            index += k1 * k2 / (7 * tm) / 24
        else:
            dry += 1
            index -= 0.00133 if dry <= 6 else 0 if dry <= 24 else 0.000667
        index = max(index, 0.0)
        if index == 0:
            dry = 0
        made.append(index)
    return made


@given(
    st.lists(
        st.tuples(st.integers(-100, 550).map(lambda tenths: tenths / 10), st.floats(40, 100), st.integers(1, 60)), min_size=1, max_size=8
    )
)
def test_mould_follows_the_paper_through_any_weather(spells: list[tuple[float, float, int]]) -> None:
    hours = [(t, rh) for t, rh, n in spells for _ in range(n)]
    state, seen = mould.CLEAN, []
    for t, rh in hours:
        state = mould.step(state, mould.HOUR_MS, temp_c=t, rh_pct=rh)
        seen.append(state.value)
    assert seen == pytest.approx(brute_mould(hours), abs=1e-9)
    state = mould.CLEAN
    for t, rh, n in spells:  # long intervals are cut into hours
        state = mould.step(state, n * mould.HOUR_MS, temp_c=t, rh_pct=rh)
    assert state.value == pytest.approx(seen[-1], abs=1e-9)


def test_mould_takes_four_weeks_to_be_seen_and_half_a_year_to_fade() -> None:
    state = mould.CLEAN
    for _ in range(28):
        state = mould.step(state, 24 * mould.HOUR_MS, temp_c=25, rh_pct=97)
    assert 4.5 < state.value < 5.5
    grown = state.value
    state = mould.step(state, 6 * mould.HOUR_MS, temp_c=20, rh_pct=50)
    assert state.value == pytest.approx(grown - 0.00798)
    state = mould.step(state, 18 * mould.HOUR_MS, temp_c=20, rh_pct=50)
    assert state.value == pytest.approx(grown - 0.00798)  # it halts between 6 and 24 hours
    state = mould.step(state, 240 * mould.HOUR_MS, temp_c=20, rh_pct=50)
    assert state.value == pytest.approx(grown - 0.00798 - 0.16008)
    resting = mould.step(state, mould.HOUR_MS, temp_c=math.nan, rh_pct=50)
    assert resting == state


def test_hardier_materials_mould_later() -> None:
    season_ms, names = 90 * 24 * mould.HOUR_MS, ("very_sensitive", "sensitive", "medium_resistant", "resistant")
    ends = [mould.step(mould.CLEAN, season_ms, temp_c=22, rh_pct=95, material=mould.MATERIALS[name]).value for name in names]
    assert ends == sorted(ends, reverse=True) and ends[0] > 3 > 1 > ends[3] > 0


def test_the_critical_humidity_is_the_papers() -> None:
    for temp_c, percent in ((0, 100), (5, 88.02), (10, 82.03), (20, 80.04), (25, 80.03), (30, 80.0), (50, 80.0)):
        assert mould.critical_rh(temp_c) == pytest.approx(percent, abs=0.01)
