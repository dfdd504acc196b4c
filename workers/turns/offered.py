"""The tools of a tenant's MCP servers, in one turn: those that they offered when it began, in each of its runs.

A server may offer something else a minute later, or not be there to say. So what its agent may use of it is a step of
the turn. Where a server is, and whether agents may still go there, is read anew in each run: one that its tenant has
withdrawn is not reached; one that is somewhere else by now is another, and is asked, as is one that offered nothing.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import orjson

from shared.agents.connections import McpServer
from shared.agents.tools import SEPARATOR
from workers.network.mcp import Manner
from workers.run.context import Context
from workers.turns.tools.mcp import Server, mcp_tools
from workers.turns.tools.mcp_offers import Offer
from workers.turns.tools.tool import Tool
from workers.turns.tools.toolbox import permits

#: The step that says what was offered: {connection: {"url", "tools": [{name, description, parameters}]}}. Parameters
#: are kept as text: the journal takes not all that JSON can say, and a schema in another order is another request.
PLACE = "offered"

Servers = Mapping[str, McpServer]


def offered_tools(context: Context, servers: Servers, permitted: Collection[str]) -> Sequence[Tool]:
    """Those of these servers' tools that the agent is permitted."""
    recorded = context.past(PLACE)
    if recorded is None:
        tools = _offered_now(context, servers, permitted)
        if tools:
            context.once(PLACE, "assembly", {}, lambda: _record(servers, tools), later=True)
        return tools
    stayed = {name: one for name, one in servers.items() if name in recorded and recorded[name]["url"] == str(one.url)}
    others = {name: one for name, one in servers.items() if name not in stayed}
    again = [tool for name, one in stayed.items() for tool in _as_recorded(context, name, one, recorded[name]["tools"])]
    return [*again, *(_offered_now(context, others, permitted) if others else ())]


def _offered_now(context: Context, servers: Servers, permitted: Collection[str]) -> Sequence[Tool]:
    """What they offer now."""
    context.about_to_wait()
    allowed = context.settings.tool_networks
    tools = mcp_tools(context.tenant.tenant_id, servers, context.secret, allowed, context.calls_until)
    return [tool for tool in tools if permits(permitted, tool.name)]


def _record(servers: Servers, tools: Sequence[Tool]) -> dict[str, Any]:
    recorded: dict[str, Any] = {}
    for tool in tools:
        connection = tool.name.partition(SEPARATOR)[0]
        of_server = recorded.setdefault(connection, {"url": str(servers[connection].url), "tools": []})
        parameters = orjson.dumps(tool.parameters).decode()
        of_server["tools"].append({"name": tool.name, "description": tool.description, "parameters": parameters})
    return recorded


def _as_recorded(
    context: Context, name: str, declared: McpServer, recorded: Sequence[Mapping[str, str]]
) -> Iterator[Tool]:
    """As a server was understood before; what its tenant has ruled out since is left out."""
    reached = context.tenant.tenant_id, name, declared, context.secret, context.settings.tool_networks
    server = Server(*reached, context.calls_until)
    for about in recorded:
        tool = about["name"].partition(SEPARATOR)[2]
        if declared.tools is None or tool in declared.tools:
            parameters = orjson.loads(about["parameters"])
            yield server.tool(Offer(about["name"], tool, about["description"], parameters), Manner())
