"""What the centre may ask of a bench is named in three places: at the centre, in the agent, at the bench."""

import typing

from central.digitization.api import NewCommand
from edge_agent.commands import STATION_COMMANDS
from scanner_line.orders import ORDERS


def test_the_centre_may_ask_and_the_agent_passes_on_whatever_a_bench_obeys() -> None:
    asked = typing.get_args(typing.get_type_hints(NewCommand)["name"])
    assert set(asked) == {*STATION_COMMANDS, "identify"} == set(ORDERS)
