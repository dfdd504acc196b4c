"""What the ledger adds to a run: its start and its end, beside a bare INSERT and UPDATE of one row with two columns.

Threads start and finish jobs that wait in the ledger, as a worker's slots do, without gate and room. Start and end are
a commit each, as are INSERT and UPDATE; the start's does not wait for the disk (`shared.ledger.runs`), the other three
do. *Client* is this process's CPU, *server* that of all of Postgres, in microseconds per run.

    python -m tests.benchmarks.bench_run [--jobs 2000] [--threads 8] [--rounds 3]
"""

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import psutil

from shared import ids
from shared.cell import Cell
from shared.gate.values import Lease
from shared.ledger import ends, jobs, runs
from shared.ledger.ends import Finish
from shared.ledger.states import State
from shared.stores.postgres import one
from tests.benchmarks.report import MS, median, percentile, progress, say, table
from tests.benchmarks.resources import cpu
from tests.benchmarks.stage import BATCH, stage
from tests.support.cells import make_tenant
from tests.support.ledgers import lease_on, new_job

TENANT = "acme"

#: Microseconds in a second.
US = 1_000_000

BARE = "CREATE TABLE public.bare (id uuid PRIMARY KEY, state text); GRANT ALL ON public.bare TO headgate_app"

#: Begins and ends one piece of work; answers the seconds that its begin took.
Work = Callable[[], float]


@dataclass(frozen=True)
class Round:
    """`client` and `server` in microseconds per piece of work, the rest in seconds."""

    rate: float
    client: float
    server: float
    starts: Sequence[float]


def main() -> None:
    asked = _arguments()
    with stage() as cell, ThreadPoolExecutor(asked.threads) as pool:
        make_tenant(cell, TENANT)
        with cell.admin.connection() as connection:
            connection.execute(BARE)
        ran: list[Round] = []
        bare: list[Round] = []
        for number in range(asked.rounds + 1):  # the first warms up connections and plans
            for way, rounds in ((_runs, ran), (_bare, bare)):
                rounds.append(_round(cell, pool, way(cell, asked.jobs)))
                progress(f"round {number}: {way.__name__.strip('_')} {rounds[-1].rate:.0f} a second")
    _tell(ran[1:], bare[1:])


def _runs(cell: Cell, number: int) -> list[Work]:
    """Jobs that wait, each to be started and ended."""
    made = [new_job(TENANT) for _ in range(number)]
    for first in range(0, number, BATCH):
        with cell.database.transaction(TENANT) as connection:
            batch = made[first : first + BATCH]
            jobs.insert(connection, TENANT, batch, batch)

    def work(lease: Lease) -> float:
        begun = time.perf_counter()
        runs.start(cell.database, lease)
        started = time.perf_counter() - begun
        with cell.database.connection() as connection:
            ends.finish(connection, lease, Finish(State.DONE, result={"seconds": 0}, paid=False))
        return started

    return [partial(work, lease_on(job, 1)) for job in made]


def _bare(cell: Cell, number: int) -> list[Work]:
    def work(row: UUID) -> float:
        begun = time.perf_counter()
        with cell.database.connection() as connection:
            connection.execute("INSERT INTO public.bare VALUES (%s, 'running')", (row,))
        started = time.perf_counter() - begun
        with cell.database.connection() as connection:
            connection.execute("UPDATE public.bare SET state = 'done' WHERE id = %s", (row,))
        return started

    return [partial(work, ids.new()) for _ in range(number)]


def _round(cell: Cell, pool: ThreadPoolExecutor, works: Sequence[Work]) -> Round:
    postgres = _postgres(cell)
    server, client, begun = cpu(postgres), time.process_time(), time.perf_counter()
    starts = list(pool.map(lambda work: work(), works))
    rate = len(works) / (time.perf_counter() - begun)
    each = US / len(works)
    return Round(rate, (time.process_time() - client) * each, (cpu(postgres) - server) * each, starts)


def _postgres(cell: Cell) -> psutil.Process:
    with cell.admin.connection() as connection:
        backend = psutil.Process(one(connection, "SELECT pg_backend_pid() AS pid")["pid"])
    postmaster = backend.parent()
    assert postmaster is not None, "a backend of Postgres has no parent"
    return postmaster


def _tell(ran: Sequence[Round], bare: Sequence[Round]) -> None:
    figures, baseline = _figures(ran), _figures(bare)
    table(["", *figures], ["run", *figures.values()], ["bare", *baseline.values()])
    beside = {"vs_bare": figures["runs_per_s"] / baseline["runs_per_s"]}
    say("run", figures | beside, {f"bare_{name}": figure for name, figure in baseline.items()})


def _figures(rounds: Sequence[Round]) -> dict[str, float]:
    return {
        "runs_per_s": median([each.rate for each in rounds]),
        "client_us": median([each.client for each in rounds]),
        "server_us": median([each.server for each in rounds]),
        "start_p50_ms": median([percentile(each.starts, 50) * MS for each in rounds]),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_run")
    parser.add_argument("--jobs", type=int, default=2000, help="runs per round")
    parser.add_argument("--threads", type=int, default=8, help="slots")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; the figures are their medians")
    return parser.parse_args()


if __name__ == "__main__":
    main()
