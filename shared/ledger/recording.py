"""Finished steps that are not recorded yet: found by having no mark, and marked when they are.

Those that drew nothing (failed, void) are among them, for their reservations must end too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from shared.gate.values import Draw
from shared.ledger.states import BilledTo
from shared.metering.prices import Tokens
from shared.stores.postgres import Connection, one

#: Over, and not on record.
UNRECORDED = "s.model IS NOT NULL AND s.state IN ('answered', 'failed', 'unknown', 'void') AND s.recorded_at IS NULL"

FINISHED = f"""
SELECT s.tenant_id, s.job_id, s.call_id, j.kind, s.model, s.state, s.worst_input_tokens, s.worst_output_tokens,
       s.input_tokens, s.output_tokens, s.cached_tokens, s.drawn_nano, s.ended_at, s.from_cache,
       s.billed_to, s.reconciled_at IS NOT NULL AS reconciled
FROM tenant.steps s JOIN tenant.jobs j USING (tenant_id, job_id)
WHERE {UNRECORDED} AND s.model <> ALL(%s::text[])
ORDER BY s.ended_at LIMIT %s FOR UPDATE OF s SKIP LOCKED
"""

MARK = """
UPDATE tenant.steps SET recorded_at = now()
FROM unnest(%s::text[], %s::uuid[], %s::text[]) AS done (tenant_id, job_id, call_id)
WHERE steps.tenant_id = done.tenant_id AND steps.job_id = done.job_id AND steps.call_id = done.call_id
"""

#: Lost calls of which more is known now.
UNCORRECTED = f"""
SELECT count(*) AS calls FROM tenant.steps s
WHERE {UNRECORDED} AND s.reconciled_at IS NOT NULL AND (%(tenants)s::text[] IS NULL OR s.tenant_id = ANY(%(tenants)s))
"""


@dataclass(frozen=True)
class Finished:
    """A step that is over. `reconciled`: it was unknown, and what it drew became known after all.

    `from_cache`: it drew nothing, for it was answered by what an earlier one had been answered.
    """

    tenant_id: str
    job_id: UUID
    call_id: str
    kind: str
    model: str
    state: str
    worst_input_tokens: int
    worst_output_tokens: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    drawn_nano: int
    ended_at: datetime
    from_cache: bool
    billed_to: BilledTo
    reconciled: bool

    @property
    def known(self) -> bool:
        """Whether it is known what was drawn."""
        return self.state != "unknown" or self.reconciled

    @property
    def tokens(self) -> Tokens:
        """What was drawn; nothing where it failed or is void."""
        return Tokens(self.input_tokens, self.output_tokens, self.cached_tokens)

    @property
    def worst(self) -> Tokens:
        """What was drawn at most."""
        return Tokens(self.worst_input_tokens, self.worst_output_tokens)

    @property
    def draw(self) -> Draw:
        """As budgets count."""
        return Draw(self.tokens.total, self.drawn_nano)


def finished(tenant_data: Connection, *, but: Sequence[str], limit: int) -> list[Finished]:
    """Steps to be recorded, the oldest first, locked; those of the models in `but` are left where they are."""
    with tenant_data.cursor(row_factory=class_row(Finished)) as cursor:
        return cursor.execute(FINISHED, (but, limit)).fetchall()


def mark(tenant_data: Connection, steps: Sequence[Finished]) -> None:
    """These are recorded."""
    tenants, jobs = [step.tenant_id for step in steps], [step.job_id for step in steps]
    tenant_data.execute(MARK, (tenants, jobs, [step.call_id for step in steps]))


def uncorrected(metering: Connection, tenants: Sequence[str] | None) -> int:
    """How many calls of these tenants, or of all, are reconciled and not yet recorded as what they drew."""
    calls: int = one(metering, UNCORRECTED, {"tenants": list(tenants) if tenants else None})["calls"]
    return calls
