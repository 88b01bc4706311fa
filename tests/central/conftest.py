"""One centre a module: making people is slow on purpose (argon2)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.central.site import Site, running
from tests.central.web_fixtures import Centre, make_centre
from tests.ready_fonts import lay_fonts


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    """A real application over a real database."""
    made = make_centre(Path(tmp_path_factory.mktemp("centre")))
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with records, uploads, and a sequencer at work."""
    with running(Path(tmp_path_factory.mktemp("site"))) as made:
        lay_fonts(Path(made.centre.config.data))
        yield made
