"""Reading the books when the play is over. Nothing is counted on the way."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from producers.cli.commands.demo.books import Account, Books, Draw, Job, Totals
from producers.cli.commands.demo.script import PARTS
from shared.cell import Cell
from shared.rehearsal.log import Served
from shared.stores.postgres import one

JOBS = "SELECT job_id, tenant_id, kind, state FROM tenant.jobs"

#: Seconds from accepted to started, of turns: they are what people wait for.
WAITS = """
SELECT tenant_id, percentile_cont(ARRAY[0.5, 0.99])
           WITHIN GROUP (ORDER BY extract(epoch FROM started_at - accepted_at)::float8) AS waits
FROM tenant.jobs WHERE kind = 'agent.turn' GROUP BY 1
"""

UNRECORDED = """
SELECT count(*) AS steps FROM tenant.steps
WHERE model IS NOT NULL AND state IN ('intent', 'answered', 'unknown') AND recorded_at IS NULL
"""

DRAWS = """
SELECT tenant_id, call_id, sum(quantity)::bigint AS tokens, sum(cost_nano)::bigint AS cost_nano, count(*) AS records,
       bool_and(status = 'billed') AS certain
FROM control.usage_records WHERE meter LIKE 'tokens.%' GROUP BY 1, 2
"""

#: Without what the model asked its tools in between.
MESSAGES = "SELECT role, count(*) AS messages FROM tenant.messages WHERE tool_calls IS NULL GROUP BY 1"

ERRORS = "SELECT DISTINCT error FROM tenant.jobs WHERE state <> 'done' AND error IS NOT NULL"

DOCUMENTS = "SELECT count(*) AS documents FROM tenant.documents WHERE complete_at IS NOT NULL"


def jobs(cell: Cell) -> Mapping[UUID, Job]:
    with cell.dispatcher.connection() as connection:
        rows = connection.execute(JOBS).fetchall()
    return {row["job_id"]: Job(row["tenant_id"], row["kind"], row["state"]) for row in rows}


def unrecorded(cell: Cell) -> int:
    """Calls whose draw is not billed yet."""
    with cell.metering.connection() as connection:
        steps: int = one(connection, UNRECORDED)["steps"]
        return steps


def books(cell: Cell, served: Iterable[Served] | None) -> Books:
    ledger = jobs(cell)
    with cell.metering.connection() as connection:
        draws = connection.execute(DRAWS).fetchall()
    tokens, cost_nano, records = (sum(row[name] for row in draws) for name in ("tokens", "cost_nano", "records"))
    return Books(
        jobs=ledger,
        billed={row["call_id"]: Draw(row["tenant_id"], row["tokens"]) for row in draws},
        uncertain=sum(not row["certain"] for row in draws),
        served=None if served is None else _served(served, ledger),
        answers=_answers(cell),
        documents=_documents(cell),
        errors=_errors(cell),
        recorded=Totals(tokens, cost_nano, records),
        accounts=_accounts(cell, ledger, draws),
    )


def _served(log: Iterable[Served], ledger: Mapping[UUID, Job]) -> Mapping[str, Draw]:
    """The model's log by call. A call's id begins with its job's, and the ledger knows whose that is."""
    owners = {str(job): known.tenant for job, known in ledger.items()}
    found: dict[str, Draw] = {}
    for served in log:
        call = served.request_id or f"number {served.number}"
        before = found.get(call, Draw("", 0))
        owner = owners.get(call.partition("/")[0], "nobody")
        found[call] = Draw(owner, before.tokens + served.input_tokens + served.output_tokens)
    return found


def _answers(cell: Cell) -> Mapping[str, tuple[int, int]]:
    counted = {}
    for part in PARTS:
        with cell.database.transaction(part.tenant) as connection:
            said = {row["role"]: row["messages"] for row in connection.execute(MESSAGES)}
        counted[part.tenant] = (said.get("user", 0), said.get("assistant", 0))
    return counted


def _documents(cell: Cell) -> Mapping[str, int]:
    """How many are complete, by tenant."""
    counted = {}
    for part in PARTS:
        with cell.database.transaction(part.tenant) as connection:
            counted[part.tenant] = one(connection, DOCUMENTS)["documents"]
    return counted


def _errors(cell: Cell) -> Sequence[str]:
    found: list[str] = []
    for part in PARTS:
        with cell.database.transaction(part.tenant) as connection:
            found += [row["error"] for row in connection.execute(ERRORS)]
    return found


def _accounts(cell: Cell, ledger: Mapping[UUID, Job], draws: Iterable[Mapping[str, Any]]) -> Mapping[str, Account]:
    with cell.dispatcher.connection() as connection:
        waits = {row["tenant_id"]: row["waits"] for row in connection.execute(WAITS)}
    accounts = {}
    for part in PARTS:
        mine = [draw for draw in draws if draw["tenant_id"] == part.tenant]
        p50, p99 = waits[part.tenant]
        accounts[part.tenant] = Account(
            jobs=sum(job.tenant == part.tenant for job in ledger.values()),
            p50=p50,
            p99=p99,
            tokens=sum(draw["tokens"] for draw in mine),
            cost_nano=sum(draw["cost_nano"] for draw in mine),
        )
    return accounts
