"""How a turn goes that is to be struck. It is known by a word of its own, which stands in all that is said in it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from shared.failpoints import Point
from tests.support.turning import EMBEDDING_MODEL, MODEL, says, wants

#: The provider that is asked where the first one gives no answer.
BACKUP = "backup"

#: The platform's key there.
BACKUP_KEY = "sk-backup-key"


@dataclass(frozen=True)
class Before:
    """What the agent is told, knows and is offered when a turn begins; `AFTER`: when it goes on."""

    prompt: str
    known: str
    tools: Sequence[str]
    offered: str


BEFORE = Before("Answer as the miller.", "Barley grows below the mill.", ("search_knowledge", "remember"), "note")
AFTER = Before("Answer as the weaver.", "Flax grows beside the loom.", ("search_knowledge",), "jot")


@dataclass(frozen=True)
class Inside:
    """A call that is struck while it is under way.

    `faults` befall the model's calls that have the turn's word in them, or what they `match` themselves; the last holds
    the call that is struck. `served`: what the turn has been served once that is on its way. `held`: what a server
    outside has been asked, and does not answer. `streamed`: words of an answer have been told, and more will be.
    `loses`: answers that never come to be on record, at most.
    """

    name: str
    faults: Sequence[Mapping[str, Any]] = ()
    served: int = 0
    held: str | None = None
    streamed: bool = False
    loses: int = 1


def during(model: str, before: int, served: int, **told: Any) -> Inside:
    """Inside a call of this model; `before` of its calls come first."""
    return Inside(f"{model} after {before}", [{"fault": "lost", "model": model, "after": before} | told], served)


def failing_over(fault: str, *, served: int, loses: int) -> Inside:
    """Inside the call of the second provider, the first having failed."""
    backup = {"fault": "lost", "key": BACKUP_KEY}
    return Inside(f"{BACKUP} after {fault}", [{"fault": fault, "key": "sk-test-key"}, backup], served, loses=loses)


@dataclass(frozen=True)
class Story:
    """`rounds`: what the model says in the turn of a word; `roles`: who has said something, when it is over.

    `searches`: the steps that look into the knowledge; `acts`: the step that remembers; `reaches`: the tools of the
    steps that ask outside. `grants`: tools that there are no more `AFTER`, and the step that says that there are. Of
    the `points` that the turn comes to every `stride`-th is struck.
    """

    name: str
    rounds: Callable[[str], Sequence[dict[str, Any]]]
    roles: Sequence[str]
    acts: str
    calls: int
    inside: Sequence[Inside]
    searches: Sequence[str] = ()
    reaches: Mapping[str, str] = field(default_factory=dict)
    grants: Mapping[str, str] = field(default_factory=lambda: {"remember": "assembly"})
    configuration: Mapping[str, Any] = field(default_factory=dict)
    #: Tools that the agent has before and after.
    tools: Sequence[str] = ()
    answer: Callable[[str], str] = lambda word: f"{word}: it grows below the headgate."
    #: Turns of the conversation that came before: too much to be shown again, so they are summarised.
    earlier: int = 0
    points: Collection[Point] = get_args(Point)
    stride: int = 1


#: What is said in turns that came before.
EARLIER = "Tell me of the mill."


def _answers(word: str) -> dict[str, Any]:
    return says(f"{word}: it grows below the headgate.", match=word)


def _search(word: str) -> tuple[str, Any]:
    return "search_knowledge", {"query": f"{word} grows"}


def _remember(word: str) -> tuple[str, Any]:
    return "remember", {"name": word, "content": "it grows"}


def _order(word: str) -> tuple[str, Any]:
    return "http_request", {"endpoint": "orders", "method": "POST", "body": {"word": word}}


#: Three calls of the model, and a tool after each but the last.
STEP_BY_STEP = Story(
    name="step by step",
    rounds=lambda word: (wants(_search(word), match=word), wants(_remember(word), match=word), _answers(word)),
    roles=("user", "assistant", "tool", "assistant", "tool", "assistant"),
    searches=("0.tool.0",),
    acts="1.tool.0",
    calls=4,
    inside=(during(MODEL, 0, 1), during(EMBEDDING_MODEL, 0, 2), during(MODEL, 1, 3), during(MODEL, 2, 4)),
)

#: Knowledge that is looked up before, a summary of what was said, two tools at once, and answers that are kept.
ALL_AT_ONCE = Story(
    name="all at once",
    rounds=lambda word: (wants(_search(word), _remember(word), match=word), _answers(word)),
    roles=("user", "assistant", "tool", "tool", "assistant"),
    searches=("retrieval", "0.tool.0"),
    acts="0.tool.1",
    calls=5,
    inside=(
        during(EMBEDDING_MODEL, 0, 1),
        during(MODEL, 0, 2, match=EARLIER),  # the summary
        during(MODEL, 0, 3),
        during(EMBEDDING_MODEL, 1, 4),
        during(MODEL, 1, 5),
    ),
    configuration={"retrieval": {"when": "always"}, "history_tokens": 256, "cache_seconds": 600},
    earlier=3,
    stride=3,
)

HANDED_OFF = "A colleague takes over."

#: Servers of the tenant's: one alone, two beside a tool that acts here, and one beside a hand-off, which ends the turn.
REACHING_OUT = Story(
    name="reaching out",
    rounds=lambda word: (
        wants(_order(word), match=word) | {"text": f"{word}: one moment, I am going to order it for you. " * 4},
        wants(_order(word), ("crm__note", {"word": word}), _remember(word), match=word),
        wants(("handoff", {"reason": word}), _order(word), match=word),
    ),
    roles=("user", "assistant", "tool", "assistant", "tool", "tool", "tool", "assistant", "tool", "tool", "assistant"),
    acts="1.tool.2",
    reaches=dict.fromkeys(("0.tool.0", "1.tool.0", "2.tool.1"), "http_request") | {"1.tool.1": "crm__note"},
    grants={"crm__note": "offered", "remember": "assembly"},
    calls=3,
    inside=(
        Inside("tools/list", held="tools/list 1"),
        Inside("http_request", held="orders 1", served=1),
        Inside("http_request beside others", held="orders 2", served=2),
        Inside("tools/call", held="tools/call 1", served=2),
        Inside("http_request beside a hand-off", held="orders 3", served=3),
        Inside("a streamed answer", streamed=True, served=1),
        failing_over("500", served=1, loses=1),
        failing_over("cut", served=2, loses=2),
    ),
    tools=("http_request", "crm__*", "handoff"),
    configuration={"fallbacks": [{"model": MODEL, "provider": BACKUP}], "handoff_message": HANDED_OFF},
    answer=lambda _: HANDED_OFF,
    points=("after_call", "after_tool", "after_finish"),
)
