"""The tools that an agent's configuration gives it, bound to its turn: to its tenant, its user and its connections."""

from collections.abc import Callable, Collection, Mapping, Sequence

from shared.agents import connections
from shared.agents.configuration import AgentConfiguration
from shared.agents.connections import HttpEndpoint, McpServer
from shared.agents.tools import HANDOFF, HTTP_REQUEST, RECALL, REMEMBER, SEARCH_KNOWLEDGE, of_connection
from workers.run.context import Context
from workers.turns.offered import offered_tools
from workers.turns.scene import Scene
from workers.turns.tools.handoff import handoff_tool
from workers.turns.tools.http import http_tool
from workers.turns.tools.knowledge import search_tool
from workers.turns.tools.memory import recall_tool, remember_tool
from workers.turns.tools.own import own_tools
from workers.turns.tools.tool import Tool
from workers.turns.tools.toolbox import Toolbox


def equipment(context: Context, scene: Scene) -> Toolbox:
    configuration = scene.agent.configuration
    named = set(configuration.tools)
    made = [make() for name, make in _built_in(context, configuration).items() if name in named]
    return Toolbox([*made, *_reaching_out(context, named), *own_tools(named)], named)


def _built_in(context: Context, configuration: AgentConfiguration) -> Mapping[str, Callable[[], Tool]]:
    tools: dict[str, Callable[[], Tool]] = {
        REMEMBER: lambda: remember_tool(context),
        RECALL: lambda: recall_tool(context),
        HANDOFF: handoff_tool,
    }
    if configuration.knowledge_bases and configuration.retrieval.when != "never":
        tools[SEARCH_KNOWLEDGE] = lambda: search_tool(context, configuration)
    return tools


def _reaching_out(context: Context, named: Collection[str]) -> Sequence[Tool]:
    """Towards what the tenant declared, as it stands now."""
    of_servers = {parts[0] for name in named if (parts := of_connection(name))}
    if HTTP_REQUEST not in named and not of_servers:
        return []
    tenant, secret, calls_until = context.tenant.tenant_id, context.secret, context.calls_until
    with context.reading() as connection:
        declared = connections.every(connection, tenant)
    allowed, tools = context.settings.tool_networks, list[Tool]()
    endpoints = {name: one for name, one in declared.items() if isinstance(one, HttpEndpoint)}
    if endpoints and HTTP_REQUEST in named:
        tools.append(http_tool(endpoints, secret, allowed, calls_until))
    servers = {name: one for name, one in declared.items() if isinstance(one, McpServer) and name in of_servers}
    return [*tools, *offered_tools(context, servers, named)] if servers else tools
