"""Brings a database to the newest schema, in one transaction."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from central.store.engine import reading, writing


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def migrate(engine: Engine) -> None:
    """Run all migrations that the database has not seen; nothing is changed if one fails."""
    with writing(engine) as connection:
        command.upgrade(_config(connection), "head")


def is_current(engine: Engine) -> bool:
    """Whether the database has the newest schema."""
    with reading(engine) as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
    return set(heads) == set(ScriptDirectory.from_config(_config()).get_heads())


def write_revision(engine: Engine, message: str, revision: str) -> None:
    """Write a new migration from the difference between the database and the tables in code (for developers)."""
    with writing(engine) as connection:
        command.revision(_config(connection), message=message, autogenerate=True, rev_id=revision)
