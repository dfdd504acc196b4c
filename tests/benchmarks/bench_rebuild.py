"""How long the gate stays closed when its memory is lost: a rebuild with many jobs waiting.

`python -m tests.benchmarks.bench_rebuild [--jobs 100000] [--tenants 100]`. The baseline is the bare reading of the same
rows from Postgres by the same role, in the same order: what no rebuild can do without.
"""

import argparse
import time
from collections.abc import Callable

from shared.cell import Cell
from shared.ledger import housekeeping
from tests.benchmarks.report import at_most, judge, median, progress, say
from tests.benchmarks.stage import stage
from tests.support.cells import make_tenant

#: Seconds in which 100,000 waiting jobs are to be back.
TARGET = 30.0

#: As an acceptance leaves them: all of one tenant's lie together, as after a night of floods.
FILL = """
INSERT INTO tenant.jobs (tenant_id, job_id, source, event_id, body_hash, kind, family, payload, principal, door,
                         ordering_key, offered_at)
SELECT %(tenant)s, gen_random_uuid(), '/benchmarks/rebuild', n::text, ''::bytea, 'ops.probe', 'ops', '{}', 'benchmark',
       'bus', CASE WHEN n %% 10 = 0 THEN 'key ' || n %% 100 END, now()
FROM generate_series(1, %(jobs)s) AS n
"""


def main() -> None:
    asked = _arguments()
    with stage() as cell:
        each = asked.jobs // asked.tenants
        for number in range(asked.tenants):
            _fill(cell, f"tenant-{number}", each)
        jobs = each * asked.tenants
        progress(f"{jobs} jobs of {asked.tenants} tenants wait")
        rounds = [
            (_timed(lambda: _read(cell, jobs)), _timed(lambda: _rebuild(cell, jobs))) for _ in range(asked.rounds)
        ]
    read, rebuilt = (median([one[part] for one in rounds]) for part in (0, 1))
    figures = {"seconds": rebuilt, "jobs": float(jobs), "jobs_per_s": jobs / rebuilt, "vs_reading": rebuilt / read}
    judge(figures, [at_most("seconds", TARGET)])
    say("rebuild", figures, {"reading_seconds": read})


def _fill(cell: Cell, tenant: str, jobs: int) -> None:
    make_tenant(cell, tenant)
    with cell.database.transaction(tenant) as connection:
        connection.execute(FILL, {"tenant": tenant, "jobs": jobs})


def _read(cell: Cell, jobs: int) -> None:
    with housekeeping.new_epoch(cell.dispatcher) as (_, unfinished):
        assert sum(1 for _ in unfinished) == jobs


def _rebuild(cell: Cell, jobs: int) -> None:
    cell.redis.flushdb()
    rebuilt = cell.rebuilder.rebuild()
    assert rebuilt is not None
    assert rebuilt.opened
    assert rebuilt.waiting == jobs


def _timed(work: Callable[[], None]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_rebuild")
    parser.add_argument("--jobs", type=int, default=100_000, help="jobs that wait")
    parser.add_argument("--tenants", type=int, default=100, help="whose they are")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
