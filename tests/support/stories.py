"""How a turn goes that is to be struck. It is known by a word of its own, which stands in all that is said in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.turning import EMBEDDING_MODEL, MODEL, says, wants


@dataclass(frozen=True)
class Before:
    """What the agent is told and knows when a turn begins; `AFTER`: when it goes on."""

    prompt: str
    known: str
    tools: Sequence[str]


BEFORE = Before("Answer as the miller.", "Barley grows below the mill.", ("search_knowledge", "remember"))
AFTER = Before("Answer as the weaver.", "Flax grows beside the loom.", ("search_knowledge",))


@dataclass(frozen=True)
class Inside:
    """A call that is struck while it is under way.

    `before`: calls of its model that come before it and have the turn's word in them; `served`: what the turn has been
    served once it is on its way.
    """

    model: str
    before: int
    served: int


@dataclass(frozen=True)
class Story:
    """`rounds`: what the model says in the turn of a word; `roles`: who has said something, when it is over.

    `searches`: the steps that look into the knowledge; `acts`: the step that remembers. Of the points that the turn
    comes to every `stride`-th is struck.
    """

    name: str
    rounds: Callable[[str], Sequence[dict[str, Any]]]
    roles: Sequence[str]
    searches: Sequence[str]
    acts: str
    calls: int
    inside: Sequence[Inside]
    configuration: Mapping[str, Any]
    #: Turns of the conversation that came before: too much to be shown again, so they are summarised.
    earlier: int = 0
    stride: int = 1


def answer(word: str) -> str:
    return f"{word}: it grows below the headgate."


def _search(word: str) -> tuple[str, Any]:
    return "search_knowledge", {"query": f"{word} grows"}


def _remember(word: str) -> tuple[str, Any]:
    return "remember", {"name": word, "content": "it grows"}


#: Three calls of the model, and a tool after each but the last.
STEP_BY_STEP = Story(
    name="step by step",
    rounds=lambda word: (
        wants(_search(word), match=word),
        wants(_remember(word), match=word),
        says(answer(word), match=word),
    ),
    roles=("user", "assistant", "tool", "assistant", "tool", "assistant"),
    searches=("0.tool.0",),
    acts="1.tool.0",
    calls=4,
    inside=(Inside(MODEL, 0, 1), Inside(EMBEDDING_MODEL, 0, 2), Inside(MODEL, 1, 3), Inside(MODEL, 2, 4)),
    configuration={},
)

#: Knowledge that is looked up before, a summary of what was said, two tools at once, and answers that are kept.
ALL_AT_ONCE = Story(
    name="all at once",
    rounds=lambda word: (wants(_search(word), _remember(word), match=word), says(answer(word), match=word)),
    roles=("user", "assistant", "tool", "tool", "assistant"),
    searches=("retrieval", "0.tool.0"),
    acts="0.tool.1",
    calls=5,
    inside=(Inside(EMBEDDING_MODEL, 0, 1), Inside(MODEL, 0, 3), Inside(EMBEDDING_MODEL, 1, 4), Inside(MODEL, 1, 5)),
    configuration={"retrieval": {"when": "always"}, "history_tokens": 256, "cache_seconds": 600},
    earlier=3,
    stride=3,
)
