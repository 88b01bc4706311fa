"""The demonstration's past comes through the real ingest as what it says it is: simulated, whole, and nothing for anybody to run after."""

from pathlib import Path

from central.ingest.writer import Arrival
from central.keys import load_or_make_key
from deploy.demo.history import SERIAL, give_past
from deploy.demo.setup import write_configs
from edge_agent.channels import NOTE
from edge_agent.journal import Journal as AgentJournal
from edge_agent.keys import AgentKey
from tests.central.journals import SITE, Centre, Journal
from wire import topics

AGENT = "room-101"


def test_a_rooms_past_is_simulated_and_says_so(tmp_path: Path) -> None:
    configs = write_configs(tmp_path, ports={"port": 8080, "screen": 8081, "mqtt": 1883})
    give_past(tmp_path, configs)
    key = AgentKey.load_or_create(tmp_path / AGENT / "key")
    journal = AgentJournal.open(tmp_path / AGENT / "journal.db", site=SITE, agent=AGENT, key=key)
    epoch, last = journal.epoch, {lane: journal.lane(lane).last_seq for lane in topics.LANES}
    give_past(tmp_path, configs)
    assert (journal.epoch, journal.lane("readings").last_seq) == (epoch, last["readings"]), "a second start adds nothing"
    assert journal.memory.note(NOTE), "and the agent goes on under the same channels' numbers"

    centre = Centre(tmp_path / "central")
    centre.enrol(Journal(AGENT, key=load_or_make_key(tmp_path / AGENT / "key")))
    for lane in ("readings", "events"):
        first = journal.batch(lane, 0)
        assert first is not None
        centre.write(Arrival(topics.lane_topic(SITE, AGENT, lane), first.payload))
    journal.close()
    assert centre.one("SELECT count(*) FROM channels WHERE serial = ?", SERIAL) == 5
    assert centre.rows("SELECT rule, state FROM alarms") == [("humidity", "returned")]
    centre.close()
