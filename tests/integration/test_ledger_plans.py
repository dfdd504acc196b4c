"""A run costs the ledger the same, however many jobs wait: Postgres finds it by its key."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared.cell import Cell
from shared.ledger import runs
from shared.ledger.runs import place
from shared.stores.postgres import Connection, bind, one
from tests.support.cells import make_tenant
from tests.support.ledgers import lease_on, new_job, record

#: Enough that a reading of all shows.
BACKLOG = 300

#: Runs after which a function's plan no longer looks at its arguments (Postgres: 5).
SETTLED = 6

OVER = "UPDATE tenant.jobs SET state = 'done', finished_at = now()"

READ = "SELECT idx_tup_fetch + seq_tup_read AS rows FROM pg_stat_xact_user_tables WHERE relname = 'jobs'"

FINISH = """
SELECT tenant.finish_run(%(tenant)s, %(job)s, %(token)s, 'done', NULL, NULL, 0, false, NULL, NULL, NULL)
"""


@contextmanager
def counted(connection: Connection, rows: list[int]) -> Iterator[None]:
    """How many rows of jobs what happens here reads."""
    before = one(connection, READ)["rows"]
    yield
    rows.append(one(connection, READ)["rows"] - before)


@pytest.fixture
def busy_cell(cell: Cell) -> Cell:
    """Its statistics are from when all jobs were over; then many came."""
    make_tenant(cell, "acme")
    record(cell, *(new_job() for _ in range(BACKLOG)))
    with cell.database.transaction("acme") as connection:
        connection.execute(OVER)
    with cell.admin.connection() as connection:
        connection.execute("ANALYZE tenant.jobs")
    return cell


def test_a_run_reads_its_own_job_and_not_the_backlog(busy_cell: Cell) -> None:
    jobs = [new_job() for _ in range(BACKLOG)]
    record(busy_cell, *jobs)
    rows: list[int] = []
    with busy_cell.database.transaction() as connection:
        for token, job in enumerate(jobs[-SETTLED:], start=1):
            bind(connection, job.tenant_id)
            told = place(lease_on(job, token))
            rows.clear()
            for statement in (runs.START, runs.HOLD, FINISH):
                with counted(connection, rows):
                    assert connection.execute(statement, told).rowcount == 1
    assert max(rows) < 10, rows
