"""Hooks of an operator's own, installed as packages are: before a turn and after its answer."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.cell import Cell
from shared.contracts.payloads import AgentTurn
from tests.support.tooling import Turns, installed
from workers.run.context import Context
from workers.turns import hooks
from workers.turns.hooks import Before, HookFailed, Turn

#: Each says what it does to a message and an answer; `calls` counts.
CODE = """
import threading
from workers.turns.hooks import BeforeTurn

calls, gate = [], threading.Event()

class Polite:
    def before_turn(self, turn):
        calls.append(("before", turn))
        return BeforeTurn(context=f"{turn.tenant} greets {turn.user_identifier} on {turn.user_context['plan']}")

    def after_answer(self, turn, answer):
        calls.append(("after", turn))
        return answer.replace("damn", "d\\x00arn")

class Strict:
    def before_turn(self, turn):
        return BeforeTurn(answer="Not here.") if "secret" in turn.message else None

class Loud:
    def after_answer(self, turn, answer):
        return answer.upper()

class Changes:
    def before_turn(self, turn):
        turn.user_context["plan"] = "platinum"

class Silent:
    def after_answer(self, turn, answer):
        return None

class Raises:
    def before_turn(self, turn):
        raise ValueError("no such desk")

    def after_answer(self, turn, answer):
        return 5

class Exits:
    def before_turn(self, turn):
        raise SystemExit(1)

class Hangs:
    def before_turn(self, turn):
        gate.wait(60)

polite, strict, loud, silent, changes = Polite(), Strict(), Loud(), Silent(), Changes()
raises, exits, hangs = Raises(), Exits(), Hangs()
"""


@pytest.fixture
def turns(cell: Cell) -> Turns:
    return Turns(cell)


def told_of(context: Context, payload: AgentTurn) -> Turn:
    return Turn(
        tenant=context.tenant.tenant_id,
        agent=payload.agent,
        version=1,
        user_identifier=payload.user_identifier,
        user_context=payload.user_context,
        conversation=payload.conversation,
        message=payload.message,
        job=context.run.job,
    )


def asked(context: Context, payload: AgentTurn) -> tuple[Before, str]:
    turn = told_of(context, payload)
    return hooks.before(context, turn), hooks.after(context, turn, "damn it")


ANN: dict[str, Any] = {"userIdentifier": "ann", "userContext": {"plan": "gold"}}


def install(folder: Path, *names: str) -> Any:
    """Under names that put them into this order."""
    points = {f"{number}-{name}": name for number, name in enumerate(names)}
    return installed(folder, {hooks.GROUP: points}, CODE)


def test_hooks_speak_in_the_order_of_their_names_and_once(turns: Turns, tmp_path: Path) -> None:
    with install(tmp_path, "changes", "polite", "silent", "loud"):
        first, second = turns.run(asked, asked, **ANN)
        import operators  # type: ignore[import-not-found]  # noqa: PLC0415 - installed above

        said = list(operators.calls)
    assert first == second == (Before(["acme greets ann on gold"]), "DARN IT")
    assert [word for word, _ in said] == ["before", "after"]
    assert {turn.job for _, turn in said} == {UUID(turns.job)}
    assert [step["place"] for step in turns.journal()] == [
        "hook.before.0-changes",
        "hook.before.1-polite",
        "hook.after.1-polite",
        "hook.after.2-silent",
        "hook.after.3-loud",
    ]
    assert {step["kind"] for step in turns.journal()} == {"hook"}


def test_a_hook_may_end_the_turn_and_those_behind_it_are_not_asked(turns: Turns, tmp_path: Path) -> None:
    with install(tmp_path, "strict", "raises"):
        ((before, _),) = turns.run(lambda *told: (hooks.before(told[0], told_of(*told)), None), message="a secret")
    assert before == Before([], "Not here.")


def test_without_hooks_nothing_is_asked_and_nothing_journaled(turns: Turns) -> None:
    assert turns.run(asked) == [(Before([]), "damn it")]
    assert turns.journal() == []


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(hooks, "SECONDS", 0.1)
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("attempt"):
            thread.join(60)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("name", "where", "why"),
    [
        ("raises", "raises", "'raises' failed: ValueError: no such desk"),
        ("exits", "exits", "'exits' tried to end the process"),
        ("hangs", "hangs", r"'hangs' took longer than 0\.1 seconds"),
        ("lost", "no_such_module:hook", "'lost' .* cannot be used: ModuleNotFoundError"),
    ],
)
def test_a_hook_that_fails_fails_the_run_and_is_named(
    turns: Turns, tmp_path: Path, name: str, where: str, why: str
) -> None:
    def failing(context: Context, payload: AgentTurn) -> None:
        with pytest.raises(HookFailed, match=why):
            hooks.before(context, told_of(context, payload))

    with installed(tmp_path, {hooks.GROUP: {name: where}}, CODE):
        assert turns.run(failing) == [None]
        if name == "hangs":
            import operators  # noqa: PLC0415 - installed above

            operators.gate.set()
    assert turns.journal() == []


def test_what_is_no_text_is_no_answer(turns: Turns, tmp_path: Path) -> None:
    def failing(context: Context, payload: AgentTurn) -> None:
        with pytest.raises(HookFailed, match="answered no text"):
            hooks.after(context, told_of(context, payload), "fine")

    with install(tmp_path, "raises"):
        assert turns.run(failing) == [None]
