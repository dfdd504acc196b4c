"""The end of a turn, for its stream, where the worker that ran it does not tell it.

A job that is cancelled while it waits has no worker, and one that dies behind the commit of an end tells it to nobody.
The first leaves by the outbox, so it is told once the commit is made; the second is told by whoever finds the job over.
It may be told twice, and says the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from psycopg.rows import class_row

from shared import ids
from shared.contracts.events import TurnFinished
from shared.outbox import Message
from shared.stores.postgres import Connection
from shared.streams.keys import stream_key
from shared.streams.writer import AFTERLIFE, ENTRY_BYTES, Streams

#: Of jobs: that one was asked for with a stream (`Payload.streamed`).
STREAMED = "payload -> 'stream' = 'true'"

#: Of a job that is over.
OVER = f"""
SELECT principal, run, state, result, error FROM tenant.jobs
WHERE tenant_id = %s AND job_id = %s AND finished_at IS NOT NULL AND {STREAMED}
"""


@dataclass(frozen=True)
class _Over:
    principal: str
    run: int
    state: Any
    result: dict[str, Any] | None
    error: str | None


def entry(end: Mapping[str, Any]) -> bytes:
    """As it stands on a stream (`TurnFinished`): without its result, where that is too long."""
    body = orjson.dumps(end)
    return body if len(body) <= ENTRY_BYTES else orjson.dumps({**end, "result": None})


def message(principal: str, job: UUID, end: TurnFinished) -> Message:
    """What tells an end by the outbox."""
    told = ids.derived("turn.finished", job, end.run, end.state)
    return Message(told, stream_key(principal, job), end.model_dump(mode="json"))


def tell(connection: Connection, streams: Streams, tenant: str, job: UUID) -> None:
    """Tell the end of this job as it stands in the ledger, where somebody asked for a stream."""
    with connection.cursor(row_factory=class_row(_Over)) as cursor:
        over = cursor.execute(OVER, (tenant, job)).fetchone()
    if over is not None:
        end = TurnFinished(run=over.run, state=over.state, result=over.result, error=over.error)
        streams.append(stream_key(over.principal, job), [entry(end.model_dump(mode="json"))], lifetime=AFTERLIFE)
