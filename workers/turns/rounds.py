"""Rounds of model and tools, until the model answers.

What a model, a document or a tool says is passed on as what was said; it cannot widen what the agent may do, for tools
act for the job's tenant, agent and user (`workers.turns.tools`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.agents.messages import Message
from shared.contracts.results import ModelAsked, TurnOutcome
from workers.models.chat import ChatRequest
from workers.models.routing import Route
from workers.run.context import Context
from workers.turns import hooks
from workers.turns.answer import Conclusion
from workers.turns.equipment import equipment
from workers.turns.history import Fitted
from workers.turns.knowledge import found_before, sources
from workers.turns.requests import Requests, fitted_requests
from workers.turns.responses import Question, cached_chat
from workers.turns.rules import Ended
from workers.turns.scene import Scene
from workers.turns.tools.toolbox import Toolbox, ToolResult

#: Longest time that one call of the model may take, in seconds.
CALL_TIMEOUT = 120.0


def converse(context: Context, scene: Scene, lines: Sequence[str]) -> Conclusion:
    """What the model comes to; the fallback message where it comes to nothing. `lines`: what hooks add for it."""
    tools, found = equipment(context, scene), found_before(context, scene)
    requests, fitted = fitted_requests(context, scene, tools.offered(), notes=lines, found=found)
    return Talk(context, scene, tools, requests).conclusion(fitted, found)


class Talk:
    """One turn's talk with models and tools."""

    def __init__(self, context: Context, scene: Scene, tools: Toolbox, requests: Requests) -> None:
        self._context, self._scene, self._tools, self._requests = context, scene, tools, requests
        self._agent = scene.agent.configuration
        self._said: list[Message] = []
        self._results: list[ToolResult] = []
        self._models: list[ModelAsked] = []

    def conclusion(self, fitted: Fitted, found: Mapping[str, Any]) -> Conclusion:
        """What it comes to, with the history that it was shown and the sources that it had."""
        ended = self._ended()
        return Conclusion(
            ended.answer,
            ended.outcome,
            ended.reason,
            messages=self._said,
            sources=sources(self._results, found),
            models=self._models,
            refused=[result.name for result in self._results if result.refused],
            fitted=fitted,
        )

    def _ended(self) -> Ended:
        """Round by round, until the model says no more than words or a human is to take over."""
        allowed = self._agent.max_tool_calls
        for number in range(self._agent.max_tool_calls + 1):
            reply = self._ask(f"{number}.model", answer_only=allowed <= 0)
            calls = reply["tool_calls"][: max(allowed, 0)]
            if not calls:
                return self._last_words(reply["content"])
            allowed -= len(calls)
            if handoff := self._use(number, reply["content"], calls):
                return Ended(TurnOutcome.HANDED_OFF, self._agent.handoff_message, handoff)
        return self._last_words("")

    def _last_words(self, content: str) -> Ended:
        """The model's; where there are none, the tenant's."""
        if content.strip():
            return Ended(TurnOutcome.ANSWERED, content)
        return Ended(TurnOutcome.FALLBACK, self._agent.fallback_message)

    def _ask(self, place: str, *, answer_only: bool) -> dict[str, Any]:
        def request(route: Route) -> ChatRequest:
            return self._requests.request(route, self._said, answer_only=answer_only)

        listener = None if hooks.hold_answers_back() else self._context.telling(place)
        own = self._agent.credential

        def ask() -> dict[str, Any]:
            return self._context.models.chat(
                place, self._agent.targets, request, credential=own, timeout=CALL_TIMEOUT, listener=listener
            )

        reply = cached_chat(self._context, place, self._question(request), ask, listener=listener)
        asked = ModelAsked(step=place, **{name: reply[name] for name in ("provider", "model", "passed_over")})
        self._models.append(asked)
        return reply

    def _question(self, request: Callable[[Route], ChatRequest]) -> Question:
        """What an answer that is kept is an answer to: what the model of choice would be sent."""

        def body() -> Mapping[str, Any]:
            chosen = self._agent.targets[0]
            return request(Route(chosen.provider, chosen.model, self._context.models.window(chosen))).body()

        return Question(self._scene.agent, self._scene.identity.user, body)

    def _use(self, number: int, content: str, calls: Sequence[Mapping[str, str]]) -> str | None:
        """Let tools do what was asked; answers why a human is to take over, if one is."""
        asked = [dict(call) for call in calls]
        results = self._tools.use(self._context, self._scene.turn, number, asked)
        answers = [Message("tool", result.content, tool_call_id=result.call_id) for result in results]
        self._said += [Message("assistant", content, asked), *answers]
        self._results += results
        ending = next((result for result in results if result.ends_turn), None)
        return str(ending.outcome.get("reason") or "the agent asked for it") if ending else None
