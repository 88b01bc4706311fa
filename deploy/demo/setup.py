"""Prepares the demonstration's files: configurations, keys, people, enrolled agents; what is there already is left alone."""

import json
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path
from string import Template

HERE = Path(__file__).parent
AGENTS = {"room-101": "room-101", "vault-01": "vault-01", "bench-1": "bench-1"}
ROLES = ("facility", "operator", "security", "archivist", "auditor", "admin")


class DemoError(Exception):
    """The demonstration cannot start; the text says why and what to do."""


def tool(name: str) -> str:
    """The path of one of our own commands, from the environment that runs this."""
    return str(Path(sys.executable).with_name(name))


def run(*command: str) -> str:
    """Run one of our own commands to its end; its standard output."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise DemoError(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def usable_port(wanted: int, *, other: bool) -> int:
    """The wanted port if it is free, else (where another will do) the next free one."""
    for port in range(wanted, wanted + (100 if other else 1)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise DemoError(f"port {wanted} is in use; choose another: make demo PORT={wanted + 1000}")


def write_configs(data: Path, *, ports: dict[str, int]) -> Path:
    """Write the TOML files of the demonstration with this data folder and these ports; the folder they are in."""
    folder = data / "config"
    folder.mkdir(parents=True, exist_ok=True)
    for template in sorted(HERE.glob("*.toml")):
        text = Template(template.read_text(encoding="utf-8")).substitute(data=data, **{k: str(v) for k, v in ports.items()})
        (folder / template.name).write_text(text, encoding="utf-8")
    return folder


def write_private(path: Path, text: str) -> Path:
    """Write a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
    return path


def make_people(data: Path, central: str) -> dict[str, dict[str, str]]:
    """One user a role with a random password and a token; made once, at the first start."""
    users = {}
    for role in ROLES:
        password = secrets.token_urlsafe(12)
        secret = write_private(data / "config" / "password", password)
        command = ["user", "add", role, "--role", role, "--password-file", str(secret), "--token", "--config", central]
        try:
            token = run(tool("muniment-central"), *command)
        except DemoError as error:
            if "already a user" not in str(error):
                raise
            raise DemoError(
                f"{data} is left from a first start that was cut off before its logins were kept: remove it, or choose another DATA"
            ) from None
        secret.unlink()
        users[role] = {"name": role, "password": password, "token": token}
    return users


def prepare(data: Path, configs: Path, *, url: str, broker_port: int) -> dict[str, dict[str, str]]:
    """Make the centre's store, people and enrolled agents where they are not there yet; write credentials.json; the people by role."""
    central = str(configs / "central.toml")
    run(tool("muniment-central"), "migrate", "--config", central)
    path = data / "credentials.json"
    users = json.loads(path.read_text())["users"] if path.exists() else make_people(data, central)
    for agent, room in AGENTS.items():
        if not (data / "enrolled" / agent / "token").exists():
            key = run(tool("muniment-agent"), "key", "--config", str(configs / f"{agent}.toml"))
            out = str(data / "enrolled")
            run(tool("muniment-central"), "agent", "enrol", agent, "--key", key, "--room", room, "--out", out, "--config", central)
    known = {"url": url, "users": users, "broker": {"host": "127.0.0.1", "port": broker_port}}
    write_private(path, json.dumps(known, indent=2) + "\n")
    return dict(users)
