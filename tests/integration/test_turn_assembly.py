"""What a model is sent: all that is said of an agent, what is stable first.

Each thing that a configuration may say is seen here in a turn, where no other test shows what it does there.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.agents.configuration import PROMPT
from shared.cell import Cell
from shared.embedded import Servers
from shared.rehearsal.client import Rehearsal
from shared.rehearsal.log import fingerprint
from shared.rehearsal.settings import RehearsalSettings
from tests.support import cells
from tests.support.cells import make_tenant
from tests.support.turning import Slot, configure, know
from tests.support.walking import job, submit
from workers.turns.prompts import DATA

#: A provider beside the platform's own, with the same model behind it.
OTHER = "other"


@dataclass
class Turns:
    """A tenant whose model keeps what it is sent: `bodies` are those of the last turn, `served` its calls."""

    cell: Cell
    model: Rehearsal
    key: str = ""
    bodies: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.key, self.slot = make_tenant(self.cell, "acme").secret, Slot(self.cell)

    def say(self, message: str, *, conversation: str, **more: Any) -> dict[str, Any]:
        """The result of a turn."""
        self.model.clear()
        data = {"conversation": conversation, "message": message} | more
        asked = submit(self.cell, "agent.turn", data, self.key)
        self.slot.serve()
        self.bodies = self.model.requests()
        row = job(self.cell, "acme", asked)
        assert row["state"] == "done", row["error"]
        result: dict[str, Any] = row["result"]
        return result

    def sent(self, conversation: str, **told: Any) -> dict[str, Any]:
        """What the model is asked first, by an agent of which this is said."""
        configure(self.cell, "acme", **told)
        self.say("What costs a return?", conversation=conversation)
        return self.chats()[0]

    def chats(self) -> list[dict[str, Any]]:
        return [body for body in map(orjson.loads, self.bodies) if "messages" in body]


@pytest.fixture(scope="module")
def turns(servers: Servers, one_model: Rehearsal) -> Iterator[Turns]:
    one_model.settings(**RehearsalSettings().model_dump(mode="json") | {"keep_requests": True})
    told: dict[str, Any] = {"OPENAI_BASE_URL": one_model.url}
    told["providers"] = {OTHER: {"base_url": one_model.url, "api_key": "sk-other"}}
    with tempfile.TemporaryDirectory() as home, cells.test_cell(servers, Path(home), **told) as cell:
        made = Turns(cell, one_model)
        for base in ("default", "prices"):
            for number in range(3):
                know(cell, "acme", f"{base}-{number}.md", f"What a return costs, part {number} of {base}.", base=base)
        yield made


def test_two_users_share_all_that_stands_before_what_is_theirs(turns: Turns) -> None:
    configure(turns.cell, "acme", name="Ada", tools=["search_knowledge", "recall"])
    ann: dict[str, Any] = {"userIdentifier": "ann", "userContext": {"plan": "gold"}, "conversation": "of-ann"}
    turns.say("What costs a return?", **ann)
    first, (asked, *_) = turns.bodies[0], turns.chats()
    turns.say("My parcel is late.", userIdentifier="bob", userContext={"plan": "free"}, conversation="of-bob")
    shared = "".join(one for one, _ in takewhile(_alike, zip(first, turns.bodies[0], strict=False)))
    stable = asked["messages"][0]
    assert stable["role"] == "system"
    assert orjson.dumps(stable["content"]).decode() in shared
    assert "gold" not in shared
    assert asked["tools"] == turns.chats()[0]["tools"], "providers put the tools before all that is said"
    for message in ("And for him?", "And for her?"):
        turns.say(message, **ann)
        later = turns.chats()[0]["messages"]
        assert later[: len(asked["messages"]) - 2] == asked["messages"][:-2], "what was said stays where it was"
        assert [part["role"] for part in later[-2:]] == ["user", "user"], "what moves, and what is new"
        asked = turns.chats()[0]


def test_a_prompt_is_sent_with_its_variables(turns: Turns) -> None:
    prompt = (
        "{{ name }}, {{ tone }}, {{ language }}; {{ tenant }}/{{ agent }} for {{ user.identifier }} of {{ user.city }}."
    )
    configure(turns.cell, "acme", name="Ada", tone="warm", language="no", prompt=prompt, tools=())
    turns.say("Hello?", conversation="prompt", userIdentifier="ann", userContext={"city": "{{ tenant }}"})
    (asked,) = turns.chats()
    assert asked["messages"][0]["content"] == "Ada, warm, no; Acme/default for ann of {{ tenant }}."
    told = asked["messages"][1]
    assert (told["role"], told["content"].startswith(DATA)) == ("user", True), "a user's words are no system's"
    spoken = turns.sent("by-default", name="Ada", tone="warm", language="Norwegian")["messages"][0]["content"]
    assert spoken.startswith(PROMPT.partition("{%")[0])
    assert spoken.endswith("Your name is Ada. Your tone: warm. Answer in this language: Norwegian.")


def test_the_models_settings_are_sent(turns: Turns) -> None:
    asked = turns.sent("settings", temperature=1.25, max_tokens=77, tools=())
    assert (asked["model"], asked["temperature"], asked["max_completion_tokens"]) == ("rehearsal-1", 1.25, 77)
    assert "tools" not in asked
    assert turns.model.served()[-1].output_tokens <= 77


def test_a_provider_is_asked_with_its_own_key_and_in_its_own_words(turns: Turns) -> None:
    words = {"prompt": "For all.", "prompts": {OTHER: "For {{ agent }} elsewhere."}, "tools": ()}
    for provider, prompt, key in (("openai", "For all.", "sk-test-key"), (OTHER, "For default elsewhere.", "sk-other")):
        asked = turns.sent(f"at-{provider}", provider=provider, **words)
        assert asked["messages"][0]["content"] == prompt
        assert {served.api_key for served in turns.model.served()} == {fingerprint(key)}


def test_only_the_agents_tools_are_offered(turns: Turns) -> None:
    asked = turns.sent("tools", tools=["recall", "handoff"])
    assert sorted(tool["function"]["name"] for tool in asked["tools"]) == ["handoff", "recall"]


@pytest.mark.parametrize(
    ("strategy", "bases", "found", "offered"),
    [
        ({"when": "always", "by": "words", "passages": 2}, ["prices"], 2, True),
        ({"when": "always", "by": "meaning", "passages": 4}, ["prices", "default"], 4, True),
        ({"when": "tool"}, ["prices"], 0, True),
        ({"when": "never"}, ["prices"], 0, False),
        ({"when": "always"}, [], 0, False),
    ],
)
def test_knowledge_is_searched_when_and_how_the_agent_says(
    turns: Turns, strategy: dict[str, Any], bases: list[str], found: int, *, offered: bool
) -> None:
    name = "-".join(["knowledge", *map(str, strategy.values()), *bases])
    with turns.cell.database.transaction("acme") as connection:
        connection.execute("DELETE FROM tenant.cached")  # of questions that were embedded before
    asked = turns.sent(name, retrieval=strategy, knowledge_bases=bases, tools=["search_knowledge"])
    said = "\n".join(str(message["content"]) for message in asked["messages"][1:])
    assert said.count('"document": ') == found
    assert ("of default" in said) == (found > 0 and "default" in bases)
    assert bool(asked.get("tools")) == offered
    if "by" in strategy:
        embedded_first = "input" in orjson.loads(turns.bodies[0])
        assert embedded_first == (strategy["by"] == "meaning")


def _alike(pair: tuple[str, str]) -> bool:
    return pair[0] == pair[1]
