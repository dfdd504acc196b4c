"""Rounds of model and tools, until the model answers.

What a model, a document or a tool says is passed on as what was said; it cannot widen what the agent may do, for tools
act for the job's tenant, agent and user (`workers.turns.tools`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.contracts.results import ModelAsked, TurnOutcome
from workers.context import Context
from workers.models.chat import ChatRequest
from workers.models.routing import Route
from workers.turns import history, hooks, prompts
from workers.turns.answer import Spoken
from workers.turns.equipment import equipment
from workers.turns.history import Fitted
from workers.turns.knowledge import found_before, sources
from workers.turns.messages import Message
from workers.turns.responses import Question, cached_chat
from workers.turns.scene import Scene
from workers.turns.tools.toolbox import Toolbox, ToolResult

#: Longest time that one call of the model may take, in seconds.
CALL_TIMEOUT = 120.0


def converse(context: Context, scene: Scene, lines: Sequence[str]) -> Spoken:
    """What the model comes to; the fallback message where it comes to nothing. `lines`: what hooks add for it."""
    return Talk(context, scene, lines).spoken()


class Talk:
    """One turn's talk with models and tools."""

    def __init__(self, context: Context, scene: Scene, lines: Sequence[str]) -> None:
        self._context, self._scene = context, scene
        self._agent = scene.agent.configuration
        self._tools: Toolbox = equipment(context, scene)
        self._said: list[Message] = []
        self._results: list[ToolResult] = []
        self._models: list[ModelAsked] = []
        self._notes, self._found = lines, dict[str, Any]()
        self._fitted = Fitted(scene.history, scene.conversation.summary)

    def spoken(self) -> Spoken:
        self._found = found_before(self._context, self._scene)
        room, window = self._room(self._window), self._window
        self._fitted = history.fitted(self._context, self._scene, room=room, window=window)
        allowed = self._agent.max_tool_calls
        for number in range(self._agent.max_tool_calls + 1):
            reply = self._ask(f"{number}.model", answer_only=allowed <= 0)
            calls = reply["tool_calls"][: max(allowed, 0)]
            if not calls:
                return self._ended(reply["content"])
            allowed -= len(calls)
            if handoff := self._use(number, reply["content"], calls):
                return self._came_to(self._agent.handoff_message, TurnOutcome.HANDED_OFF, handoff)
        return self._ended("")

    def _ask(self, place: str, *, answer_only: bool) -> dict[str, Any]:
        agent, tools = self._agent, self._tools.offered()

        def request(route: Route) -> ChatRequest:
            messages = self._messages(route)
            return ChatRequest(
                route.model, messages, agent.temperature, agent.max_tokens, tools, answer_only=answer_only
            )

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

    def _messages(self, route: Route) -> Sequence[Mapping[str, Any]]:
        """The whole request's, for this route: stable first, then what was said, then what is new."""
        fitted, question = self._fitted, {"role": "user", "content": self._scene.turn.message}
        stable = {"role": "system", "content": prompts.stable(self._scene, route.provider)}
        said = history.squeezed(self._said, self._room(route.window) - history.tokens(fitted.messages))
        before = [message.shown() for message in fitted.messages]
        return [stable, *before, *self._moving, question, *(message.shown() for message in said)]

    def _room(self, window: int) -> int:
        """Tokens of this window that what is said, before and in this turn, may take."""
        told = [prompts.stable(self._scene, self._agent.provider), self._scene.turn.message, self._moving]
        return window - self._agent.max_tokens - history.estimate([*told, self._tools.offered()])

    @property
    def _moving(self) -> Sequence[Mapping[str, Any]]:
        summary = self._fitted.summary
        return prompts.moving(self._scene, summary=summary, notes=self._notes, found=self._found)

    @property
    def _window(self) -> int:
        """Of the model that takes the least: whichever answers, the history is the same."""
        return min(self._context.models.window(target) for target in self._agent.targets)

    def _use(self, number: int, content: str, calls: Sequence[Mapping[str, str]]) -> str | None:
        """Let tools do what was asked; answers why a human is to take over, if one is."""
        asked = [dict(call) for call in calls]
        results = self._tools.use(self._context, self._scene.turn, number, asked)
        answers = [Message("tool", result.content, tool_call_id=result.call_id) for result in results]
        self._said += [Message("assistant", content, asked), *answers]
        self._results += results
        ending = next((result for result in results if result.ends_turn), None)
        return str(ending.outcome.get("reason") or "the agent asked for it") if ending else None

    def _ended(self, content: str) -> Spoken:
        """The model's last words; where there are none, the tenant's."""
        if content.strip():
            return self._came_to(content, TurnOutcome.ANSWERED)
        return self._came_to(self._agent.fallback_message, TurnOutcome.FALLBACK)

    def _came_to(self, answer: str, outcome: TurnOutcome, reason: str | None = None) -> Spoken:
        return Spoken(
            answer,
            outcome,
            reason,
            messages=self._said,
            sources=sources(self._results, self._found),
            models=self._models,
            refused=[result.name for result in self._results if result.refused],
            fitted=self._fitted,
        )
