"""The streams of turns, as the AsyncAPI document shows them (`shared.published.asyncapi`): Redis alone has them."""

from typing import Any

from shared.contracts import examples
from shared.contracts.events import EVENTS
from shared.streams.keys import FIELD, PATTERN
from shared.streams.writer import AFTERLIFE, ENTRIES, ENTRY_BYTES, LIFETIME

ABOUT = f"""\
What a turn tells while it runs, where it was submitted with `stream: true`. `XREAD BLOCK … STREAMS <key> <id>`, from
`0-0` or from the last id that was heard, as often and by as many readers as like; each entry has the one field
`{FIELD}`. The newest {ENTRIES:,} entries are kept, each of at most {ENTRY_BYTES:,} bytes (a longer result is left out),
for {LIFETIME // 3600} hour after the last one, or {AFTERLIFE // 60} minutes after the end. The server is
`HEADGATE_STREAM_URL`: the bus, where that is a Redis, else the gate's.

What counts of it all, so that no text is shown twice: the newest `run` that was heard of; what an older one tells is
void. At `turn.started`, drop what you have of that `step` and of the steps first heard of after it. Of a step that a
newer run tells, drop what an older run told.

Redis reads on behind any id, also one that has fallen off meanwhile. Whoever may be so late looks whether the entry
that they read on from is still there (`XREAD COUNT 1` from the id before it); if not, what they have is torn: drop it,
and the words that come of the step that goes on, until the next `turn.started` or another step.

A stream is a convenience: where its server is away, the turn goes on without it. Hear of the end from the answer
`finished`, too.
"""


def channel() -> dict[str, Any]:
    return {
        "address": PATTERN,
        "description": ABOUT,
        "servers": [{"$ref": "#/servers/redis"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in EVENTS},
        "parameters": {
            "principal": {"description": "Whom the key belongs to that asked for the turn: a tenant or a service."},
            "job": {"description": "The job's id, as `accepted` told it."},
        },
        "x-redis-stream": {"field": FIELD},
    }


def operation() -> dict[str, Any]:
    return {"action": "send", "channel": {"$ref": "#/channels/streams"}, "summary": "A turn tells what it does."}


def messages() -> dict[str, Any]:
    return {name: _message(name) for name in EVENTS}


def _message(name: str) -> dict[str, Any]:
    model = EVENTS[name]
    return {
        "name": name,
        "title": name,
        "summary": model.__doc__,
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        "examples": [{"payload": examples.EVENTS[name].model_dump(mode="json")}],
    }
