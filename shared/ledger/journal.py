"""The journal: the durable record of a job's steps.

A paid step is written twice: its intent before the call, with the worst it may draw, and its outcome after, with what
it drew. What a retried job finds answered it replays. A draw is recorded whoever holds the job by now; an outcome,
which a replay would trust, only by the holder of the fence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from shared.gate.values import Lease
from shared.ledger.runs import hold
from shared.metering.prices import NOTHING, Tokens
from shared.stores.postgres import Connection, Database

ANSWERED = """
SELECT place, input_hash, outcome FROM tenant.steps
WHERE tenant_id = %s AND job_id = %s AND state = 'answered' AND outcome IS NOT NULL
"""

INTEND = """
INSERT INTO tenant.steps (tenant_id, job_id, call_id, place, run, kind, state, input_hash, model,
                          worst_input_tokens, worst_output_tokens)
VALUES (%(tenant)s, %(job)s, %(call)s, %(place)s, %(run)s, %(kind)s, 'intent', %(hash)s, %(model)s,
        %(worst_input)s, %(worst_output)s)
"""

ANSWER = """
UPDATE tenant.steps SET state = 'answered', input_tokens = %(input)s, output_tokens = %(output)s,
       cached_tokens = %(cached)s, outcome = %(outcome)s, ended_at = now(), error = NULL
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND call_id = %(call)s AND recorded_at IS NULL
"""

CLOSE = """
UPDATE tenant.steps SET state = %(state)s, error = %(error)s, ended_at = now()
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND call_id = %(call)s AND state = 'intent'
"""

NOTE = """
INSERT INTO tenant.steps (tenant_id, job_id, call_id, place, run, kind, state, input_hash, outcome, ended_at)
VALUES (%(tenant)s, %(job)s, %(call)s, %(place)s, %(run)s, %(kind)s, 'answered', %(hash)s, %(outcome)s, now())
"""


@dataclass(frozen=True)
class Step:
    """A step about to be made: `call_id` is (job, place, run, n), unique for ever."""

    call_id: str
    place: str
    run: int
    kind: str
    input_hash: bytes
    model: str | None = None
    worst: Tokens = NOTHING


@dataclass(frozen=True)
class Past:
    """What an earlier run of the job was answered at a place."""

    input_hash: bytes
    outcome: dict[str, Any]


def answered(database: Database, lease: Lease) -> Mapping[str, Past]:
    """All finished steps of a job, by place."""
    with database.transaction(lease.tenant) as connection:
        rows = connection.execute(ANSWERED, (lease.tenant, lease.job)).fetchall()
    return {row["place"]: Past(bytes(row["input_hash"]), row["outcome"]) for row in rows}


def intend(database: Database, lease: Lease, step: Step) -> None:
    """Commit what is about to be called and at worst drawn; `Fenced` where the job has moved on."""
    with database.transaction(lease.tenant) as connection:
        hold(connection, lease)
        worst = {"worst_input": step.worst.input, "worst_output": step.worst.output}
        connection.execute(INTEND, _values(lease, step) | worst)


def answer(connection: Connection, lease: Lease, step: Step, drawn: Tokens, outcome: dict[str, Any] | None) -> None:
    """Write what was drawn, and what came of it for a replay (None: another run has the job by now)."""
    tokens = {"input": drawn.input, "output": drawn.output, "cached": drawn.cached}
    kept = Jsonb(outcome) if outcome is not None else None
    connection.execute(ANSWER, _values(lease, step) | tokens | {"outcome": kept})


def close(database: Database, lease: Lease, step: Step, *, lost: bool, error: str) -> None:
    """The call brought no answer: nothing was drawn, or (`lost`) nobody knows whether it was."""
    with database.transaction(lease.tenant) as connection:
        state = "unknown" if lost else "failed"
        connection.execute(CLOSE, _values(lease, step) | {"state": state, "error": error})


def note(database: Database, lease: Lease, step: Step, outcome: dict[str, Any]) -> None:
    """Write a step that cost nothing, so that a replay sees what this run saw."""
    with database.transaction(lease.tenant) as connection:
        hold(connection, lease)
        connection.execute(NOTE, _values(lease, step) | {"outcome": Jsonb(outcome)})


def _values(lease: Lease, step: Step) -> dict[str, Any]:
    return {
        "tenant": lease.tenant,
        "job": lease.job,
        "call": step.call_id,
        "place": step.place,
        "run": step.run,
        "kind": step.kind,
        "hash": step.input_hash,
        "model": step.model,
    }
