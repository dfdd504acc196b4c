"""What the server is asked: the parts of OpenAI's requests that it heeds. Everything else is let pass unread."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.requests import Request

from shared.rehearsal.refusal import Refusal, malformed

#: Largest body that is read, in bytes: a full embedding request (2,048 passages of 4,000 characters) fits twice.
BODY_BYTES = 16 * 1024 * 1024

#: Texts in one embedding request; OpenAI's own bound.
EMBEDDING_INPUTS = 2048

Text = Annotated[str, StringConstraints(min_length=1)]


class Asked(BaseModel):
    model_config = ConfigDict(frozen=True)


class Part(Asked):
    text: str = ""


class Function(Asked):
    name: str = ""
    arguments: str = ""


class ToolCall(Asked):
    function: Function = Function()


class Message(Asked):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    tool_calls: list[ToolCall] | None = None

    @property
    def text(self) -> str:
        """The words of the message; pictures and sounds have none."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class Tool(Asked):
    model_config = ConfigDict(frozen=True, extra="allow")
    function: dict[str, Any] = {}


class StreamOptions(Asked):
    include_usage: bool = False


class ChatRequest(Asked):
    model: str
    messages: Annotated[list[Message], Field(min_length=1)]
    tools: list[Tool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    n: Literal[1] | None = None

    @property
    def most_tokens(self) -> int | None:
        """The most tokens the answer may have; none: no bound."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def question(self) -> str:
        """What the user said last."""
        return next((message.text for message in reversed(self.messages) if message.role == "user"), "")


class EmbeddingRequest(Asked):
    model: str
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=EMBEDDING_INPUTS)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=8, le=4096)] | None = None

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input


AskedT = TypeVar("AskedT", bound=BaseModel)


def parse(kind: type[AskedT], body: bytes) -> AskedT:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise malformed(error) from error


async def read(request: Request) -> bytes:
    """The whole body. One that is too large is still drained, so that its sender lives to read the refusal."""
    kept, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= BODY_BYTES:
            kept.append(chunk)
    if size > BODY_BYTES:
        raise Refusal(413, f"The body has {size:,} bytes; send at most {BODY_BYTES:,}.", code="body_too_large")
    return b"".join(kept)


def api_key(request: Request) -> str:
    """The bearer token: any will do, but there must be one, since served calls are counted by it."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Refusal(401, "Send an API key: 'Authorization: Bearer KEY'; any key will do.", code="invalid_api_key")
    return key.strip()
