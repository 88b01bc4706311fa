"""A short fault campaign with known faults; `make faults` runs long ones with random faults."""

from pathlib import Path

import pytest

from tests.faults.campaign import Campaign


@pytest.mark.system
@pytest.mark.timeout(900)
def test_three_rounds_of_faults_lose_double_and_disorder_nothing(tmp_path: Path) -> None:
    with Campaign(tmp_path, seed=221) as campaign:
        for number in range(1, 4):
            campaign.round(number)
        books = campaign.finish()
    assert books.made > 50
    assert (books.lost, books.duplicated, books.disordered) == ([], [], [])
