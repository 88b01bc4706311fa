"""What the centre or a node might send as settings: taken, or refused with words, never an exception."""

import contextlib
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.calibration import calibration_of
from edge_agent.errors import CommandRefused
from edge_agent.limit_tables import Known, judge_limits, limit_rule
from edge_agent.settings import calendar_of, works_of
from sensors.drivers.node_channels import NodeChannels
from sensors.readings import now

WORDS = ["s", "temperature", "2026-01-01", "off", "pairs", "swing", "rate", "value", "dew_point", "condensation_margin"]
KEYS = ["id", "from", "to", "words", "weekend", "days", "points", "offset", "gain", "date", "kind", "sensor", "quantity", "above", "boxes"]
KEYS += ["t_min", "rh_max", "within", "per_h", "surface", "deadband", "chips", "v", "t", "h", "fault", "chip", "2026-01-01"]
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
ANYTHING = st.recursive(
    SCALARS | st.text(max_size=12) | st.sampled_from([*WORDS, 10**400]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=5),
    max_leaves=12,
)
KNOWN = Known({"s": ("temperature", "relative_humidity")})


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(ANYTHING)
def test_whatever_comes_is_taken_or_refused_with_words(given_: Any) -> None:
    for check in (works_of, calendar_of, calibration_of):
        for whole in (given_, [given_], {"days": given_}, {"points": given_}, {"weekend": given_}):
            with contextlib.suppress(CommandRefused):
                check(whole)
    about = {"sensor": "s", "quantity": "temperature"}
    rules = [
        given_,
        {**about, "above": given_},
        {"kind": "pairs", "sensor": "s", "boxes": given_},
        {"kind": "swing", **about, "within": given_},
    ]
    for rule in rules:
        limits, mistakes = judge_limits({"r": rule}, KNOWN)
        if not mistakes:
            limit_rule("room-101", "r", limits["r"], sample_s=lambda _: 1.0, room=lambda _: "")
    for chips in ({"chips": given_}, {"chips": [["sht4x", "", given_]]}):
        NodeChannels.of("sht4x").told(chips).readings({"v": given_}, now())


def test_a_number_that_no_float_holds_is_out_of_bounds() -> None:
    _, mistakes = judge_limits({"r": {"sensor": "s", "quantity": "temperature", "above": 10**400}}, KNOWN)
    assert any("is not a finite number" in words for _, words in mistakes)
