"""Start the broker of a small site: Mosquitto where it is installed, the embedded broker (amqtt) where it is not.

Both read the password and rights files that ``muniment-central agent enrol`` keeps, so an agent's rights end at its own subtree either way.
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import NoReturn

PACKET_BYTES_MAX = 400 * 1024  # a batch of 256 KiB, its topic, and room to grow
PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")  # Debian keeps mosquitto off a plain user's PATH


def find_mosquitto() -> str | None:
    """The path of an installed Mosquitto, or None."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=os.pathsep.join(PLACES))


def mosquitto_config(*, host: str, port: int, passwords: Path, acl: Path) -> str:
    """A configuration that is valid on Mosquitto 2.0 and 2.1; both ends of a connection need TCP_NODELAY for quick acknowledgements."""
    lines = [
        f"listener {port} {host}",
        "allow_anonymous false",
        f"password_file {passwords}",
        f"acl_file {acl}",
        "set_tcp_nodelay true",
        "max_queued_messages 0",
        "max_inflight_messages 0",
        f"max_packet_size {PACKET_BYTES_MAX}",
        "persistence false",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "connection_messages false",
    ]
    if os.geteuid() == 0:
        lines.append("user root")  # the files above belong to whoever starts the demonstration
    return "\n".join(lines) + "\n"


async def serve_embedded(*, host: str, port: int, passwords: Path, acl: Path) -> None:
    """Run the embedded broker until the task is cancelled or SIGTERM or SIGINT arrives."""
    from amqtt.broker import Broker

    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}", "max_connections": 200}},
        "plugins": {
            "deploy.broker_rights.PasswordPlugin": {"path": str(passwords)},
            "deploy.broker_rights.RightsPlugin": {"path": str(acl)},
        },
    }
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    broker = Broker(config)
    await broker.start()
    print(f"embedded broker (amqtt) on {host}:{port}", flush=True)
    try:
        await stop.wait()
    finally:
        await broker.shutdown()


def run_mosquitto(mosquitto: str, *, host: str, port: int, passwords: Path, acl: Path) -> NoReturn:
    """Write Mosquitto's configuration beside the rights file and let it take this process's place: one pid to stop."""
    config = acl.with_name("mosquitto.conf")
    config.write_text(mosquitto_config(host=host, port=port, passwords=passwords.resolve(), acl=acl.resolve()))
    print(f"Mosquitto on {host}:{port}", flush=True)
    os.execv(mosquitto, [mosquitto, "-c", str(config)])  # noqa: S606  no shell is wanted here


def main(argv: list[str] | None = None) -> int:
    """Command line: python -m deploy.broker --port N --passwords FILE --acl FILE [--embedded]."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--passwords", type=Path, required=True)
    parser.add_argument("--acl", type=Path, required=True)
    parser.add_argument("--embedded", action="store_true", help="use amqtt even where Mosquitto is installed")
    args = parser.parse_args(argv)
    missing = [str(path) for path in (args.passwords, args.acl) if not path.is_file()]
    if missing:
        print(f"no such file: {', '.join(missing)}; `muniment-central agent enrol` makes them", file=sys.stderr)
        return 2
    mosquitto = None if args.embedded else find_mosquitto()
    if mosquitto is not None:
        run_mosquitto(mosquitto, host=args.host, port=args.port, passwords=args.passwords, acl=args.acl)
    asyncio.run(serve_embedded(host=args.host, port=args.port, passwords=args.passwords, acl=args.acl))
    return 0


if __name__ == "__main__":
    sys.exit(main())
