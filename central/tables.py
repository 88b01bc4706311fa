"""Loads every domain's tables into the one metadata; what migrations, `rebuild` and tests start from."""

from importlib import import_module
from importlib.util import find_spec

from sqlalchemy import MetaData, Table

from central.store.metadata import metadata

DOMAINS = (
    "ledger",
    "environment",
    "security",
    "digitization",
    "digitization.process",
    "digitization.acceptance",
    "health",
    "people",
    "environment.works",
    "environment.patrols",
    "environment.plans",
    "environment.limits",
    "environment.instruments",
    "environment.metrics",
    "environment.reports",
    "digitization.packages",
    "digitization.people",
    "digitization.recognition",
)


def load_tables() -> MetaData:
    """The metadata with all tables in it."""
    for domain in DOMAINS:
        if find_spec(f"central.{domain}.tables"):
            import_module(f"central.{domain}.tables")
    return metadata


def projections() -> list[Table]:
    """Every table that `rebuild` recreates from the ledger."""
    load_tables()
    tables: list[Table] = []
    for domain in DOMAINS:
        module = f"central.{domain}.tables"
        if find_spec(module):
            tables.extend(getattr(import_module(module), "PROJECTIONS", ()))
    return tables
