"""What an MCP server says, no more of it than the SDK may be given.

The SDK holds each message against its models, and keeps a note of everything in it that does not fit: a list of a
hundred thousand empty objects, half a megabyte long, made 1.5 million of them, 2.3 GB. So messages are weighed first.
Of an answer that holds too much only this is passed on; what a server says unasked is dropped then.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from mcp.client._transport import ReadStream, TransportStreams
    from mcp.shared.message import SessionMessage

    Said = SessionMessage | Exception

#: Values that one message may hold: a listing of a thousand tools of ten arguments.
MOST_VALUES = 50_000

#: Items of lists among them that the SDK looks into: fifteen notes are kept of each at worst.
MOST_ITEMS = 2_000

#: What the SDK passes on as it is, in an answer.
FREE = frozenset({"structuredContent", "inputSchema", "outputSchema", "_meta"})


@asynccontextmanager
async def weighed(transport: "AbstractAsyncContextManager[TransportStreams]") -> "AsyncIterator[TransportStreams]":
    """The same transport, whose messages are weighed."""
    async with transport as (heard, saying):
        yield Weighed(heard), saying


class Weighed:
    """The messages of a server."""

    def __init__(self, heard: "ReadStream[Said]") -> None:
        self._heard = heard

    async def receive(self) -> "Said":
        while (received := _passed(await self._heard.receive())) is None:
            pass
        return received

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> "Said":
        while (received := _passed(await self._heard.__anext__())) is None:
            pass
        return received

    async def aclose(self) -> None:
        await self._heard.aclose()

    async def __aenter__(self) -> Self:
        await self._heard.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._heard.__aexit__(kind, error, trace)


def _passed(received: "Said") -> "Said | None":
    """What the SDK is given."""
    from mcp.shared.message import SessionMessage  # noqa: PLC0415 - as the SDK: only who asks such a server pays for it
    from mcp_types import INTERNAL_ERROR, ErrorData, JSONRPCError, JSONRPCResponse  # noqa: PLC0415 - as above

    message = None if isinstance(received, Exception) else received.message
    match message:
        case JSONRPCResponse() if too_much(message.result, FREE):
            error = ErrorData(code=INTERNAL_ERROR, message="an answer holds more values than anybody reads")
            return SessionMessage(JSONRPCError(jsonrpc="2.0", id=message.id, error=error))
        case None | JSONRPCResponse() | JSONRPCError():
            return received
        case _:
            return None if too_much(message.params, frozenset()) else received


def too_much(value: Any, free: frozenset[str]) -> bool:
    """Whether it holds more than may be; `free`: names below which no items are counted."""
    values, items, left = 0, 0, [(value, False)]
    while left:
        whole, is_free = left.pop()
        parts, listed = _parts(whole, free, is_free=is_free)
        values += len(parts)
        items += listed
        if values > MOST_VALUES or items > MOST_ITEMS:
            return True
        left += parts
    return False


def _parts(whole: Any, free: Iterable[str], *, is_free: bool) -> tuple[list[tuple[Any, bool]], int]:
    """What lies in a value, whether that is free, and how many items of lists that counts as."""
    match whole:
        case dict():
            return [(part, is_free or name in free) for name, part in whole.items()], 0
        case list():
            return [(part, is_free) for part in whole], 0 if is_free else len(whole)
        case _:
            return [], 0
