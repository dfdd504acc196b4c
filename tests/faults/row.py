"""One row of the fault matrix: a real run of turns of four tenants, struck again and again, and what was left of it."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, LiteralString

from shared.cell import Cell
from shared.contracts.answers import Accepted
from shared.gate.gate import GateClosed
from shared.rehearsal.client import Rehearsal, rehearsal
from shared.stores.postgres import one
from tests.benchmarks.stage import stage
from tests.support.cells import LEASE, make_tenant
from tests.support.walking import accept, event
from tests.support.workers import Worker, eventually, workers

#: The tenants of a row, all of one tier.
TENANTS = ("acme", "globex", "initech", "umbrella")

LANES = ("turns.pro", "embed.pro", "ops.pro", "ops.platform")

#: Seconds that the model takes: a turn of one call is surely inside it when a fault strikes.
LATENCY = 0.2

#: Seconds of work between two strikes, counted from the first job that ended after one.
BETWEEN = 2.0

#: Seconds after which a row is struck no more.
PATIENCE = 240.0


@dataclass(frozen=True)
class Row:
    """`hits`: strikes while a lease was live. `recovery_s`: the longest from a strike to the next end of a job."""

    hits: int
    accepted: int
    finished: int
    doubled: int
    lost: int
    leaked: int
    unbilled_tokens: int
    unknown_calls: int
    recovery_s: float

    @property
    def clean(self) -> bool:
        return self.hits > 0 and not any((self.doubled, self.lost, self.leaked, self.unbilled_tokens))

    def told(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Scene:
    """What a fault may strike."""

    cell: Cell
    model: Rehearsal
    workers: list[Worker]

    def start_worker(self) -> None:
        self.workers.append(Worker(self.cell, LANES, slots=8))


#: Strikes once.
Strike = Callable[[Scene], None]


def run(strike: Strike, *, jobs: int) -> Row:
    """Accept `jobs` turns, strike while they run, and count what is left when all are over."""
    with ExitStack() as stack:
        model = stack.enter_context(rehearsal(latency=LATENCY))
        cell = stack.enter_context(stage(lease_seconds=LEASE, OPENAI_BASE_URL=model.url, failures_allowed=100))
        keys = {tenant: make_tenant(cell, tenant, turns=100, running=100).secret for tenant in TENANTS}
        started = stack.enter_context(workers(cell, LANES, LANES, slots=8))
        scene = Scene(cell, model, started)
        accepted = _accept(cell, keys, jobs)
        hits, recovery = _strike_until_done(scene, strike, jobs)
        eventually(lambda: _unrecorded(cell) == 0, "every draw is recorded")
        return _counted(scene, accepted, hits, recovery)


def _accept(cell: Cell, keys: dict[str, str], jobs: int) -> int:
    turns = [
        event("agent.turn", {"conversation": f"c-{i}", "message": f"What is question {i}?"}, keys[TENANTS[i % 4]])
        for i in range(jobs)
    ]
    return sum(isinstance(verdict.answer, Accepted) for verdict in accept(cell, *turns))


def _strike_until_done(scene: Scene, strike: Strike, jobs: int) -> tuple[int, float]:
    """How often the fault struck while a lease was live, and the longest time until a job ended after it."""
    hits, recovery, until = 0, 0.0, time.monotonic() + PATIENCE

    def over() -> bool:
        return _done(scene.cell) == jobs

    while not over() and time.monotonic() < until:
        eventually(lambda: _live(scene) or over(), "a lease is live")
        done = _done(scene.cell)
        if done < jobs:
            strike(scene)
            hits, struck = hits + 1, time.monotonic()
            eventually(lambda: _done(scene.cell) > done, "a job ends after the fault")  # noqa: B023 - asked at once
            recovered = time.monotonic()
            recovery = max(recovery, recovered - struck)
            eventually(lambda: over() or time.monotonic() > recovered + BETWEEN, "work in between")  # noqa: B023 - too
    eventually(over, "every job is over")
    return hits, recovery


def _live(scene: Scene) -> bool:
    """Whether a lease is live somewhere; a gate that is closed knows of none."""
    try:
        return any(lane["running"] for lane in list(scene.cell.gate.look()["lanes"]))
    except GateClosed:
        return False


def _done(cell: Cell) -> int:
    return _count(cell, "SELECT count(*) AS n FROM tenant.jobs WHERE state NOT IN ('waiting', 'running')")


def _unrecorded(cell: Cell) -> int:
    with cell.metering.connection() as connection:
        open_draws = "SELECT FROM tenant.steps WHERE model IS NOT NULL AND state <> 'failed' AND recorded_at IS NULL"
        return len(connection.execute(open_draws).fetchall())


def _count(cell: Cell, statement: LiteralString) -> int:
    """Over all tenants, as the dispatcher sees them."""
    with cell.dispatcher.connection() as connection:
        return int(one(connection, statement)["n"])


def _counted(scene: Scene, accepted: int, hits: int, recovery: float) -> Row:
    cell = scene.cell
    finished = _count(cell, "SELECT count(*) AS n FROM tenant.jobs WHERE state = 'done'")
    messages = sum(_messages(cell, tenant) for tenant in TENANTS)
    billed, unknown = _billed(cell)
    served = scene.model.total("sk-test-key")
    found = [entry for call in unknown for entry in scene.model.lookup(call)]
    reconciled = sum(entry.input_tokens + entry.output_tokens for entry in found)
    eventually(lambda: not _live(scene), "no lease is left")
    return Row(
        hits=hits,
        accepted=accepted,
        finished=finished,
        doubled=max(0, messages - 2 * finished),
        lost=accepted - _done(cell) + max(0, 2 * finished - messages),
        leaked=sum(lane["running"] + lane["eligible"] for lane in list(cell.gate.look()["lanes"])),
        unbilled_tokens=served.input_tokens + served.output_tokens - billed - reconciled,
        unknown_calls=len(unknown),
        recovery_s=round(recovery, 2),
    )


def _messages(cell: Cell, tenant: str) -> int:
    with cell.database.transaction(tenant) as connection:
        return len(connection.execute("SELECT FROM tenant.messages").fetchall())


def _billed(cell: Cell) -> tuple[int, list[str]]:
    """Tokens billed, and the calls on record as unknown."""
    with cell.metering.connection() as connection:
        rows = connection.execute("SELECT call_id, status, quantity FROM control.usage_records").fetchall()
    billed = sum(row["quantity"] for row in rows if row["status"] == "billed")
    return billed, sorted({row["call_id"] for row in rows if row["status"] == "unknown"})
