"""A connection on which nothing passes any more, though both ends believe in it, is given up by both of them."""

import psycopg
import pytest

from shared.cell import Cell
from shared.errors import Unavailable
from shared.stores import silence
from shared.stores.postgres import Database
from tests.support.cells import make_tenant
from tests.support.proxy import proxy

LOCKED = "SELECT FROM control.tenants WHERE tenant_id = 'acme' FOR UPDATE"


def test_a_connection_that_went_silent_is_given_up_and_those_made_with_it(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "SILENCE", 0.5)
    url = cell.settings.database_url or ""
    with proxy(url) as way:
        database = Database(way.instead(url))
        with database.connection(), database.connection():
            pass
        assert way.silence() == 2
        with pytest.raises(Unavailable, match=r"no answer within 0\.5 s"), database.connection() as connection:
            connection.execute("SELECT 1")
        for _ in range(2):
            with database.connection() as connection:
                connection.execute("SELECT 1")
        database.close()


@pytest.mark.parametrize("pipelined", [False, True])
def test_a_transaction_that_went_silent_fails_as_any_that_loses_its_server(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, pipelined: bool
) -> None:
    monkeypatch.setattr(silence, "SILENCE", 0.5)
    url = cell.settings.database_url or ""
    with proxy(url) as way:
        database = Database(way.instead(url))
        with (  # noqa: PT012 - it is the transaction as a whole that fails
            pytest.raises(Unavailable),
            database.transaction("acme", pipelined=pipelined) as connection,
        ):
            connection.execute("SELECT 1").fetchone()
            way.silence()
            connection.execute("SELECT 2").fetchone()
        database.close()


def test_what_a_silent_transaction_has_locked_is_free_again_after_a_while(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "SILENCE", 0.5)
    monkeypatch.setattr(silence, "IDLE_IN_TRANSACTION", "1s")
    make_tenant(cell, "acme")
    url = cell.settings.database_admin_url or ""
    with proxy(url) as way, psycopg.connect(url) as other:
        database = Database(way.instead(url))
        with pytest.raises(Unavailable), database.transaction() as connection:  # noqa: PT012 - as above
            connection.execute(LOCKED)
            way.silence()
            connection.execute("SELECT 1")
        other.execute("SET LOCAL lock_timeout = '20s'")
        assert other.execute(LOCKED).rowcount == 1
        database.close()


def test_patience_is_for_one_transaction(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "SILENCE", 0.5)
    with cell.dispatcher.transaction() as connection:
        silence.be_patient(connection)
        assert connection.execute("SELECT 1 AS answered FROM pg_sleep(0.7)").fetchone() == {"answered": 1}
    with pytest.raises(Unavailable), cell.dispatcher.connection() as connection:
        connection.execute("SELECT FROM pg_sleep(1)")
