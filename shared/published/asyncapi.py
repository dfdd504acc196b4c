"""The AsyncAPI 3.0 document of the bus: which queues there are, who may write what to them, and what comes back.

It is written from Headgate's side: an operation that *receives* is one that other services send to. AsyncAPI has no
place for the arguments of a queue, a stream's field or a key inside the message: those stand in `x-` attributes.
Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from typing import Any

from shared.bus import queues
from shared.bus.names import NAMES, REPLIES_AGE, REPLIES_KEPT
from shared.contracts import examples
from shared.contracts.answers import Reason
from shared.contracts.envelope import REPLY_PREFIX, TYPE_PREFIX
from shared.contracts.kinds import KINDS, Kind
from shared.contracts.schemas import MODELS, Schema, components
from shared.published import streamed
from shared.settings import Settings

#: The version of this contract by semantic versioning; it moves when the messages do, not with every release.
VERSION = "1.1.0"

EVENT = "application/cloudevents+json"

REFUSED_KEPT: int = Settings.model_fields["refused_kept"].default

ABOUT = """\
Other services ask Headgate for jobs with CloudEvents 1.0 in JSON, structured mode, and read the answers from reply
queues of their own. RabbitMQ and Redis streams carry the same bytes.

Everything is at least once. A job is known by (tenant, source, id): the same message again is the same job, and is
answered with its present state. Without `accepted` nothing is promised: send the same message again, for as long as it
takes. Answers are known by their `id`.
"""

JOBS = """\
On RabbitMQ: publish to the default exchange with this routing key. Do not declare the queue, or declare it durable with
exactly the arguments below; with others the declaration fails. On Redis: `XADD headgate.jobs * event <the event>`.
Jobs of a tenant with one `orderingkey` run one at a time, in the order in which they were accepted, across retries; a
turn that names none is ordered by its conversation. `priority` counts among the tenant's own jobs; a job with `runat`
waits until then. A tenant's quotas and budgets may let accepted jobs wait, or end them as `denied`.
"""

REPLIES = f"""\
Where a job's `replyto` points. `principal` must be the key's own: the tenant, or the service. An address of another
form, or of another principal, is refused; a message whose key is no good is never answered. Kept are the newest
{REPLIES_KEPT:,} answers, for {REPLIES_AGE // 3600} hours. Have one reader per address. On RabbitMQ: a classic queue,
durable, with the arguments below. On Redis: a stream with the field `event`.
"""

KEPT = f"""\
Messages that were turned away, with the reason and without their secrets: the newest {REFUSED_KEPT:,} (as configured).
For the operator's inspection, not for the sender.
"""

SECURITY = """\
An API key of Headgate travels inside each message, in the attribute `authorization`; it decides for which tenant the
message speaks, and is removed before anything is stored. The login at the broker is another matter: give each service
one that may write `headgate.jobs` and read its own reply queues.
"""

#: What a refused message is kept as (`producers/refusal.py` writes it).
KEPT_SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "refused_at": {"type": "string", "format": "date-time"},
        "door": {"type": "string"},
        "reason": {"enum": [reason.value for reason in Reason]},
        "message": {"type": "string"},
        **{name: {"type": ["string", "null"]} for name in ("id", "source", "tenant", "principal")},
        "bytes": {"type": "integer", "description": "The size of the whole message."},
        "body": {"type": "string", "description": "The beginning of the message."},
    },
    "required": list(examples.KEPT),
    "additionalProperties": False,
}


def document() -> dict[str, Any]:
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Headgate", "version": VERSION, "description": ABOUT, "license": {"name": "Apache-2.0"}},
        "defaultContentType": EVENT,
        "servers": {"rabbitmq": _server("amqp", "5672"), "redis": _server("redis", "6379")},
        "channels": _channels(),
        "operations": _operations(),
        "components": {
            "messages": _jobs() | _answers() | streamed.messages() | {"kept": _kept()},
            "schemas": components() | {"KeptRefusal": KEPT_SCHEMA},
            "securitySchemes": {"key": {"type": "apiKey", "in": "user", "description": SECURITY}},
        },
    }


def _server(protocol: str, port: str) -> dict[str, Any]:
    return {
        "host": "{host}:{port}",
        "protocol": protocol,
        "description": "Whatever `HEADGATE_BUS_URL` says; the same URL is the client library's.",
        "variables": {"host": {"default": "localhost"}, "port": {"default": port}},
    }


# --- channels -----------------------------------------------------------------


def _channels() -> dict[str, Any]:
    jobs, kept = queues.jobs(NAMES.jobs), queues.refused(NAMES.refused, REFUSED_KEPT)
    replies = queues.replies(f"{REPLY_PREFIX}{{principal}}.{{name}}")
    parameters = {
        "principal": {"description": "Whom the key belongs to: a tenant or a service."},
        "name": {"description": "One of the principal's own choosing; one per client."},
    }
    return {
        "jobs": _channel(jobs, list(_jobs()), JOBS) | {"x-redis-stream": {"field": "event", "group": "headgate"}},
        "replies": _channel(replies, list(_answers()), REPLIES)
        | {"parameters": parameters, "x-redis-stream": {"field": "event", "group": "client"}},
        "streams": streamed.channel(),
        "refused": _channel(kept, ["kept"], KEPT) | {"x-redis-stream": {"field": "event"}},
    }


def _channel(queue: queues.Queue, messages: list[str], description: str) -> dict[str, Any]:
    declared = {"durable": True, "exclusive": False, "autoDelete": False, "vhost": "/"}
    if "{" not in queue.name:
        declared = {"name": queue.name} | declared
    return {
        "address": queue.name,
        "description": description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"amqp": {"is": "queue", "queue": declared, "bindingVersion": "0.3.0"}},
        "x-amqp-arguments": dict(queue.arguments),
    }


# --- operations ---------------------------------------------------------------


def _operations() -> dict[str, Any]:
    return {
        "submit": _operation("receive", "jobs", "A service asks for a job.")
        | {
            "security": [{"$ref": "#/components/securitySchemes/key"}],
            "reply": {
                "address": {"location": "$message.payload#/replyto"},
                "channel": {"$ref": "#/channels/replies"},
                "messages": _of("replies", ["accepted", "refused"]),
            },
        },
        "finish": _operation("send", "replies", "A job is over, whichever way it ended.")
        | {"messages": _of("replies", ["finished"])},
        "answer": _operation("send", "replies", "A human answered a conversation that an agent had handed off.")
        | {"messages": _of("replies", ["conversation.answered"])},
        "tell": streamed.operation(),
        "keep": _operation("send", "refused", "A message was turned away, and is kept for inspection."),
    }


def _operation(action: str, channel: str, summary: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}


def _of(channel: str, messages: list[str]) -> list[dict[str, str]]:
    return [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages]


# --- messages -----------------------------------------------------------------


def _jobs() -> dict[str, Any]:
    return {name: _job(kind) for name, kind in KINDS.items()}


def _job(kind: Kind) -> dict[str, Any]:
    properties = {"type": {"const": TYPE_PREFIX + kind.name}, "data": _schema(kind.name)}
    payload = {"allOf": [_schema("envelope"), {"type": "object", "properties": properties}]}
    needs = f" Needs the scope `{kind.scope}`."
    return _message(TYPE_PREFIX + kind.name, payload, examples.event(kind), (kind.payload.__doc__ or "") + needs)


def _answers() -> dict[str, Any]:
    return {
        name: _message(answer.type, _schema(name), answer.model_dump(mode="json"), "Known by its `id`.")
        for name, answer in examples.ANSWERS.items()
    }


def _kept() -> dict[str, Any]:
    reference = {"$ref": "#/components/schemas/KeptRefusal"}
    kept = _message("headgate.refused", reference, dict(examples.KEPT), "Why, and of what.")
    return kept | {"contentType": "application/json"}


def _message(name: str, payload: Schema, example: dict[str, Any], summary: str) -> dict[str, Any]:
    return {
        "name": name,
        "title": name.rpartition("headgate.")[2],
        "summary": summary,
        "contentType": EVENT,
        "payload": payload,
        "examples": [{"payload": example}],
    }


def _schema(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{MODELS[name][0].__name__}"}
