"""Tools of the MCP servers that a tenant declared, as tools of its agents.

A server is asked what it offers (`workers.turns.tools.mcp_listings`) and then, for each use, to do it. What it answers
is shown to the model as text; what it says of itself can offer a model tools under its own name, and nothing else.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import TypeAdapter

from shared.agents.connections import McpServer
from shared.process import of_process
from workers.network.addresses import Network, NotAllowed
from workers.network.bodies import NotAnswered
from workers.network.bounds import CallsUntil, Overdue
from workers.network.endpoint import Secret, opened
from workers.network.mcp import Manner, conversed, manner_of
from workers.network.scrub import Scrub
from workers.turns.attempts import Attempt, TookTooLong, Work, together
from workers.turns.tools.mcp_listings import Key, Listing, Listings
from workers.turns.tools.mcp_offers import Offer, ServerTool, sifted
from workers.turns.tools.reaching import SPARE, as_tool_errors
from workers.turns.tools.tool import Tool, ToolFailed, Use

if TYPE_CHECKING:
    from mcp.client import Client
    from mcp_types import CallToolResult, InputRequiredResult
    from mcp_types import Tool as McpTool

#: What a call is known by, among what is told besides its arguments; the same whenever the step is done again.
IDEMPOTENCY_KEY = "headgate/idempotency-key"

#: Pages of a listing that are asked for: what a server adds after them is not seen.
PAGES = 8

log = structlog.get_logger(__name__)


@of_process
def listings() -> Listings:
    """This process's own."""
    return Listings()


def mcp_tools(
    tenant: str, servers: Mapping[str, McpServer], secret: Secret, networks: Sequence[Network], calls_until: CallsUntil
) -> Sequence[Tool]:
    """What these servers offer; a server that cannot be asked offers nothing for the moment, and that is logged."""
    reached = [Server(tenant, name, declared, secret, networks, calls_until) for name, declared in servers.items()]
    works = [Work(server.name, server.offers, server.declared.timeout + SPARE) for server in reached]
    if len(works) == 1:
        return works[0].do()

    def check() -> None:
        calls_until()

    with closing(together(works, check)) as attempts:
        by_name = {attempt.work.name: attempt for attempt in attempts}
    return [tool for work in works for tool in _come_of(by_name[work.name])]


def _come_of(attempt: Attempt[Sequence[Tool]]) -> Sequence[Tool]:
    try:
        return attempt.result()
    except TookTooLong as error:
        log.warning("a tenant's server offers no tools", connection=attempt.work.name, error=str(error))
        return ()


@dataclass(frozen=True)
class Server:
    """One server of a tenant, as one turn uses it."""

    tenant: str
    name: str
    declared: McpServer
    secret: Secret
    networks: Sequence[Network]
    calls_until: CallsUntil

    def offers(self) -> Sequence[Tool]:
        """Its tools; none, and a line in the log, where it cannot be asked."""
        try:
            listing = self.listing()
        except (NotAllowed, NotAnswered, Overdue) as error:
            log.warning("a tenant's server offers no tools", tenant=self.tenant, connection=self.name, error=str(error))
            return ()
        return [self.tool(offer, listing.manner) for offer in listing.offers.offered]

    @property
    def _key(self) -> Key:
        return self.tenant, self.name, self.declared.model_dump_json()

    def listing(self) -> Listing:
        """What it offers; raises `NotAllowed`, `NotAnswered`, `Overdue`, `Interrupted`."""
        return listings().get(self._key, self._listed, seconds=self.declared.timeout, calls_until=self.calls_until)

    def tool(self, offer: Offer, manner: Manner) -> Tool:
        def act(use: Use, arguments: Mapping[str, Any]) -> dict[str, Any]:
            return self._done(use, offer, manner, arguments)

        return Tool(offer.name, offer.description, offer.parameters, act, timeout=self.declared.timeout + SPARE)

    def _listed(self) -> Listing:
        endpoint = opened(self.declared, self.secret)

        async def list_tools(client: "Client") -> tuple[list[ServerTool], Manner]:
            listed: list[ServerTool] = []
            cursor = None
            for _ in range(PAGES):
                page = await client.list_tools(cursor=cursor)
                listed += [_scrubbed(tool, endpoint.scrub) for tool in page.tools]
                cursor = page.next_cursor
                if cursor is None:
                    break
            return listed, manner_of(client)

        seconds = self.declared.timeout
        listed, manner = conversed(
            endpoint, self.networks, Manner(), list_tools, seconds=seconds, calls_until=self.calls_until
        )
        listing = Listing(sifted(self.name, self.declared, listed), manner)
        if listing.offers.left_out:
            left_out = dict(listing.offers.left_out)
            log.warning("tools of a server are left out", tenant=self.tenant, connection=self.name, left_out=left_out)
        return listing

    def _done(self, use: Use, offer: Offer, manner: Manner, arguments: Mapping[str, Any]) -> dict[str, Any]:
        async def call(client: "Client") -> "CallToolResult | None":
            from mcp_types import CallToolRequest, CallToolRequestParams, CallToolResult  # noqa: PLC0415 - as the SDK

            meta: Any = {IDEMPOTENCY_KEY: use.idempotency_key}
            params = CallToolRequestParams(name=offer.tool, arguments=dict(arguments), _meta=meta)
            result = await client.session.send_request(CallToolRequest(params=params), _results())
            return result if isinstance(result, CallToolResult) else None

        seconds = min(self.declared.timeout, use.seconds)
        with as_tool_errors(self.name):
            endpoint = opened(self.declared, self.secret)
            try:
                result = conversed(endpoint, self.networks, manner, call, seconds=seconds, calls_until=self.calls_until)
            except NotAnswered:
                listings().forget(self._key)
                raise
        if result is None:
            raise ToolFailed(f"{self.name}: it asks for more before it answers, and there is nobody to give it")
        shown = endpoint.scrub.json(_shown(result))
        if result.is_error:
            raise ToolFailed(str(shown.get("text", shown)))
        return dict(shown)


@cache
def _results() -> "TypeAdapter[CallToolResult | InputRequiredResult]":
    """What a call may come to."""
    from mcp_types import CallToolResult, InputRequiredResult  # noqa: PLC0415 - as the SDK

    return TypeAdapter(CallToolResult | InputRequiredResult)


def _scrubbed(tool: "McpTool", scrub: Scrub) -> ServerTool:
    return ServerTool(scrub.text(tool.name), scrub.text(tool.description or ""), scrub.json(tool.input_schema))


def _shown(result: "CallToolResult") -> dict[str, Any]:
    """The texts; what is none is named. Structured content counts where there is no text, which should say the same."""
    if not result.content and result.structured_content is not None:
        return {"structured": result.structured_content}
    return {"text": "\n".join(_text(block.model_dump(mode="json")) for block in result.content)}


def _text(block: Mapping[str, Any]) -> str:
    match block:
        case {"type": "text", "text": text}:
            return str(text)
        case {"type": "resource", "resource": {"text": text}}:
            return str(text)
        case _:
            about = block.get("mime_type") or block.get("uri") or ""
            return f"[{block.get('type')} {str(about)[:200]}, which is not shown]"
