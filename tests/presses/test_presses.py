"""The campaign of presses, short: every kind of fault once, and the books balance."""

from pathlib import Path

import pytest

from tests.presses.campaign import FAULTS, Campaign

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


def test_presses_are_the_sum_of_their_outcomes_and_pages_the_sum_of_what_presses_name(tmp_path: Path) -> None:
    with Campaign(tmp_path, seed=7) as campaign:
        while set(campaign.faults) < set(FAULTS):
            campaign.run(campaign.sent + 5)
        outcomes, pages, wrong = campaign.balance()
    assert wrong == []
    assert outcomes["captured"] > 0 and outcomes["failed"] > 0 and outcomes["rejected"] > 0 and pages > 0
