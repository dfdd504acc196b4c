"""The documents speak of what there is, in the words that the code uses."""

import re
from functools import reduce
from importlib import import_module
from pathlib import Path

import pytest

from shared.contracts.answers import FinishedData
from shared.contracts.kinds import Family
from shared.ledger.states import FINAL, State

DOCS = Path(__file__).parents[2] / "docs"

#: A row of the table that says which function moves a job along.
FUNCTIONS = re.compile(r"`((?:shared|workers|producers)\.[A-Za-z_.]+)`")

#: An entry of the glossary; a second word may stand in the same line.
ENTRY = re.compile(r"\*\*([^*]+)\*\*")

#: What Headgate is explained by: each has an entry of its own.
CONCEPTS = [
    *("tenant", "tier", "principal", "scope", "door", "bus", "client", "suspend", "pause"),
    *("envelope", "job", "kind", "family", "ordering key", "priority", "accepted", "refused", "denied"),
    *("ledger", "run", "failures", "outcome", "child", "outbox"),
    *("gate", "backlog", "lane", "dedicated lane", "permit", "offer", "claim", "lease", "fence", "release", "next"),
    *("slot", "run-on"),
    *("quota", "budget", "weight", "cost", "virtual time", "sweep", "epoch", "rebuild", "cell"),
    *("step", "journal", "intent", "unknown", "reservation", "settle", "reconcile"),
    *("price", "meter", "usage record", "rollup", "statement", "export"),
    *("agent", "turn", "knowledge base", "passage", "rehearsal model"),
    *("assembly", "scene", "rule", "round", "summary"),
    *("conversation", "tool", "connection", "credential", "hook", "handoff", "feedback", "memory"),
    *("stream", "cache hit", "provider", "target", "route", "fallback", "residency", "circuit"),
]


@pytest.fixture(scope="module")
def states() -> str:
    return (DOCS / "states.md").read_text()


@pytest.fixture(scope="module")
def glossary() -> str:
    return (DOCS / "glossary.md").read_text()


def test_each_promise_names_what_proves_it_and_that_is_there() -> None:
    rows = re.findall(r"^\| \*\*(P\d+) .+$", promises := (DOCS / "promises.md").read_text(), re.MULTILINE)
    assert rows == [f"P{number}" for number in range(1, 15)]
    named = re.findall(r"`(tests/[\w/]+\.py)`", promises)
    assert [path for path in named if not (DOCS.parent / path).is_file()] == []
    makefile = (DOCS.parent / "Makefile").read_text()
    for target in re.findall(r"`make ([\w-]+)`", promises):
        assert f"\n{target}:" in makefile or (DOCS.parent / f"tests/benchmarks/{target.replace('-', '_')}.py").is_file()


@pytest.mark.parametrize("state", State)
def test_every_state_is_drawn_and_explained(states: str, state: State) -> None:
    drawing = states.split("```")[1]
    assert re.search(rf"--> {state}\b", drawing)
    row = re.search(rf"^\| `{state}` \| .+ \| (yes|no) \|$", states, re.MULTILINE)
    assert row
    assert (row.group(1) == "yes") == (state in FINAL)


def test_no_state_is_drawn_that_there_is_not(states: str) -> None:
    drawn = set(re.findall(r"^\s+(\w+) -->|--> (\w+)", states.split("```")[1], re.MULTILINE))
    assert {name for pair in drawn for name in pair if name} == set(State)


def test_the_contract_tells_every_final_state() -> None:
    assert set(FinishedData.model_json_schema()["properties"]["state"]["enum"]) == FINAL


def test_every_function_that_is_named_as_moving_a_job_is_there(states: str) -> None:
    named = FUNCTIONS.findall(states)
    assert len(named) > 10
    for path in named:
        assert callable(found(path)), path


def entries(glossary: str) -> list[str]:
    return [entry.lower() for entry in ENTRY.findall(glossary)]


@pytest.mark.parametrize("word", CONCEPTS)
def test_every_word_that_headgate_is_explained_by_is_in_the_glossary_once(glossary: str, word: str) -> None:
    assert entries(glossary).count(word) == 1


def test_the_glossary_names_every_family(glossary: str) -> None:
    assert f"{', '.join(Family)}." in glossary


def test_every_word_that_the_architecture_takes_from_the_glossary_is_there(glossary: str) -> None:
    known = {entry + ending for entry in entries(glossary) for ending in ("", "s", "ed")}
    _, _, walk = (DOCS / "architecture.md").read_text().partition("## ")
    taken = set(re.findall(r"(?<!\*)\*([a-z][a-z ]*)\*(?!\*)", walk))
    assert len(taken) > 10
    assert taken <= known


def found(path: str) -> object:
    """The function of this dotted path, which may go through a class."""
    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            module = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return reduce(getattr, parts[length:], module)
    raise LookupError(path)
