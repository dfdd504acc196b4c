"""What a tenant's agents may reach outside: HTTP endpoints and MCP servers, each declared by name.

A tenant declares them; a model only chooses among them. Secrets are not said here, but named: a credential of the
tenant's own (`shared.tenancy.credentials`).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, LiteralString

from psycopg.types.json import Jsonb
from pydantic import AfterValidator, Field, HttpUrl, StringConstraints, TypeAdapter, UrlConstraints

from shared.agents.configuration import Part, ToolName
from shared.contracts.payloads import Name
from shared.stores.postgres import Connection as Database


def _plain(url: HttpUrl) -> HttpUrl:
    if url.username or url.password or url.query is not None or url.fragment is not None:
        raise ValueError("the URL must have no user, query or fragment: name a credential instead of a user")
    return url


#: Without a user, a query or a fragment; what is asked for lies below it.
Address = Annotated[HttpUrl, UrlConstraints(max_length=2048), AfterValidator(_plain)]

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

#: What says where a request goes and how long it is, and is not the tenant's to say; in lower case.
RESERVED_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def _free(name: str) -> str:
    if name.lower() in RESERVED_HEADERS:
        raise ValueError(f"the header {name} cannot be declared: it is part of how a request is sent")
    return name


#: A tool of a server is called by both names, `__` between them; so it is not within this one, nor begun at its end.
ConnectionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]+(_?[A-Za-z0-9-]+)*$", max_length=32)]

#: As HTTP has names of headers.
Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$"), AfterValidator(_free)]

#: One line of visible characters.
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{0,1024}$")]


class Reached(Part):
    """What both kinds have. The credential is sent in `header`, after `scheme`."""

    url: Address
    credential: Name | None = None
    header: Header = "Authorization"
    scheme: HeaderValue = "Bearer"
    headers: Mapping[Header, HeaderValue] = Field(default_factory=dict, max_length=64)
    timeout: float = Field(10.0, gt=0, le=60, description="Seconds that one call may take.")


class HttpEndpoint(Reached):
    """Reached by the tool `http_request`."""

    kind: Literal["http"] = "http"
    description: str = Field(max_length=1024, description="What the model is told that it is for.")
    methods: Sequence[Method] = Field(("GET",), min_length=1, max_length=16)
    max_bytes: int = Field(65_536, ge=1, le=1_048_576, description="Of an answer; what is longer is cut.")


class McpServer(Reached):
    """Its tools are called `<connection>__<tool>`. Reached by streamable HTTP."""

    kind: Literal["mcp"] = "mcp"
    tools: Sequence[ToolName] | None = Field(
        None, max_length=1024, description="Of its tools, those that agents may have. None: all."
    )


Connection = Annotated[HttpEndpoint | McpServer, Field(discriminator="kind")]
CONNECTION: TypeAdapter[HttpEndpoint | McpServer] = TypeAdapter(Connection)

ALL: LiteralString = "SELECT connection, kind, configuration FROM tenant.connections WHERE tenant_id = %s ORDER BY 1"

PUT = """
INSERT INTO tenant.connections (tenant_id, connection, kind, configuration) VALUES (%s, %s, %s, %s)
ON CONFLICT (tenant_id, connection) DO UPDATE SET kind = excluded.kind, configuration = excluded.configuration,
       saved_at = now()
"""

REMOVE = "DELETE FROM tenant.connections WHERE tenant_id = %s AND NOT connection = ANY(%s)"


def every(database: Database, tenant: str) -> dict[str, HttpEndpoint | McpServer]:
    """The tenant's connections by name."""
    rows: list[dict[str, Any]] = database.execute(ALL, (tenant,)).fetchall()
    return {row["connection"]: CONNECTION.validate_python(row["configuration"]) for row in rows}


def replace(database: Database, tenant: str, connections: Mapping[str, HttpEndpoint | McpServer]) -> None:
    """From now on the tenant has these and no others."""
    database.execute(REMOVE, (tenant, list(connections)))
    for name, connection in connections.items():
        told = Jsonb(connection.model_dump(mode="json"))
        database.execute(PUT, (tenant, name, connection.kind, told))
