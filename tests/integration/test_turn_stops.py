"""A turn that must stop: what it had done by then is on record, whatever it was doing."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from shared.cell import Cell
from shared.contracts.kinds import AgentTurn
from tests.support.tooling import Turns, call, having, tool, using
from workers.context import Context
from workers.interruption import Interrupted
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
