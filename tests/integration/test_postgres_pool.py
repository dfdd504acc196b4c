"""The pool: a server that ended every connection is believed to have done so, by the first that finds it out."""

from contextlib import ExitStack

import psycopg
import pytest

from shared.cell import Cell
from shared.errors import Unavailable
from shared.stores.postgres import Database

CONNECTIONS = 8

END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = %s"


def test_only_the_first_to_ask_meets_a_restart(cell: Cell) -> None:
    database = Database(cell.settings.database_url or "", pool=CONNECTIONS)
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            stack.enter_context(database.connection())
    with psycopg.connect(cell.settings.database_admin_url or "", autocommit=True) as admin:
        admin.execute(END, ("headgate_app",))

    with pytest.raises(Unavailable), database.connection() as connection:
        connection.execute("SELECT 1")
    for _ in range(2 * CONNECTIONS):
        with database.connection() as connection:
            connection.execute("SELECT 1")
    database.close()
