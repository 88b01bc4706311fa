"""The order of the tests: those that start whole programs go first, so that two workers end at about the same time."""

from pathlib import Path

import pytest

LONG = ("system", "faults", "browser")
TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long ones first; within a group the order of the files stays."""
    items.sort(key=lambda item: item.path.relative_to(TESTS).parts[0] not in LONG)
