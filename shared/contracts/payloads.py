"""What each kind of job is asked with: the payloads, as the doors check them and as the rooms see them."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

#: Names of things a tenant makes (agents, conversations, knowledge bases): short, printable, safe in a log line.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$")]


#: Up to here every reader of JSON reads a number alike (RFC 8259, 6). Postgres writes larger ones out, digit by digit,
#: and what came as 1e30 would come back as an integer that other readers do not take.
GREATEST = 2**53 - 1
Bounds = Field(ge=-GREATEST, le=GREATEST)

#: Names and values of what a caller tells of a user: bounded, since all of it is shown to the model.
UserContext = Annotated[
    Mapping[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")],
        Annotated[str, StringConstraints(max_length=2048)] | bool | Annotated[int, Bounds] | Annotated[float, Bounds],
    ],
    Field(max_length=64),
]


def _decoded(text: object) -> object:
    """Base64 as RFC 4648 has it: pydantic's own type passes over whatever is no base64."""
    if not isinstance(text, str):
        return text
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError(f"not base64: {error}") from error


#: Bytes, in base64 where they are JSON.
Base64 = Annotated[
    bytes,
    BeforeValidator(_decoded),
    PlainSerializer(lambda content: b64encode(content).decode(), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]


class Payload(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, serialize_by_alias=True)

    @property
    def ordering_key(self) -> str | None:
        """What a job of this kind is ordered by, where its sender does not say."""
        return None

    @property
    def streamed(self) -> bool:
        """Whether its events, the end among them, are told on a stream (`shared.contracts.events`)."""
        return False


class AgentTurn(Payload):
    """One message of a user to an agent, and the agent's answer to it."""

    conversation: Name = Field(description="The conversation this turn belongs to; begun if it does not exist.")
    message: str = Field(min_length=1, max_length=32_768, description="What the user says, in characters.")
    agent: Name = Field("default", description="Which of the tenant's agents answers.")
    user_identifier: str | None = Field(
        None, alias="userIdentifier", min_length=1, max_length=256, description="Who the user is, as the caller knows."
    )
    user_context: UserContext = Field(
        default_factory=dict, alias="userContext", description="What the agent is told of the user, by the caller."
    )
    stream: bool = Field(default=False, description="Whether words and events are told as they come, on a stream.")

    @property
    def ordering_key(self) -> str:
        """Turns of a conversation run one after the other."""
        return f"conversation/{self.conversation}"

    @property
    def streamed(self) -> bool:
        return self.stream


class KnowledgeIngest(Payload):
    """One document for a knowledge base: as text, or as bytes in base64."""

    name: str = Field(min_length=1, max_length=512, description="Names the document; new content replaces old.")
    text: str | None = Field(None, description="The document, where it is text.")
    content: Base64 | None = Field(None, description="The document in base64, where it is not (PDF).")
    media_type: str = Field("text/plain", max_length=128, description="text/plain, text/markdown, text/html, …/pdf.")
    knowledge_base: Name = "default"

    @model_validator(mode="after")
    def _has_one_body(self) -> Self:
        if (self.text is None) == (self.content is None):
            raise ValueError("give the document either as `text` or, in base64, as `content`")
        return self

    @property
    def body(self) -> bytes:
        return self.content if self.content is not None else (self.text or "").encode()


class KnowledgeEmbed(Payload):
    """Embed whatever waits in a knowledge base, in full batches."""

    knowledge_base: Name = "default"


class AboutTenants(Payload):
    """What is asked about the tenants named in the envelope, or about all."""

    tenants: tuple[str, ...] | None = Field(None, description="Set from the envelope's `tenantids`; none: all.")


class BillingExport(AboutTenants):
    """Write the usage of a calendar month (UTC), for the tenants named in the envelope or for all."""

    period: str = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="The month, as YYYY-MM.")
    format: Literal["csv"] = "csv"


class BillingReconcile(AboutTenants):
    """Ask the provider's log what calls drew whose answers were lost, and put their records right."""


class Probe(Payload):
    """A job that holds its slot for a while and does nothing: shows that the whole way is open."""

    seconds: float = Field(0.0, ge=0, le=60)
