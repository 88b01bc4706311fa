"""Run the demonstration: ``python -m deploy.demo --port 8080 --data var/demo``; Ctrl-C stops all of it."""

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from string import Template
from urllib.error import URLError

from deploy.broker import find_mosquitto
from deploy.demo.programs import Program, Programs

HERE = Path(__file__).parent
AGENTS = {"room-101": "room-101", "vault-01": "vault-01", "bench-1": "bench-1"}
ROLES = ("facility", "operator", "security", "archivist", "auditor", "admin")
READY_S = 60.0


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
        token = run(
            tool("muniment-central"), "user", "add", role, "--role", role, "--password-file", str(secret), "--token", "--config", central
        )
        secret.unlink()
        users[role] = {"name": role, "password": password, "token": token}
    return users


def prepare(data: Path, configs: Path, *, url: str, broker_port: int) -> None:
    """Make the centre's store, people and enrolled agents where they are not there yet; write credentials.json."""
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


def wait_ready(url: str, programs: Programs) -> None:
    """Return when the centre says that broker, store and disk are fine."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        for line in programs.tend():
            print(line, flush=True)
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:  # noqa: S310  our own loopback address
                if answer.status == 200:
                    return
        except (URLError, OSError):
            pass
        time.sleep(0.2)
    raise DemoError(f"the centre was not ready within {READY_S:.0f} s; see the logs")


def main(argv: list[str] | None = None) -> int:
    """Command line; 0 when stopped by Ctrl-C, 1 when something could not start."""
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="of the console; the bench's screen and the broker take ports after it")
    parser.add_argument("--data", type=Path, default=Path("var/demo"))
    parser.add_argument("--embedded-broker", action="store_true", help="use the embedded broker even where Mosquitto is installed")
    args = parser.parse_args(argv)
    stop = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stop.set())
    try:
        return demonstrate(args.data.resolve(), args.port, embedded=args.embedded_broker, stop=stop)
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1


def demonstrate(data: Path, port: int, *, embedded: bool, stop: threading.Event) -> int:
    """Start everything, say where it is, keep it running until stop is set."""
    usable_port(port, other=False)
    screen = usable_port(port + 1, other=True)
    mqtt = usable_port(screen + 1, other=True)
    url = f"http://127.0.0.1:{port}"
    configs = write_configs(data, ports={"port": port, "screen": screen, "mqtt": mqtt})
    prepare(data, configs, url=url, broker_port=mqtt)
    logs, rights = data / "logs", data / "central" / "broker"
    broker = [sys.executable, "-m", "deploy.broker", "--port", str(mqtt)]
    broker += ["--passwords", str(rights / "passwords"), "--acl", str(rights / "acl")] + (["--embedded"] if embedded else [])
    with Programs() as programs:
        programs.start(Program("broker", broker, logs=logs))
        for part in ("ingest", "web"):
            programs.start(Program(part, [tool("muniment-central"), part, "--config", str(configs / "central.toml")], logs=logs))
        for agent in AGENTS:
            programs.start(Program(agent, [tool("muniment-agent"), "run", "--config", str(configs / f"{agent}.toml")], logs=logs))
        wait_ready(url, programs)
        print(f"\nMuniment is running: {url}")
        print(f"  the bench's own screen: http://127.0.0.1:{screen}")
        print(f"  logins: {data / 'credentials.json'}")
        print(f"  broker: {'amqtt (embedded)' if embedded or find_mosquitto() is None else 'Mosquitto'} on port {mqtt}; logs: {logs}")
        print("Ctrl-C stops everything.\n", flush=True)
        while not stop.wait(0.3):
            for line in programs.tend():
                print(line, flush=True)
        print("stopping", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
