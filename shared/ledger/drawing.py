"""What tenants drew and may have drawn, as the journal has it: for budgets, in tokens and nano-dollars, without a word.

Read in one snapshot, each call is in it once: with its draw, or with its worst case.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row

from shared.gate.windows import Windows
from shared.stores.postgres import Connection, Database, one
from shared.stores.silence import be_patient

#: Longest time from the commit of an intent until the gate has held it: ten times what Redis may take to answer. An
#: intent from just before a window's end may come when a new one has begun, and must still find the old one.
LATE = timedelta(minutes=2)

#: A lost call that was reconciled drew what is known of it now; what failed or is void drew nothing.
DRAWN = """
SELECT s.tenant_id, w.id AS window, sum(s.input_tokens + s.output_tokens)::bigint AS tokens,
       sum(s.drawn_nano)::bigint AS nanos
FROM unnest(%(window)s::text[], %(length)s::text[], %(moment)s::timestamptz[], %(ends)s::timestamptz[])
     AS w (id, length, moment, ends)
JOIN tenant.steps s ON s.intended_at >= date_trunc(w.length, w.moment, 'UTC') AND s.intended_at < w.ends
WHERE s.model IS NOT NULL AND (s.state = 'answered' OR s.reconciled_at IS NOT NULL)
GROUP BY 1, 2 ORDER BY 1, 2
"""

#: One half from each of the two partial indexes.
UNCERTAIN = """
SELECT tenant_id, job_id, call_id, worst_input_tokens + worst_output_tokens AS tokens, worst_nano AS nanos, intended_at
FROM tenant.steps
WHERE model IS NOT NULL AND state = 'intent' AND intended_at >= date_trunc('month', %(since)s, 'UTC')
UNION ALL
SELECT tenant_id, job_id, call_id, worst_input_tokens + worst_output_tokens, worst_nano, intended_at
FROM tenant.steps
WHERE model IS NOT NULL AND state = 'unknown' AND reconciled_at IS NULL
  AND intended_at >= date_trunc('month', %(since)s, 'UTC')
"""


@dataclass(frozen=True)
class Drawn:
    """What a tenant drew in a window."""

    tenant_id: str
    window: str
    tokens: int
    nanos: int


@dataclass(frozen=True)
class Uncertain:
    """A call that is under way or whose answer was lost, at its worst case."""

    tenant_id: str
    job_id: UUID
    call_id: str
    tokens: int
    nanos: int
    intended_at: datetime


@contextmanager
def snapshot(metering: Database) -> Iterator[tuple[list[Drawn], Iterator[Uncertain]]]:
    """All tenants' draws in the windows that an intent may still belong to, and all calls whose draw is not known."""
    with metering.transaction() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        be_patient(connection)
        now: datetime = one(connection, "SELECT now()")["now"]
        with connection.cursor(row_factory=class_row(Drawn)) as cursor:
            drawn = cursor.execute(DRAWN, _windows(now, now - LATE)).fetchall()
        yield drawn, _uncertain(connection, since=now - LATE)


def _uncertain(connection: Connection, *, since: datetime) -> Iterator[Uncertain]:
    """Of this month: a month that is over has no limit that counts any more."""
    with connection.cursor(name="uncertain", row_factory=class_row(Uncertain)) as cursor:
        cursor.itersize = 5000
        yield from cursor.execute(UNCERTAIN, {"since": since})


def _windows(*moments: datetime) -> dict[str, list[object]]:
    """The windows of these moments, each once, as columns."""
    lengths = ("hour", "day", "month")
    each = {
        window.id: (window.id, length, moment, moment + timedelta(seconds=window.left))
        for moment in moments
        for length, window in zip(lengths, Windows.at(moment), strict=True)
    }
    columns = zip(*each.values(), strict=True)
    return {name: list(column) for name, column in zip(("window", "length", "moment", "ends"), columns, strict=True)}
