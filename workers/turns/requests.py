"""What the model is sent in the rounds of a turn: stable first, then what was said, then what is new.

What all rounds have in common is made once, as soon as the history is fitted: each round adds only what was said in it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.agents.messages import Message
from workers.models.chat import ChatRequest
from workers.models.routing import Route
from workers.run.context import Context
from workers.turns import history, prompts
from workers.turns.history import Fitted
from workers.turns.scene import Scene

Offered = Sequence[Mapping[str, Any]]


class Requests:
    """Of one turn. `moving`: what this turn alone is told (`prompts.moving`); `offered`: its tools."""

    def __init__(self, scene: Scene, fitted: Fitted, moving: Sequence[Mapping[str, Any]], offered: Offered) -> None:
        self._scene, self._offered = scene, offered
        self._agent, message = scene.agent.configuration, scene.turn.message
        self._stable: dict[str, str] = {}
        self._around = [*(each.shown() for each in fitted.messages), *moving, {"role": "user", "content": message}]
        self._spent = self._agent.max_tokens + history.tokens(fitted.messages)
        self._spent += history.estimate([self._prompt(self._agent.provider), message, moving, offered])

    def room(self, window: int) -> int:
        """Tokens of this window that what is said besides may take."""
        return window - self._spent

    def request(self, route: Route, said: Sequence[Message], *, answer_only: bool) -> ChatRequest:
        """To the model of this route, after this was `said` in the turn."""
        prompt = {"role": "system", "content": self._prompt(route.provider)}
        shown = [message.shown() for message in history.squeezed(said, self.room(route.window))]
        agent, messages = self._agent, [prompt, *self._around, *shown]
        return ChatRequest(
            route.model, messages, agent.temperature, agent.max_tokens, self._offered, answer_only=answer_only
        )

    def _prompt(self, provider: str) -> str:
        if provider not in self._stable:
            self._stable[provider] = prompts.stable(self._scene, provider)
        return self._stable[provider]


def fitted_requests(
    context: Context, scene: Scene, offered: Offered, *, notes: Sequence[str], found: Mapping[str, Any]
) -> tuple[Requests, Fitted]:
    """With the history that they show, which takes what all else leaves; `notes` and `found` as `prompts.moving`."""

    def requests(fitted: Fitted) -> Requests:
        moving = prompts.moving(scene, summary=fitted.summary, notes=notes, found=found)
        return Requests(scene, fitted, moving, offered)

    # of the model that takes the least: whichever answers, the history is the same.
    window = min(context.models.window(target) for target in scene.agent.configuration.targets)
    room = requests(Fitted((), scene.conversation.summary)).room(window)
    fitted = history.fitted(context, scene, room=room, window=window)
    return requests(fitted), fitted
