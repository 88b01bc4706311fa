"""What the commands of `muniment-central` have in common: how they end, the open database, the broker's files."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from central.config import CentralConfig
from central.store.engine import open_engine
from central.store.migrate import is_current

DONE, FAILED, WRONG = 0, 1, 2
ACTOR = "operator of the centre"  # of acts done on the command line
Command = Callable[[CentralConfig, argparse.Namespace], int]


class InputError(Exception):
    """What was asked for cannot be meant; the text says why."""


def open_database(config: CentralConfig) -> Engine:
    """The migrated database; InputError when it is not."""
    if not config.database.exists():
        raise InputError(f"{config.database} does not exist: run `muniment-central migrate` first")
    engine = open_engine(config.database)
    if not is_current(engine):
        raise InputError(f"{config.database} has an older schema: back up, then run `muniment-central migrate`")
    return engine


def password_file(config: CentralConfig) -> Path:
    """The configured file of the centre's broker password, or DATA/broker-password."""
    return config.broker.password_file or config.data / "broker-password"


def with_password(config: CentralConfig) -> CentralConfig:
    """The configuration with that file in it."""
    return replace(config, broker=replace(config.broker, password_file=password_file(config)))


def prepare_broker(config: CentralConfig, engine: Engine) -> None:
    """The broker's password and rights files, as the enrolled agents need them."""
    from central.enrol import prepare_broker as write_files

    write_files(
        engine,
        site=config.site,
        folder=config.broker_folder,
        central_user=config.broker.user,
        password_file=password_file(config),
    )
