"""Postgres, role by role, and the gate's Redis."""

from collections.abc import Iterator
from contextlib import closing

from producers.cli.commands.doctor.finding import Finding, failed, ok, warning
from shared.cell import Cell
from shared.stores import migrate
from shared.stores.postgres import Database, without_password

#: Part of `maxmemory` above which the gate takes no more offers.
FULL = 0.9

POLICY = "noeviction"


def roles(cell: Cell) -> Iterator[Finding]:
    """Each role can log in, and row-level security holds it."""
    for database in (cell.database, cell.dispatcher, cell.metering):
        database.verify()
        with database.connection() as connection:
            name = connection.info.user
        yield ok("postgres", f"{name} logs in and is held by row-level security")


def migrations(cell: Cell) -> Iterator[Finding]:
    """Needs the admin's address, which a worker's host has no use for."""
    if cell.settings.database_admin_url is None:
        yield warning("migrations", "not known here: HEADGATE_DATABASE_ADMIN_URL is not set")
        return
    admin = Database(cell.settings.database_admin_url, pool=1)
    with closing(admin), admin.engine.connect() as connection:
        behind = migrate.pending(connection)
    if behind:
        yield failed("migrations", f"{', '.join(behind)} behind the code: run `headgate db upgrade`")
    else:
        yield ok("migrations", "up to date")


def pgvector(cell: Cell) -> Iterator[Finding]:
    with cell.database.connection() as connection:
        found = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    if found:
        yield ok("pgvector", found["extversion"])
    else:
        yield failed("pgvector", "not installed: run `headgate db upgrade` as a role that may create extensions")


def redis(cell: Cell) -> Iterator[Finding]:
    """Answers, keeps what it is given, and has room."""
    memory = cell.redis.info("memory")
    policy, used, most = memory["maxmemory_policy"], memory["used_memory"], memory["maxmemory"]
    if policy != POLICY:
        yield failed("redis", f"forgets keys when it is full ({policy}): set maxmemory-policy {POLICY}")
    elif most and used > FULL * most:
        yield failed("redis", f"{used / most:.0%} full, so the gate takes no more offers: raise maxmemory")
    else:
        room = f"of {most >> 20} MB" if most else "of no set maxmemory"
        yield ok("redis", f"{without_password(cell.settings.redis_url or '')}, {used >> 20} MB used {room}, {policy}")
