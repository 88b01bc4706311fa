"""An agent's journal in memory: records in, signed batches out, as the contract has them."""

import base64
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from central.config import BrokerConfig, CentralConfig, Limits, WebConfig
from central.enrol import enrol
from central.ingest.writer import Arrival, Message, Writer
from central.keys import load_or_make_key, public_bytes
from central.store.engine import open_engine
from central.store.migrate import migrate
from central.times import now_ms
from wire import chain, codec, topics

SITE = "demo"


class Journal:
    """The records of one agent and epoch, by lane."""

    def __init__(self, agent: str, *, epoch: str = "e1", key: Ed25519PrivateKey | None = None, site: str = SITE) -> None:
        self.site, self.agent, self.epoch = site, agent, epoch
        self.key = key or Ed25519PrivateKey.generate()
        self.lines: dict[str, list[bytes]] = {lane: [] for lane in topics.LANES}

    @property
    def public(self) -> bytes:
        return public_bytes(self.key)

    def add(self, lane: str, *records: dict[str, Any] | bytes) -> "Journal":
        self.lines[lane] += [record if isinstance(record, bytes) else codec.encode_record(record) for record in records]
        return self

    def copy(self) -> "Journal":
        """The same disk, as it is now."""
        other = Journal(self.agent, epoch=self.epoch, key=self.key, site=self.site)
        other.lines = {lane: list(lines) for lane, lines in self.lines.items()}
        return other

    def head(self, lane: str, seq: int) -> str:
        start = chain.start(self.site, self.agent, lane, self.epoch)
        return str(chain.hex_of(chain.head_of(start, self.lines[lane][:seq])))

    def payload(self, lane: str, first: int = 1, n: int | None = None, *, oldest: int = 1, **changes: Any) -> bytes:
        """The bytes of a batch; changes are made to the header before it is signed, except `sig`."""
        lines = self.lines[lane][first - 1 : None if n is None else first - 1 + n]
        last = first + len(lines) - 1
        head = self.head(lane, last)
        text = chain.batch_text(self.site, self.agent, lane, self.epoch, last, head)
        header = {"v": 1, "epoch": self.epoch, "first": first, "n": len(lines), "oldest": oldest, "prev": self.head(lane, first - 1)}
        header |= {"head": head, "key": chain.key_id(self.public), "seen": 0, "sig": base64.b64encode(self.key.sign(text)).decode()}
        return bytes(codec.encode_batch(header | changes, lines))

    def batch(self, lane: str, first: int = 1, n: int | None = None, **options: Any) -> Arrival:
        return Arrival(topics.lane_topic(self.site, self.agent, lane), self.payload(lane, first, n, **options))


def configure(data: Path, *, port: int = 1883, **limits: int) -> CentralConfig:
    """A small site's configuration."""
    values = {
        "upload_mb": 64,
        "reserve_mb": 2,
        "ledger_reserve_mb": 1,
        "silence_s": 300,
        "upload_wait_s": 900,
        "escalate_s": 86400,
    }  # tests use records of hours ago
    values |= {"live_rows": 50_000} | limits
    return CentralConfig(
        site=SITE,
        data=data,
        broker=BrokerConfig(host="127.0.0.1", port=port, user="central", password_file=data / "central-password", tls_ca=None),
        web=WebConfig(bind="127.0.0.1:0", public_url="http://127.0.0.1:8080", workers=1),
        limits=Limits(**values),
    )


class Centre:
    """A centre on a folder: its database, its writer, and a clock that tests can move."""

    def __init__(self, data: Path, **limits: int) -> None:
        self.config = configure(data, **limits)
        data.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = open_engine(self.config.database)
        migrate(self.engine)
        self.key = load_or_make_key(self.config.key_file)
        self.ahead_ms = 0
        self.writer = self._writer()

    def _writer(self) -> Writer:
        return Writer(config=self.config, engine=self.engine, key=self.key, now_ms=lambda: now_ms() + self.ahead_ms)

    def restart(self) -> None:
        """What a new process would know."""
        self.writer = self._writer()

    def enrol(self, journal: Journal, room: str = "room-101") -> Journal:
        enrol(
            self.engine,
            key=self.key,
            name=journal.agent,
            room=room,
            public_key=journal.public,
            out=self.config.enrolled,
            broker_folder=self.config.broker_folder,
        )
        self.write()
        return journal

    def write(self, *arrivals: Arrival) -> list[Message]:
        """Commit what arrived, and as often as it takes for all acts that wait."""
        messages = self.writer.write(list(arrivals))
        while self.writer.behind:
            messages += self.writer.write([])
        return messages

    def send(self, *arrivals: Arrival) -> list[dict[str, Any]]:
        """The acknowledgements, each checked for its signature."""
        acks = []
        for topic, payload in self.write(*arrivals):
            site, agent, tail = topics.parse(topic)
            if tail == "command":
                continue  # given meanwhile, and none of the batches'
            ack = codec.decode_ack(payload)
            refused = ack.get("refused", {"why": "", "agreed_seq": -1})
            text = chain.ack_text(
                site, agent, tail.split("/")[0], ack["epoch"], ack["seq"], ack["head"], refused["why"], refused["agreed_seq"]
            )
            self.key.public_key().verify(base64.b64decode(ack["sig"]), text)
            acks.append(ack)
        return acks

    def rows(self, sql: str, *parameters: object) -> list[Any]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql, tuple(parameters)).all()]

    def one(self, sql: str, *parameters: object) -> Any:
        ((value,),) = self.rows(sql, *parameters)
        return value

    def alarms(self) -> dict[str, str]:
        """Rule -> state of every alarm."""
        return dict(self.rows("SELECT rule, state FROM alarms ORDER BY since_ms"))

    def words(self, sql: str) -> Any:
        return json.loads(self.one(sql))

    def close(self) -> None:
        self.engine.dispose()
