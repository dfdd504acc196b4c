"""Changing control data: as the tables' owner, whom nobody logs in as, through the admin's database URL."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.stores.postgres import Connection, Database
from shared.stores.roles import OWNER


@contextmanager
def as_owner(admin: Database) -> Iterator[Connection]:
    """One transaction with the owner's rights."""
    with admin.transaction() as connection:
        connection.execute(f"SET LOCAL ROLE {OWNER}")
        yield connection
