"""`agent.turn`: one message of a user, answered.

A turn is a sequence of steps, each known by its place: `assembly`, then for each round `<round>.model` and, for each
tool the model asks for, `<round>.tool.<index>`. A retried turn replays the places it has and goes on from there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from shared.contracts.kinds import AgentTurn
from shared.errors import NotFound
from shared.stores.postgres import Connection
from shared.tenancy import agents
from shared.tenancy.agents import Agent
from workers.context import Context
from workers.models.chat import ChatRequest, chat_call
from workers.outcomes import Discard, Done, Outcome
from workers.turns import conversation, tools
from workers.turns.conversation import Exchange

#: Longest time one call of the model may take, in seconds.
CALL_TIMEOUT = 120.0

Message = Mapping[str, Any]


def turn(context: Context, payload: AgentTurn) -> Outcome:
    try:
        assembled = context.free("assembly", "assembly", payload.model_dump(), lambda: _assemble(context, payload))
    except NotFound as error:
        return Discard(str(error))
    agent = Agent(**assembled["agent"])
    messages: list[Message] = assembled["messages"]
    answer, sources = _converse(context, agent, messages)

    def effects(connection: Connection) -> None:
        exchange = Exchange(payload.conversation, payload.agent, context.run.job, payload.message, answer)
        conversation.say(connection, context.tenant.tenant_id, exchange)

    return Done(
        {"answer": answer, "sources": list(dict.fromkeys(sources)), "conversation": payload.conversation},
        effects=effects,
    )


def _assemble(context: Context, payload: AgentTurn) -> dict[str, Any]:
    """Step 0: the agent and the conversation as this turn sees them, also when it is run again."""
    tenant = context.tenant.tenant_id
    with context.reading() as connection:
        agent = agents.get(connection, tenant, payload.agent)
        said = conversation.history(connection, tenant, payload.conversation, context.run.job)
    system = {"role": "system", "content": agent.prompt}
    return {"agent": vars(agent), "messages": [system, *said, {"role": "user", "content": payload.message}]}


def _converse(context: Context, agent: Agent, messages: list[Message]) -> tuple[str, list[str]]:
    """Rounds of model and tools until the model answers; answers the text and the documents it was shown."""
    sources: list[str] = []
    allowed = agent.max_tool_calls
    for number in range(agent.max_tool_calls + 1):
        reply = _ask(context, agent, messages, f"{number}.model", tools.offered(agent) if allowed > 0 else [])
        calls = reply["tool_calls"][: max(allowed, 0)]
        if not calls:
            return reply["content"], sources
        allowed -= len(calls)
        messages.append(_asked_for(reply["content"], calls))
        for index, call in enumerate(calls):
            result = _use(context, agent, f"{number}.tool.{index}", call)
            sources += [found["document"] for found in result.get("passages", ())]
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": orjson.dumps(result).decode()})
    return reply["content"], sources


def _ask(
    context: Context, agent: Agent, messages: Sequence[Message], place: str, offered: Sequence[Message]
) -> dict[str, Any]:
    request = ChatRequest(agent.model, messages, agent.temperature, agent.max_tokens, offered)
    timeout = min(CALL_TIMEOUT, context.seconds_left)
    return context.paid(place, chat_call(context.provider, request, timeout=timeout))


def _use(context: Context, agent: Agent, place: str, call: Mapping[str, str]) -> dict[str, Any]:
    def act() -> dict[str, Any]:
        return tools.use(context, agent, place, call["name"], call["arguments"])

    result: dict[str, Any] = context.free(place, "tool", dict(call), act)
    return result


def _asked_for(content: str, calls: Sequence[Mapping[str, str]]) -> Message:
    """The model's own request for tools, as it must stand in the conversation."""
    functions = [
        {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
        for call in calls
    ]
    return {"role": "assistant", "content": content or None, "tool_calls": functions}
