"""Tools and hooks in tests: made by hand, used in a turn whose room the test says, or installed as an operator does."""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.cell import Cell
from shared.contracts.payloads import AgentTurn
from shared.contracts.results import Result
from tests.support.cells import make_tenant
from tests.support.executing import Slot
from tests.support.waiting import eventually
from tests.support.walking import submit
from workers.outcomes import Done, Outcome, Snooze
from workers.run.context import Context
from workers.turns import entry_points
from workers.turns.tools import own
from workers.turns.tools.calling import ToolCall
from workers.turns.tools.tool import Tool, Use
from workers.turns.tools.toolbox import Toolbox, ToolResult

#: Arguments of any name.
ANYTHING: Mapping[str, Any] = {"type": "object"}

Act = Callable[[Use, Mapping[str, Any]], Any]

Play = Callable[[Context, AgentTurn], Any]


def tool(name: str, act: Act, **more: Any) -> Tool:
    return Tool(name, f"What {name} does.", more.pop("parameters", ANYTHING), act, **more)


def call(name: str, arguments: str = "{}") -> dict[str, str]:
    return {"id": f"call-{name}", "name": name, "arguments": arguments}


def asked(name: str, arguments: str, of: Tool | None) -> ToolCall:
    """A call outside of any turn."""
    use = Use("acme", "default", None, {}, "c-1", UUID(int=1), "0.tool.0", "key", 5.0)
    return ToolCall(call(name, arguments), of, use)


class Counted:
    """A tool that keeps what it was told of each call."""

    def __init__(self, name: str = "counted") -> None:
        self.uses: list[tuple[Use, Mapping[str, Any]]] = []
        self.tool = tool(name, self._act, timeout=inf)

    def _act(self, use: Use, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.uses.append((use, arguments))
        return {"zeta": 1.5, "a": "counted", "n": len(self.uses)}


def using(toolbox: Toolbox, *calls: dict[str, str]) -> Play:
    """A run that makes these calls, in one round."""

    def play(context: Context, payload: AgentTurn) -> list[ToolResult]:
        return toolbox.use(context, payload, 0, calls)

    return play


def having(*tools: Tool) -> Toolbox:
    """All of them permitted."""
    return Toolbox(tools, [each.name for each in tools])


class Turns:
    """Turns of a tenant's user; what each of its runs does is said by the test."""

    def __init__(self, cell: Cell, tenant: str = "acme") -> None:
        self.cell, self.tenant = cell, tenant
        self._key = make_tenant(cell, tenant).secret
        self.slot = Slot(cell, self._room, lane="turns.pro")
        self._plays: list[Play] = []
        self._came_to: list[Any] = []

    def run(self, *plays: Play, **told: Any) -> list[Any]:
        """What each run of one turn came to; a run after which there is another is snoozed."""
        self._plays, self._came_to = list(plays), []
        data = {"conversation": "c-1", "message": "hello"} | told
        self.job = submit(self.cell, "agent.turn", data, self._key)
        for _ in plays:
            eventually(lambda: (self.cell.gate.sweep("w"), self.slot.serve())[1], "the job's turn has come")
        return self._came_to

    def _room(self, context: Context, payload: AgentTurn) -> Outcome:
        try:
            self._came_to.append(self._plays.pop(0)(context, payload))
        except Exception as error:
            self._came_to.append(error)
            raise
        return Snooze(0) if self._plays else Done(Result())

    def journal(self) -> list[dict[str, Any]]:
        """Of the last turn, in order."""
        with self.cell.database.transaction(self.tenant) as connection:
            query = "SELECT * FROM tenant.steps WHERE job_id = %s ORDER BY ended_at, place"
            return connection.execute(query, (self.job,)).fetchall()


@contextmanager
def installed(
    folder: Path, groups: Mapping[str, Mapping[str, str]], code: str, *, module: str = "operators"
) -> Iterator[None]:
    """A package of one module, with entry points (`name: object`) by group, for as long as this lasts."""
    about = folder / f"{module}-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
    points = "".join(f"[{group}]\n{_lines(module, named)}\n" for group, named in groups.items())
    (about / "entry_points.txt").write_text(points)
    (folder / f"{module}.py").write_text(code)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        _forget()
        yield
        sys.modules.pop(module, None)
    _forget()


def _lines(module: str, named: Mapping[str, str]) -> str:
    return "\n".join(f"{name} = {where if ':' in where else f'{module}:{where}'}" for name, where in named.items())


def _forget() -> None:
    """What was loaded before: as in a new process."""
    importlib.invalidate_caches()
    entry_points.loaded.cache_clear()
    own.known.cache_clear()
