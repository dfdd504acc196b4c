"""What a row left behind, counted in the ledger, the gate, the bill and the model's own log."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, LiteralString

from shared.cell import Cell
from shared.errors import Unavailable
from shared.gate.gate import GateClosed
from shared.stores.postgres import one
from tests.faults.bill import bill, misheld
from tests.faults.hooks import POISON
from tests.faults.scene import Scene
from tests.faults.traffic import TENANTS

#: Jobs that did not end as they had to: the poisoned ones dead, all others done, with a question and an answer kept.
WRONG = """
SELECT count(*) AS n FROM tenant.jobs j
WHERE state <> CASE WHEN payload ->> 'message' LIKE '%%' || %(poison)s || '%%' THEN 'dead' ELSE 'done' END
   OR state = 'done' AND 2 <> (SELECT count(*) FROM tenant.messages m WHERE m.job_id = j.job_id
                               AND role <> 'tool' AND tool_calls IS NULL)
"""

#: Messages beyond a question and an answer, but for what tools were asked between them; steps answered twice, endings
#: told twice.
DOUBLED = """
SELECT (SELECT coalesce(sum(n - 2), 0) FROM (SELECT count(*) AS n FROM tenant.messages
                                             WHERE role <> 'tool' AND tool_calls IS NULL GROUP BY conversation_id) AS m
        WHERE n > 2)
     + (SELECT count(*) - count(DISTINCT (job_id, place)) FROM tenant.steps WHERE outcome IS NOT NULL)
     + (SELECT count(*) - count(DISTINCT body ->> 'subject') FROM tenant.outbox) AS n
"""

#: What is still open when all is over, and rows in foreign hands: conversations carry their tenant's name.
LEFT_OPEN = """
SELECT (SELECT count(*) FROM tenant.jobs WHERE state IN ('waiting', 'running'))
     + (SELECT count(*) FROM tenant.steps WHERE state = 'intent')
     + (SELECT count(*) FROM tenant.outbox WHERE sent_at IS NULL)
     + (SELECT count(*) FROM tenant.messages WHERE NOT starts_with(conversation_id, %(tenant)s || '-')) AS n
"""


@dataclass(frozen=True)
class Row:
    """One line of the matrix.

    `hits`: strikes while a lease was live. `finished`: jobs in a final state. `lost`: jobs that did not end as they had
    to. `unbilled_tokens`: what the model served less what is billed. `unknown_calls`: those that had to be reconciled.
    `recovery_s`: the longest time from a strike until every job that it met running was over.
    """

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


def counted(scene: Scene, model_key: str, jobs: int, hits: int, recovery: float) -> Row:
    cell, billed = scene.cell, bill(scene.cell)
    served = scene.model.total(model_key)
    accepted = total(cell, "SELECT count(*) AS n FROM tenant.jobs WHERE family = 'turns'")
    return Row(
        hits=hits,
        accepted=accepted,
        finished=over(cell),
        doubled=sum(_each(cell, DOUBLED)),
        lost=jobs - accepted + sum(_each(cell, WRONG)),
        leaked=sum(_each(cell, LEFT_OPEN)) + held_at_the_gate(cell) + misheld(cell),
        unbilled_tokens=served.input_tokens + served.output_tokens - billed.billed,
        unknown_calls=billed.unknown,
        recovery_s=round(recovery, 2),
    )


def total(cell: Cell, statement: LiteralString) -> int:
    """Over all tenants, as the dispatcher sees them."""
    with cell.dispatcher.connection() as connection:
        return int(one(connection, statement)["n"])


def over(cell: Cell) -> int:
    """Turns in a final state."""
    return total(
        cell, "SELECT count(*) AS n FROM tenant.jobs WHERE family = 'turns' AND state NOT IN ('waiting', 'running')"
    )


def unsent(cell: Cell) -> int:
    """Answers that have not left yet."""
    return total(cell, "SELECT count(*) AS n FROM tenant.outbox WHERE sent_at IS NULL")


def held_at_the_gate(cell: Cell) -> int:
    """Leases, and jobs that the gate would start; a gate that does not answer holds something back."""
    try:
        return sum(lane["running"] + lane["eligible"] for lane in list(cell.gate.look()["lanes"]))
    except (GateClosed, Unavailable):
        return 1


def _each(cell: Cell, statement: LiteralString) -> Iterator[int]:
    """The count of each tenant, among its own rows."""
    for tenant in TENANTS:
        with cell.database.transaction(tenant) as connection:
            yield int(one(connection, statement, {"tenant": tenant, "poison": POISON})["n"])
