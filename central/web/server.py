"""Runs the web side under gunicorn with gevent: `python -m central.web.server --config FILE`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from central.config import CentralConfig, ConfigError, load
from central.parent import end_with_parent
from central.web.secret import WeakSecret, load_or_make

if TYPE_CHECKING:
    from flask import Flask

CONNECTIONS = 2000  # a worker; live clients hold one each
GRACE_S = 3
HEADER_FIELD_BYTES = 8190


def _after_fork(_arbiter: object, _worker: object) -> None:
    end_with_parent()  # a killed master leaves no worker on the port


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with our settings; the application is built in each worker, after gevent has patched the standard library."""

    def __init__(self, config: CentralConfig) -> None:
        self._config = config
        super().__init__()

    def load_config(self) -> None:
        """gunicorn asks for its settings."""
        settings: dict[str, Any] = {
            "bind": self._config.web.bind,
            "workers": self._config.web.workers,
            "worker_class": "gevent",
            "worker_connections": CONNECTIONS,
            "graceful_timeout": GRACE_S,
            "timeout": 60,
            "keepalive": 30,
            "limit_request_field_size": HEADER_FIELD_BYTES,
            "control_socket_disable": True,
            "post_fork": _after_fork,
            "proc_name": "muniment-web",
            "accesslog": None,
            "errorlog": "-",
        }
        for name, value in settings.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """gunicorn asks for the application."""
        from central import create_app

        return create_app(self._config)


def main(argv: list[str] | None = None) -> int:
    """Serve until told to stop; 1 when it could not, 2 for a configuration that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m central.web.server", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="the centre's TOML file")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started this one is gone")
    arguments = parser.parse_args(argv)
    if arguments.with_parent:
        end_with_parent()
    try:
        config = load(arguments.config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    master = os.getpid()
    try:
        load_or_make(config.session_secret_file)  # said here in words, before gunicorn tries it again and again
        Server(config).run()
    except (OSError, WeakSecret) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    except SystemExit as ended:  # gunicorn has reasons of its own, such as 3 for a worker that does not start, by which workers tell it
        if os.getpid() == master and ended.code:
            return 1
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
