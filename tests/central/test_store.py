"""The store: migrations give the tables that the code expects, and commits are durable ones."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, select

from central.config import ConfigError, load
from central.ledger.acts import record, wait_projected
from central.ledger.tables import acts
from central.store.engine import open_engine, reading, writing
from central.store.migrate import is_current, migrate
from central.tables import load_tables


def is_index(name: str | None) -> bool:
    """Whether it is the full-text index, or one of the tables that SQLite keeps it in: no table of the code."""
    return str(name).startswith("text_index")


def test_migrations_make_exactly_the_tables_of_the_code(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "muniment.db")
    assert not is_current(engine)
    migrate(engine)
    assert is_current(engine)
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"include_name": lambda name, _type, _parent: not is_index(name)})
        assert compare_metadata(context, load_tables()) == []
        for table in load_tables().sorted_tables:
            made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = ?", (table.name,)).scalar_one()
            assert ("WITHOUT ROWID" in made) == (table.dialect_options["sqlite"]["with_rowid"] is False), table.name
    migrate(engine)  # a second time changes nothing
    assert inspect(engine).has_table("ledger_batches")
    engine.dispose()


def test_commits_are_synced_and_many_may_read(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "muniment.db")
    with writing(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()


def test_an_act_waits_for_its_leaf_and_its_body_is_bound_by_a_salted_digest(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "muniment.db")
    migrate(engine)
    with writing(engine) as connection:
        ident = record(connection, kind="login", actor="li", body={"from": "127.0.0.1"})
    assert not wait_projected(engine, ident, timeout_s=0.05)
    with reading(engine) as connection:
        row = connection.execute(select(acts)).one()
    assert (row.kind, row.actor, row.leaf_idx) == ("login", "li", None)
    assert row.body == '{"actor":"li","from":"127.0.0.1"}'
    assert len(row.salt) == 16
    engine.dispose()


def test_a_configuration_with_many_mistakes_names_each_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "central.toml"
    file.write_text(
        '[central]\nsite = "Demo"\ntimezone = "Mars/Olympus"\n\n[broker]\nport = 99999\nhots = "x"\n\n'
        '[web]\nbind = "nowhere"\npublic_url = "ftp://x"\n'
        "workers = true\n\n[limit]\nupload_mb = 3\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(file)
    text = str(caught.value)
    assert f"{file}:2: central.site: 'Demo' is not a name" in text
    assert f"{file}:1: central.data: is missing" in text
    assert f"{file}:3: central.timezone: 'Mars/Olympus' is not a time zone" in text
    assert f"{file}:6: broker.port: 99999 is not a whole number from 1 to 65535" in text
    assert f"{file}:7: broker.hots: unknown key (did you mean host?)" in text
    assert f"{file}:10: web.bind" in text
    assert f"{file}:11: web.public_url" in text
    assert f"{file}:12: web.workers" in text
    assert f"{file}:14: [limit]: unknown table (did you mean limits?)" in text
    assert len(caught.value.errors) == 9
    file.write_text("[central\n")
    with pytest.raises(ConfigError, match=r"central.toml:1: not TOML"):
        load(file)


def test_a_small_configuration_is_enough(tmp_path: Path) -> None:
    file = tmp_path / "central.toml"
    file.write_text(f'[central]\nsite = "demo"\ndata = "{tmp_path}"\n')
    config = load(file)
    assert config.database == tmp_path / "muniment.db"
    assert (config.broker.port, config.web.bind, config.limits.reserve_mb) == (1883, "127.0.0.1:8080", 256)
