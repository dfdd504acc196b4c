"""A worker may open as many files as the system grants."""

import resource
from collections.abc import Iterator

import pytest

from workers import files

#: What many systems grant who does not ask for more.
USUAL = 1024


@pytest.fixture
def usual() -> Iterator[None]:
    """This process with the usual limit, meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (USUAL, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("usual")
def test_a_worker_takes_all_the_files_that_it_may() -> None:
    files.allow_many()
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert now == most
