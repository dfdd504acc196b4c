"""A pipelined transaction: all or nothing like any other, whatever is sent before the first answer is read."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from psycopg import errors

from shared.cell import Cell
from shared.errors import HeadgateError
from shared.stores.postgres import Connection, Database
from shared.stores.silence import Answering
from tests.support.cells import make_tenant

NAMES = "SELECT conversation_id FROM tenant.conversations ORDER BY 1"

SAY = "INSERT INTO tenant.conversations (tenant_id, conversation_id, agent) VALUES (%s, %s, 'default')"


@pytest.fixture
def database(cell: Cell) -> Iterator[Database]:
    """With one connection, so that whatever a transaction left behind is met by the next."""
    make_tenant(cell, "acme")
    made = Database(cell.database._url, pool=1)
    yield made
    made.close()


def kept(database: Database) -> tuple[list[str], int]:
    with database.transaction("acme") as connection:
        return [row["conversation_id"] for row in connection.execute(NAMES)], connection.info.backend_pid


def say(connection: Connection, *names: str) -> None:
    for name in names:
        connection.execute(SAY, ("acme", name))


def counted(gen: Generator[Any, Any, Any], waits: list[object]) -> Generator[Any, Any, Any]:
    """The same, noting each time that it waits for the network."""
    try:
        waited = next(gen)
        while True:
            waits.append(waited)
            waited = gen.send((yield waited))
    except StopIteration as end:
        return end.value


def attempt(database: Database, write: Callable[[Connection], None]) -> None:
    with database.transaction("acme", pipelined=True) as connection:
        write(connection)


def test_what_was_asked_may_be_read_on_the_way_and_when_all_is_over(database: Database) -> None:
    with database.transaction("acme", pipelined=True) as connection:
        say(connection, "a")
        on_the_way = connection.execute(NAMES).fetchall()
        say(connection, "b")
        later = connection.execute(NAMES)
    assert [len(on_the_way), len(later.fetchall()), later.rowcount] == [1, 2, 2]
    assert kept(database)[0] == ["a", "b"]


@pytest.mark.parametrize("more", [0, 1, 50])
def test_a_statement_that_fails_undoes_all_and_is_the_one_that_is_told(database: Database, more: int) -> None:
    _, backend = kept(database)
    names = ["a", "a", *(f"more-{number}" for number in range(more))]
    with pytest.raises(errors.UniqueViolation):
        attempt(database, lambda connection: say(connection, *names))
    assert kept(database) == ([], backend)


def test_a_failure_that_is_met_on_the_way_undoes_all(database: Database) -> None:
    def write(connection: Connection) -> None:
        say(connection, "a", "a")
        connection.execute(NAMES).fetchall()
        raise AssertionError("it went on")

    _, backend = kept(database)
    with pytest.raises(errors.UniqueViolation):
        attempt(database, write)
    assert kept(database) == ([], backend)


def test_an_error_of_ours_undoes_all_savepoints_too(database: Database) -> None:
    def write(connection: Connection) -> None:
        say(connection, "a")
        with connection.transaction():
            say(connection, "b")
        say(connection, "c")
        raise HeadgateError("ours")

    _, backend = kept(database)
    with pytest.raises(HeadgateError, match="ours"):
        attempt(database, write)
    assert kept(database) == ([], backend)


def test_a_binding_ends_with_its_pipeline(database: Database) -> None:
    with database.transaction("acme", pipelined=True) as connection:
        say(connection, "a")
    with database.transaction(pipelined=True) as connection:
        seen = connection.execute(NAMES)
    assert seen.fetchall() == []


def test_what_is_asked_together_leaves_together(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(database)
    with database.transaction("acme", pipelined=True) as connection:
        waits = list[object]()
        wait = type(connection).wait
        monkeypatch.setattr(Answering, "wait", lambda self, gen, *rest: wait(self, counted(gen, waits), *rest))
        say(connection, *(f"c-{number}" for number in range(20)))
        assert not waits, "a statement waited for the network before an answer was wanted"
    assert waits
    monkeypatch.undo()
    assert len(kept(database)[0]) == 20


def test_more_than_a_buffer_takes_goes_through_while_as_much_comes_back(database: Database) -> None:
    echo = "SELECT %s::text AS said"
    with database.transaction("acme", pipelined=True) as connection:
        asked = [connection.execute(echo, (str(number % 10) * 1_000_000,)) for number in range(20)]
    assert [one["said"][0] for cursor in asked for one in cursor] == [str(number % 10) for number in range(20)]
