"""A turn's way to what was answered before (`shared.agents.cached`): what it finds there it does not pay for again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from shared.agents import cached
from shared.agents.cached import CacheKind
from shared.errors import HeadgateError
from shared.ledger.states import StepKind
from shared.metering.prices import NOTHING
from workers.calls import Call
from workers.run.context import Context

#: The provider, on record, of what no provider answered.
NOBODY = "cache"


@dataclass(frozen=True)
class Entry:
    """A value to be kept for `seconds`."""

    kind: CacheKind
    key: bytes
    value: Any
    seconds: float


def keep(context: Context, entries: Iterable[Entry]) -> None:
    """By the holder of the job alone. The commit does not wait for the disk: a crash may lose what is kept, no more."""
    with context.transaction() as connection:
        connection.execute("SET LOCAL synchronous_commit = off")
        for entry in entries:
            tenant = context.tenant.tenant_id
            cached.put(connection, tenant, entry.kind, entry.key, entry.value, seconds=entry.seconds)


def spared(kind: StepKind, model: str, request: Mapping[str, Any], *, provider: str) -> Call:
    """A call that is answered without being made; `provider`: who answered it when it was."""
    return Call(kind, model, request, NOTHING, _never, provider=provider)


def _never(call_id: str) -> NoReturn:
    raise HeadgateError(f"call {call_id} was answered from the cache: it is not to be made")
