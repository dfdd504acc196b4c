"""How an answer travels: after its latency, at its pace, and sometimes not to its end.

While nothing is to be sent, the server listens for the client's leaving, so that a client that is gone holds nothing
here and its call is marked as abandoned.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from starlette.types import Receive, Scope, Send

from shared.rehearsal.refusal import Refusal
from shared.rehearsal.settings import Fault

#: Events of a stream that arrive before a cut: the role and two with words.
CUT_EVENTS = 3

#: Seconds between two bytes of a slow answer.
DRIP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of a whole answer, in the parts in which they are sent; `pause` seconds lie between two parts."""

    parts: Sequence[bytes]
    media_type: str
    pause: float = 0.0
    stream: bool = False

    def head(self) -> list[tuple[bytes, bytes]]:
        kind = (b"content-type", self.media_type.encode())
        return [kind] if self.stream else [kind, (b"content-length", b"%d" % sum(map(len, self.parts)))]

    def cut(self) -> Sequence[bytes]:
        """What still arrives of an answer that is cut: a few events of a stream, half of anything else."""
        if self.stream:
            return self.parts[: min(CUT_EVENTS, len(self.parts) - 1)]
        body = b"".join(self.parts)
        return [body[: len(body) // 2]]

    def garbled(self, body: str) -> "Answer":
        """The same with this in its place."""
        parts = [f"data: {body}\n\n".encode(), b"data: [DONE]\n\n"] if self.stream else [body.encode()]
        return replace(self, parts=parts)

    def dripping(self) -> "Answer":
        drops = [bytes([byte]) for part in self.parts for byte in part]
        return Answer(drops, self.media_type, DRIP_SECONDS, self.stream)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Sends one answer (an ASGI application, as Starlette's responses are)."""

    answer: Answer
    latency: float
    hold: float
    fault: Fault | None
    abandoned: Callable[[], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if await gone_within(self.latency, receive):
            self.abandoned()
        elif self.fault is Fault.LOST:
            await Held(self.hold)(scope, receive, send)
        elif self.fault is Fault.CUT:
            await self._send(self.answer, self.answer.cut(), receive, send)
        else:
            answer = self.answer.dripping() if self.fault is Fault.SLOW else self.answer
            if await self._send(answer, answer.parts, receive, send):
                await send({"type": "http.response.body", "body": b""})

    async def _send(self, answer: Answer, parts: Sequence[bytes], receive: Receive, send: Send) -> bool:
        """Send these parts and leave the answer open: returning now makes the server drop the connection."""
        await send({"type": "http.response.start", "status": 200, "headers": answer.head()})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
            if await gone_within(answer.pause, receive):
                self.abandoned()
                return False
        return True


@dataclass(frozen=True, slots=True)
class Held:
    """Sends not a byte until the client leaves; after `seconds`, an error."""

    seconds: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not await gone_within(self.seconds, receive):
            refusal = Refusal(504, f"Held for {self.seconds} seconds, as the rule asked.", kind="server_error")
            await refusal.response()(scope, receive, send)


async def gone_within(seconds: float, receive: Receive) -> bool:
    """Whether the client leaves within so many seconds."""
    if not seconds:
        return False
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
