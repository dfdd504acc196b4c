"""A turn that must stop, or does not know that it must: what was done by then is on record, and nothing twice."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from shared.cell import Cell
from shared.contracts.payloads import AgentTurn
from tests.support.tooling import Turns, call, having, tool, using
from workers.interruption import Interrupted, Interruption
from workers.run.context import Context
from workers.turns.attempts import Work, alone
from workers.turns.tools.tool import Use

#: Seconds that nothing here takes.
LONG = 60.0


def test_tools_that_have_ended_when_their_turn_is_stopped_are_not_used_again(cell: Cell) -> None:
    """One is being journaled when the worker is told to stop; the other has ended meanwhile."""
    turns, told, uses = Turns(cell), threading.Event(), list[str]()

    def stopping(use: Use, _: Mapping[str, Any]) -> str:
        uses.append(use.place)
        turns.slot.handing_back.set()
        told.set()
        return "stopped"

    def meanwhile(use: Use, _: Mapping[str, Any]) -> str:
        uses.append(use.place)
        assert told.wait(LONG)
        return "done"

    play = using(having(tool("stopping", stopping), tool("meanwhile", meanwhile)), call("stopping"), call("meanwhile"))

    def stopped(context: Context, payload: AgentTurn) -> None:
        with pytest.raises(Interrupted):
            play(context, payload)
        turns.slot.handing_back.clear()

    _, results = turns.run(stopped, play)
    assert [result.outcome for result in results] == [{"result": "stopped"}, {"result": "done"}]
    assert sorted(uses) == ["0.tool.0", "0.tool.1"]


def test_what_a_hook_has_said_is_heard_though_its_turn_must_stop() -> None:
    said = threading.Event()

    def hook() -> str:
        said.set()
        return "no"

    def guard() -> None:
        if said.is_set():
            raise Interrupted(Interruption.STOPPING)

    assert alone(Work("hook", hook, LONG), guard) == "no"
