"""Alive, ready, figures."""

import socket

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from central.ledger.tables import ingest_state
from central.store.engine import writing
from tests.central.site import Site


def test_alive_names_the_version(site: Site) -> None:
    answer = site.call("GET", "/healthz", "")
    assert (answer.status_code, answer.json["status"]) == (200, "ok")
    assert answer.json["version"]


def test_ready_says_which_part_is_not(site: Site) -> None:
    answer = site.call("GET", "/readyz", "")  # nobody listens on the broker's port unless a broker runs on this machine
    with socket.socket() as probe:
        up = probe.connect_ex(("127.0.0.1", site.centre.config.broker.port)) == 0
    assert (answer.status_code, answer.json["checks"]["broker"] == "ok") == ((200, True) if up else (503, False))
    assert answer.json["checks"]["store"] == answer.json["checks"]["sequencer"] == answer.json["checks"]["disk"] == "ok"


def test_metrics_are_prometheus_text(site: Site) -> None:
    with writing(site.centre.engine) as connection:  # as ingest does, see test_clock_rules
        connection.execute(insert(ingest_state).values(key="counters", value='{"bad message":3}').prefix_with("OR REPLACE"))
    families = {family.name: family for family in text_string_to_metric_families(site.call("GET", "/metrics", "").text)}
    assert families["muniment_ledger_leaves"].samples[0].value > 10
    (trouble,) = families["muniment_ingest_troubles"].samples
    assert (trouble.labels, trouble.value) == ({"cause": "bad message"}, 3)
    assert families["muniment_objects"].samples[0].value == 5
    assert {sample.labels["agent"] for sample in families["muniment_agent_online"].samples} == {"room-101", "bench-1"}
