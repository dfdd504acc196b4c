"""Servers for the whole run, and for each test a cell of its own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from shared.cell import Cell
from shared.embedded import Servers
from shared.rehearsal.client import Rehearsal, rehearsal
from shared.rehearsal.settings import RehearsalSettings
from tests.support import cells

# The same examples in each run, on a machine however slow: what is refused was refused for what was changed.
# `make explore` looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Embedded Postgres and Redis; the database is migrated and serves as template."""
    with cells.test_servers() as started:
        yield started


@pytest.fixture(scope="session")
def one_model() -> Iterator[Rehearsal]:
    with rehearsal() as started:
        yield started


@pytest.fixture
def model(one_model: Rehearsal) -> Rehearsal:
    """The rehearsal model, quick and faultless, its books empty."""
    one_model.settings(**RehearsalSettings().model_dump(mode="json"))
    one_model.clear()
    return one_model


@pytest.fixture(scope="session")
def another_model() -> Iterator[Rehearsal]:
    with rehearsal() as started:
        yield started


@pytest.fixture
def eu(another_model: Rehearsal) -> Rehearsal:
    """A provider in the EU, where `model` is the one in the US."""
    another_model.settings(**RehearsalSettings().model_dump(mode="json"))
    another_model.clear()
    return another_model


@pytest.fixture
def cell(servers: Servers) -> Iterator[Cell]:
    """A cell with nothing in it but the platform's tenant, its gate open; no worker runs."""
    with tempfile.TemporaryDirectory() as home, cells.test_cell(servers, Path(home)) as made:
        yield made


@pytest.fixture
def speaking_cell(servers: Servers, model: Rehearsal) -> Iterator[Cell]:
    """The same, with the rehearsal model behind it."""
    with (
        tempfile.TemporaryDirectory() as home,
        cells.test_cell(servers, Path(home), OPENAI_BASE_URL=model.url) as made,
    ):
        yield made
