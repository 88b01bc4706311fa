"""Run the demonstration: ``python -m deploy.demo --port 8080 --data var/demo``; Ctrl-C stops all of it."""

import argparse
import signal
import sys
import threading
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

from deploy.broker import find_mosquitto
from deploy.demo.history import give_past
from deploy.demo.line import Line
from deploy.demo.programs import Program, Programs
from deploy.demo.setup import AGENTS, DemoError, prepare, tool, usable_port, write_configs
from deploy.demo.staff import Refused, set_up

READY_S = 60.0


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
    users = prepare(data, configs, url=url, broker_port=mqtt)
    give_past(data, configs)
    logs, rights = data / "logs", data / "central" / "broker"
    broker = [sys.executable, "-m", "deploy.broker", "--port", str(mqtt)]
    broker += ["--passwords", str(rights / "passwords"), "--acl", str(rights / "acl")] + (["--embedded"] if embedded else [])
    with Programs() as programs:
        programs.start(Program("broker", broker, logs=logs))
        for part in ("ingest", "web", "packages", "recognise"):
            programs.start(Program(part, [tool("muniment-central"), part, "--config", str(configs / "central.toml")], logs=logs))
        for agent in AGENTS:
            programs.start(Program(agent, [tool("muniment-agent"), "run", "--config", str(configs / f"{agent}.toml")], logs=logs))
        wait_ready(url, programs)
        try:
            set_up(data, url, users)
        except Refused as error:
            print(f"the demonstration goes on without some of its settings: {error}", file=sys.stderr)
        print(f"\nMuniment is running: {url}")
        print(f"  the bench's own screen: http://127.0.0.1:{screen}")
        print(f"  logins: {data / 'credentials.json'}")
        print(f"  broker: {'amqtt (embedded)' if embedded or find_mosquitto() is None else 'Mosquitto'} on port {mqtt}; logs: {logs}")
        print("Ctrl-C stops everything.\n", flush=True)
        people = threading.Thread(target=Line(url, users).work, args=(stop,), name="line", daemon=True)
        people.start()
        while not stop.wait(0.3):
            for line in programs.tend():
                print(line, flush=True)
        print("stopping", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
