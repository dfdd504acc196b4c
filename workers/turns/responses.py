"""Answers of the model that the same request had before, where the agent's configuration keeps them (`cache_seconds`).

The same is exactly the same: the agent and its version, the provider and the model of its choice, all that is sent,
the user, and the versions of the agent's knowledge bases. What another model answered in the place of the one of choice
is not kept, for the next asker may have the one of choice.

An answer that asks for tools is kept like any other. What is kept is what the model said; what the tools do, they do
anew in each turn, in its own name and under its own idempotency keys. An answer that was cut short is not kept, nor one
that says nothing: who asks again is to have better luck.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.agents import cached
from shared.agents.agents import Agent
from shared.agents.configuration import AgentConfiguration
from shared.knowledge import documents
from workers.run.context import Context
from workers.turns.cache import Entry, keep, spared

if TYPE_CHECKING:
    from workers.models.chunks import Listener

#: How an answer ends that is whole.
WHOLE = frozenset({"stop", "tool_calls"})


@dataclass(frozen=True)
class Question:
    """What an answer depends on besides the knowledge; `body` makes what is sent to the model of choice."""

    agent: Agent
    user_identifier: str | None
    body: Callable[[], Mapping[str, Any]]

    def key(self, body: Mapping[str, Any], versions: Mapping[str, str]) -> bytes:
        """Of the answer, while the agent's knowledge bases are of these versions."""
        configuration = self.agent.configuration
        return cached.key(
            agent=self.agent.agent,
            version=self.agent.version,
            provider=configuration.provider,
            model=configuration.model,
            user=self.user_identifier,
            body=body,
            versions=versions,
        )


def cached_chat(
    context: Context,
    place: str,
    question: Question,
    ask: Callable[[], dict[str, Any]],
    *,
    listener: "Listener | None" = None,
) -> dict[str, Any]:
    """The outcome at this place: replayed, or as it is kept, or as `ask` has it, which calls the model.

    `listener` hears the text of an answer that is kept, at once; those that the model gives are told on their way.
    """
    configuration = question.agent.configuration
    if not configuration.cache_seconds or context.past(place) is not None or not _may_be_asked(context, configuration):
        return ask()
    tenant, body = context.tenant.tenant_id, question.body()
    with context.reading() as connection:
        bases = documents.bases(connection, tenant, configuration.knowledge_bases)
        key = question.key(body, {base.knowledge_base: base.version for base in bases})
        known = cached.get(connection, tenant, "response", key)
    if known is not None:
        return _again(context, place, question, known, listener)
    outcome = ask()
    if _is_whole(outcome, question):
        keep(context, [Entry("response", key, dict(outcome), configuration.cache_seconds)])
    return outcome


def _may_be_asked(context: Context, configuration: AgentConfiguration) -> bool:
    """Whether the tenant's terms allow the model of choice: what it may not ask now, it is not answered from before."""
    return bool(context.models.routes(configuration.targets[:1], credential=configuration.credential))


def _again(
    context: Context, place: str, question: Question, known: dict[str, Any], listener: "Listener | None"
) -> dict[str, Any]:
    chosen = question.agent.configuration
    outcome = context.hit(place, spared("model", chosen.model, question.body(), provider=chosen.provider), known)
    if listener is not None and outcome["content"]:
        listener.begin()
        listener(outcome["content"])
    return outcome


def _is_whole(outcome: Mapping[str, Any], question: Question) -> bool:
    """Whether the model of choice answered something, to its end."""
    chosen = question.agent.configuration
    answered_by = (outcome["provider"], outcome["model"])
    says = bool(outcome["content"].strip() or outcome["tool_calls"])
    return says and answered_by == (chosen.provider, chosen.model) and outcome["finish_reason"] in WHOLE
