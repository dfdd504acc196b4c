"""The tools of one turn: what its model is offered, and what comes of what it asks for.

What an agent may do is said by its configuration; what is done is done for the tenant, the agent and the user of the
job. A model that asks for more, because it errs or because a document told it to, is refused, and that is on record.
"""

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import orjson

from shared import ids
from shared.agents.tools import EVERY, SEARCH_KNOWLEDGE, name_of, of_connection
from shared.contracts.payloads import AgentTurn
from shared.texts import storable
from workers.run.context import Context
from workers.turns.tools.calling import ToolCall
from workers.turns.tools.parallel import outcomes_of
from workers.turns.tools.tool import TIMEOUT, Tool, Use

#: Bytes that the results of one turn may have together: a large model's window takes a tenth of that. All of them stay
#: in memory and in the journal, and 128 calls of a mebibyte in each slot would be more than a process has.
MOST_BYTES = 4_194_304

#: Bytes that each result may have all the same, so that a tool can say what it did.
FEWEST_BYTES = 256


@dataclass(frozen=True)
class ToolResult:
    """What came of one call. `outcome` is what the model is shown and a replay sees."""

    call_id: str
    name: str
    outcome: Mapping[str, Any]
    ends_turn: bool = False

    @property
    def content(self) -> str:
        """As the model is shown it: the same text in every run, whatever order the journal gives it back in."""
        return orjson.dumps(self.outcome, option=orjson.OPT_SORT_KEYS).decode()

    @property
    def refused(self) -> bool:
        return self.outcome.get("refused") is True

    @property
    def documents(self) -> Sequence[str]:
        """The documents that the model was shown, by name."""
        shown = self.outcome.get("passages", ()) if self.name == SEARCH_KNOWLEDGE else ()
        return [passage["document"] for passage in shown]


class Toolbox:
    """`permitted`: what the agent's configuration names; where two tools have one name, it is the first's."""

    def __init__(self, tools: Sequence[Tool], permitted: Collection[str]) -> None:
        self._tools = {tool.name: tool for tool in reversed(tools) if permits(permitted, tool.name)}
        self._left = MOST_BYTES

    def offered(self) -> list[dict[str, Any]]:
        """As chat completions take them: by name, the same in every turn, so that providers' prompt caches hit."""
        return [_offered(self._tools[name]) for name in sorted(self._tools)]

    def use(
        self, context: Context, payload: AgentTurn, number: int, calls: Sequence[Mapping[str, str]]
    ) -> list[ToolResult]:
        """What comes of the calls ({id, name, arguments}) of a round, in their order."""
        share = max(FEWEST_BYTES, self._left // max(1, len(calls)))
        made = [self._call(context, payload, f"{number}.tool.{index}", call, share) for index, call in enumerate(calls)]
        outcomes = outcomes_of(context, made)
        self._left = max(0, self._left - sum(len(orjson.dumps(outcome)) for outcome in outcomes.values()))
        return [_result(call, outcomes[call.place]) for call in made]

    def _call(self, context: Context, payload: AgentTurn, place: str, call: Mapping[str, str], share: int) -> ToolCall:
        """`share`: bytes that its result may have at most."""
        written = {part: storable(call[part]) for part in ("id", "name", "arguments")}
        tool = self._tools.get(written["name"])
        use = Use(
            tenant=context.tenant.tenant_id,
            agent=payload.agent,
            user_identifier=payload.user_identifier,
            user_context=deepcopy(payload.user_context),  # what a tool does to it no other tool sees
            conversation=payload.conversation,
            job=context.run.job,
            place=place,
            idempotency_key=str(ids.derived("tool", context.run.job, place)),
            seconds=max(0.0, min(tool.timeout if tool else TIMEOUT, context.seconds_left)),
        )
        return ToolCall(written, replace(tool, max_bytes=share) if tool and tool.max_bytes > share else tool, use)


def permits(permitted: Collection[str], name: str) -> bool:
    """Whether the tool is named, or all of its server's are."""
    parts = of_connection(name)
    return name in permitted or (parts is not None and name_of(parts[0], EVERY) in permitted)


def _offered(tool: Tool) -> dict[str, Any]:
    about = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": about}


def _result(call: ToolCall, outcome: Mapping[str, Any]) -> ToolResult:
    ends = call.tool is not None and call.tool.ends_turn and "error" not in outcome
    return ToolResult(call.written["id"], call.name, outcome, ends_turn=ends)
