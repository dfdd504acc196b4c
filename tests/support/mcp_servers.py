"""MCP servers that a tenant may have declared: the SDK's own, and one that says what it is told, the older way."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer

from shared.agents.connections import McpServer
from tests.support.outsider import LOCAL, Heard, Says, secret, use
from workers.network.bounds import CallsUntil
from workers.network.mcp import Manner
from workers.turns.tools.mcp import Server, mcp_tools
from workers.turns.tools.mcp_offers import Offer
from workers.turns.tools.tool import Tool

#: As the SDK names the protocol's last version that begins with a handshake.
VERSION = "2025-06-18"

ANYTHING = {"type": "object"}


def listed(name: str, schema: Any = ANYTHING, description: str = "does it") -> dict[str, Any]:
    return {"name": name, "description": description, "inputSchema": schema}


def saying(*texts: str, is_error: bool = False) -> dict[str, Any]:
    """A result."""
    return {"content": [{"type": "text", "text": text} for text in texts], "isError": is_error}


def scripted(
    tools: Sequence[Mapping[str, Any]], answer: Callable[[Heard, dict[str, Any]], Any] = lambda *_: saying("done")
) -> Callable[[Heard], Says]:
    """Offers these tools; `answer` says what comes of a call (the request, its params), or what is said instead."""

    def says(heard: Heard) -> Says:
        if heard.method != "POST":
            return Says(b"", 405)
        asked = json.loads(heard.body)
        match asked["method"]:
            case "initialize":
                info = {"name": "scripted", "version": "1"}
                result: Any = {"protocolVersion": VERSION, "capabilities": {"tools": {}}, "serverInfo": info}
            case "tools/list":
                result = {"tools": tools}
            case "tools/call":
                result = answer(heard, asked["params"])
            case "server/discover":
                error = {"code": -32601, "message": "there is no such method"}
                return _json({"jsonrpc": "2.0", "id": asked["id"], "error": error})
            case _:
                return Says(b"", 202)
        return result if isinstance(result, Says) else _json({"jsonrpc": "2.0", "id": asked["id"], "result": result})

    return says


def _json(told: Any) -> Says:
    return Says(json.dumps(told).encode())


@contextmanager
def by_the_sdk(made: MCPServer) -> Iterator[str]:
    """The URL of this server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told = uvicorn.Config(made.streamable_http_app(), log_config=None, lifespan="on")
        running = uvicorn.Server(told)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not running.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        finally:
            running.should_exit = True
            thread.join()


def declared(url: str, **told: Any) -> McpServer:
    return McpServer(url=url, **told)


def offered(
    url: str, *, tenant: str = "acme", name: str = "crm", calls_until: CallsUntil = lambda: inf, **told: Any
) -> dict[str, Tool]:
    """The tools of a tenant's server, by name."""
    tools = mcp_tools(tenant, {name: declared(url, **told)}, secret, LOCAL, calls_until)
    return {tool.name: tool for tool in tools}


def server(url: str, *, calls_until: CallsUntil = lambda: inf) -> Server:
    return Server("acme", "crm", declared(url), secret, LOCAL, calls_until)


def unlisted(url: str, *, calls_until: CallsUntil = lambda: inf) -> Tool:
    """A tool of a server that has not been asked what it offers."""
    return server(url, calls_until=calls_until).tool(Offer("crm__look", "look", "", ANYTHING), Manner("legacy"))


def done(tool: Tool, *, seconds: float = 30.0, **arguments: Any) -> Any:
    return tool.act(use(seconds=seconds), arguments)
