"""Enrolment: an agent's key, token and broker password, and the password and rights files that the broker reads."""

import base64
import hashlib
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, insert, select, update

from central.environment.raising import CENTRE
from central.keys import public_bytes, write_secret
from central.ledger import acts
from central.ledger.tables import agent_keys, agents
from central.store.engine import reading, writing
from wire.chain import key_id
from wire.topics import LANES, ROOT

PBKDF2_ITERATIONS = 101  # mosquitto_passwd's own figure; the passwords are 32 random bytes, nobody guesses them
SALT_BYTES = 12
HASH_BYTES = 64


@dataclass(frozen=True)
class Enrolled:
    """Where an agent's three files are."""

    token: Path
    broker_password: Path
    centre_key: Path


def password_line(user: str, password: str) -> str:
    """A line of Mosquitto's password file: user:$7$iterations$salt$hash (PBKDF2 with SHA-512)."""
    salt = os.urandom(SALT_BYTES)
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, PBKDF2_ITERATIONS, HASH_BYTES)
    return f"{user}:$7${PBKDF2_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(made).decode()}"


def node_user(agent: str, node: str) -> str:
    """A Wi-Fi node's user at the broker; no agent's name has a dot."""
    return f"{agent}.{node}"


def known_nodes(folder: Path) -> list[str]:
    """The users of nodes that have a password in the broker's folder."""
    path = folder / "passwords"
    users = [line.partition(":")[0] for line in path.read_text().splitlines()] if path.exists() else []
    return sorted(user for user in users if user.count(".") == 1)


def rights(site: str, central_user: str, names: list[str], nodes: Sequence[str] = ()) -> str:
    """Mosquitto's rights file: an agent ends at its own subtree, a node (`agent.node`) at its own topic in it.

    Only the centre may publish `ack` and `command` of a lane, only its agent what a node hears.
    """
    lines = [f"user {central_user}"]
    lines += [f"topic read {ROOT}/{site}/+/{tail}" for tail in (*LANES, "status")]
    lines += [f"topic write {ROOT}/{site}/+/{lane}/ack" for lane in LANES]
    lines += [f"topic write {ROOT}/{site}/+/command"]
    for name in names:
        own = f"{ROOT}/{site}/{name}"
        lines += ["", f"user {name}"]
        lines += [f"topic write {own}/{tail}" for tail in (*LANES, "status")]
        lines += [f"topic read {own}/{lane}/ack" for lane in LANES]
        lines += [f"topic read {own}/command", f"topic read {own}/node/+", f"topic write {own}/node/+/ack", "topic write homeassistant/#"]
    for user in nodes:
        agent, _, node = user.partition(".")
        if agent in names:
            own = f"{ROOT}/{site}/{agent}/node/{node}"
            lines += ["", f"user {user}", f"topic write {own}", f"topic read {own}/ack"]
    return "\n".join(lines) + "\n"


def enrol_node(engine: Engine, *, agent: str, node: str, out: Path, broker_folder: Path) -> Path:
    """Give a Wi-Fi node of an enrolled agent a broker password of its own, in a file; ValueError for an agent that is not enrolled."""
    password, file = secrets.token_urlsafe(32), out / agent / f"node-{node}-password"
    with writing(engine) as connection:
        if connection.scalar(select(agents.c.id).where(agents.c.name == agent)) is None:
            raise ValueError(f"{agent} is not enrolled")
        acts.record(connection, kind="node.enrol", actor="operator of the centre", body={"agent": agent, "node": node})
    write_secret(file, password.encode() + b"\n")
    _set_password(broker_folder, node_user(agent, node), password)
    return file


def _set_password(folder: Path, user: str, password: str) -> None:
    """Put one user's line into the password file."""
    path = folder / "passwords"
    lines = path.read_text().splitlines() if path.exists() else []
    kept = [line for line in lines if line and not line.startswith(f"{user}:")]
    write_secret(path, ("\n".join([*kept, password_line(user, password)]) + "\n").encode())


def prepare_broker(engine: Engine, *, site: str, folder: Path, central_user: str, password_file: Path) -> None:
    """Make the centre's own broker password, if it has none yet, and write the rights of all enrolled agents."""
    if not password_file.exists():
        write_secret(password_file, secrets.token_urlsafe(32).encode() + b"\n")
    known = folder / "passwords"
    if not known.exists() or f"\n{central_user}:" not in "\n" + known.read_text():
        _set_password(folder, central_user, password_file.read_text().strip())
    with reading(engine) as connection:
        names = list(connection.scalars(select(agents.c.name).order_by(agents.c.name)))
    write_secret(folder / "acl", rights(site, central_user, names, known_nodes(folder)).encode())


def enrol(engine: Engine, *, key: Ed25519PrivateKey, name: str, room: str, public_key: bytes, out: Path, broker_folder: Path) -> Enrolled:
    """Enrol an agent, or enrol it anew: a further key stays beside the old ones, token and password are made afresh.

    The three files are for the agent's machine, and are readable by their owner only. ValueError if the key is another agent's.
    """
    if name == CENTRE:
        raise ValueError(f"{CENTRE} is what the centre calls itself; give the agent another name")
    token, password, now_ms = secrets.token_urlsafe(32), secrets.token_urlsafe(32), time.time_ns() // 1_000_000
    values = {"room": room, "token_hash": hashlib.sha256(token.encode()).hexdigest()}
    with writing(engine) as connection:
        ident = connection.scalar(select(agents.c.id).where(agents.c.name == name))
        if ident is None:
            new = insert(agents).values(name=name, enrolled_ms=now_ms, **values).returning(agents.c.id)
            ident = connection.execute(new).scalar_one()
        else:
            connection.execute(update(agents).where(agents.c.id == ident).values(**values))
        owner = connection.scalar(select(agent_keys.c.agent_id).where(agent_keys.c.key_id == key_id(public_key)))
        if owner not in (None, ident):
            raise ValueError(f"this key is enrolled for another agent already; {name} needs a key of its own")
        if owner is None:
            row = {"key_id": key_id(public_key), "agent_id": ident, "public_key": public_key, "enrolled_ms": now_ms}
            connection.execute(insert(agent_keys).values(row))
        body = {"agent": name, "room": room, "key": key_id(public_key)}
        acts.record(connection, kind="agent.enrol", actor="operator of the centre", body=body, t_ms=now_ms)
    files = Enrolled(out / name / "token", out / name / "broker-password", out / name / "centre.pub")
    write_secret(files.token, token.encode() + b"\n")
    write_secret(files.broker_password, password.encode() + b"\n")
    write_secret(files.centre_key, base64.b64encode(public_bytes(key)) + b"\n")
    _set_password(broker_folder, name, password)
    return files
