"""The journal: the durable record of a job's steps.

A paid step is written twice: its intent before the call, with the worst it may draw, and its outcome after, with what
it drew. What a retried job finds answered it replays. A draw is recorded whoever holds the job by now; an outcome,
which a replay would trust, only by the holder of the fence.

    intent ▸ answered   what it drew is known
           ▸ failed     the provider would not serve it: nothing was drawn
           ▸ void       it was never called: a budget had no room, or the run could not go on
           ▸ unknown    the answer was lost: drawn at worst, until somebody knows better (`reconciled_at`)

    unknown ▸ answered, failed, void   its own caller comes late
            ▸ unknown, reconciled      the provider's log was asked (`shared.ledger.lost`)

An intent becomes unknown by its own run, by what ends the run or starts the next (functions of the database), or, where
neither comes for long, by age (`lost`). Each end is put on record by the meters (`shared.ledger.recording`), and a step
of which more is known later once more: they may have it at its worst case already.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg import Cursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from shared.gate.values import Lease
from shared.ledger.states import BilledTo, StepKind
from shared.metering.prices import NOTHING, Tokens
from shared.stores.postgres import Connection, Database

ANSWERED = """
SELECT place, input_hash, outcome FROM tenant.steps
WHERE tenant_id = %s AND job_id = %s AND state = 'answered' AND outcome IS NOT NULL
"""

INTEND = """
INSERT INTO tenant.steps (tenant_id, job_id, call_id, place, run, kind, state, input_hash, model, provider, billed_to,
                          worst_input_tokens, worst_output_tokens, worst_nano)
VALUES (%(tenant)s, %(job)s, %(call)s, %(place)s, %(run)s, %(kind)s, 'intent', %(hash)s, %(model)s, %(provider)s,
        %(billed_to)s, %(worst_input)s, %(worst_output)s, %(worst_nano)s)
RETURNING intended_at
"""

#: Whose end is not known yet. A lost call keeps the moment at which it was lost, so that what corrects its record
#: counts in the same quarter of an hour.
UNCERTAIN = "(state = 'intent' OR (state = 'unknown' AND reconciled_at IS NULL))"
KNOWN = """
       ended_at = coalesce(ended_at, now()), reconciled_at = CASE WHEN state = 'unknown' THEN now() END,
       recorded_at = NULL
"""

ANSWER = f"""
UPDATE tenant.steps SET state = 'answered', input_tokens = %(input)s, output_tokens = %(output)s,
       cached_tokens = %(cached)s, drawn_nano = %(nano)s, outcome = %(outcome)s, error = NULL, {KNOWN}
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND call_id = %(call)s AND {UNCERTAIN}
"""

NOT_DRAWN = f"""
UPDATE tenant.steps SET state = %(state)s, error = %(error)s, {KNOWN}
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND call_id = %(call)s AND {UNCERTAIN}
"""

LOSE = """
UPDATE tenant.steps SET state = 'unknown', error = %(error)s, ended_at = now()
WHERE tenant_id = %(tenant)s AND job_id = %(job)s AND call_id = %(call)s AND state = 'intent'
"""

#: It may be on record already, where the ledger went away before it was heard that it is.
NOTE = """
INSERT INTO tenant.steps (tenant_id, job_id, call_id, place, run, kind, state, input_hash, model, provider, billed_to,
                          from_cache, outcome, ended_at)
VALUES (%(tenant)s, %(job)s, %(call)s, %(place)s, %(run)s, %(kind)s, 'answered', %(hash)s, %(model)s, %(provider)s,
        %(billed_to)s, %(model)s::text IS NOT NULL, %(outcome)s, now())
ON CONFLICT (tenant_id, job_id, call_id) DO NOTHING
"""


@dataclass(frozen=True)
class Step:
    """A step about to be made: `call_id` is (job, place, run, n), unique for ever; `worst_nano` in nano-dollars."""

    call_id: str
    place: str
    run: int
    kind: StepKind
    input_hash: bytes
    model: str | None = None
    worst: Tokens = NOTHING
    worst_nano: int = 0
    provider: str | None = None
    billed_to: BilledTo = "platform"


@dataclass(frozen=True)
class Intended:
    """An intent under way in a pipeline; `at` is known once that is over."""

    cursor: Cursor[DictRow]

    @property
    def at(self) -> datetime:
        (row,) = self.cursor.fetchall()
        moment: datetime = row["intended_at"]
        return moment


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


def intend(connection: Connection, lease: Lease, step: Step) -> Intended:
    """Write what is about to be called and at worst drawn; to be committed before the call."""
    worst = {"worst_input": step.worst.input, "worst_output": step.worst.output, "worst_nano": step.worst_nano}
    return Intended(connection.execute(INTEND, _values(lease, step) | worst))


def answer(
    connection: Connection, lease: Lease, step: Step, drawn: Tokens, outcome: dict[str, Any] | None, *, nano: int
) -> None:
    """Write what was drawn, and what came of it for a replay (None: another run has the job by now)."""
    told = {"input": drawn.input, "output": drawn.output, "cached": drawn.cached, "nano": nano}
    kept = Jsonb(outcome) if outcome is not None else None
    connection.execute(ANSWER, _values(lease, step) | told | {"outcome": kept})


def fail(database: Database, lease: Lease, step: Step, error: str) -> None:
    """The provider would not serve the call: nothing was drawn."""
    _close(database, lease, step, NOT_DRAWN, state="failed", error=error)


def void(database: Database, lease: Lease, step: Step, error: str) -> None:
    """The call was not made after all: its intent binds nobody."""
    _close(database, lease, step, NOT_DRAWN, state="void", error=error)


def lose(database: Database, lease: Lease, step: Step, error: str) -> None:
    """The call brought no answer, and nobody knows whether it was served."""
    _close(database, lease, step, LOSE, error=error)


def note(connection: Connection, lease: Lease, step: Step, outcome: dict[str, Any]) -> None:
    """Write a step that cost nothing, so that a replay sees what this run saw.

    One that names a model was answered without a call, by what an earlier one had been answered.
    """
    connection.execute(NOTE, _values(lease, step) | {"outcome": Jsonb(outcome)})


def _close(database: Database, lease: Lease, step: Step, statement: LiteralString, **told: str) -> None:
    with database.transaction(lease.tenant, pipelined=True) as connection:
        connection.execute(statement, _values(lease, step) | told)


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
        "provider": step.provider,
        "billed_to": step.billed_to,
    }
