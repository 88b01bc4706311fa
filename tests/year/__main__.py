"""python -m tests.year --sensors 100 --days 365 --seed 1: the simulated year; prints its figures, exit 1 if any is wrong."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.year.checks import as_json
from tests.year.run import as_text, run


def main() -> int:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.year", description=__doc__)
    parser.add_argument("--sensors", type=int, default=100, help="temperature and humidity sensors, two channels each")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--an-agent", type=int, default=10, help="sensors at each agent")
    parser.add_argument("--spell-every", type=int, default=4, help="every so many blocks of two days, plans are the agents'")
    parser.add_argument("--rules-every", type=int, default=40, help="how often the centre's clock rules run, in minutes of the year")
    parser.add_argument("--look-at", type=int, default=8, help="sensors whose every value and figure is recomputed")
    parser.add_argument("--seconds", type=float, help="end after the day in which this much time is over")
    parser.add_argument("--no-rebuild", action="store_true", help="do not make the tables again from the ledger")
    parser.add_argument("--folder", type=Path, help="where to keep the databases; left out, a temporary folder")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="muniment-year-", dir=given.folder) as folder:
        figures = run(
            sensors=given.sensors,
            days=given.days,
            seed=given.seed,
            folder=Path(folder),
            an_agent=given.an_agent,
            spell_every=given.spell_every,
            rules_every=given.rules_every,
            seconds=given.seconds,
            look_at=given.look_at,
            rebuilt=not given.no_rebuild,
        )
    print(as_text(figures))
    if given.json is not None:
        given.json.write_text(as_json(figures))
    return 1 if figures["wrong"] else 0


sys.exit(main())
