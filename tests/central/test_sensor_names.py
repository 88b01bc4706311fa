"""A channel is known by one id, however its sensor was named in the declaration."""

import pytest

from central.environment.climate import sensor_name


@pytest.mark.parametrize("told", ["climate", "room-101/climate", "room-101.climate.temperature"])
def test_a_sensor_is_known_by_its_own_name(told: str) -> None:
    assert sensor_name("room-101", told, "temperature") == "climate"
