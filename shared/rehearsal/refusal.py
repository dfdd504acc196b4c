"""What the server says when it won't answer, in the shape that the `openai` SDK turns into its exceptions."""

from collections.abc import Mapping

import orjson
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from shared.errors import HeadgateError


class Refusal(HeadgateError):  # noqa: N818 - an answer the server gives, not a mistake of its own
    """An error answer: HTTP status, OpenAI's `type`, `code` and `param`, and headers."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": kind, "param": param, "code": code}
        self.headers = dict(headers or {})

    def response(self) -> Response:
        body = orjson.dumps({"error": self.error})
        return Response(body, self.status, self.headers, "application/json")


def malformed(error: ValidationError) -> Refusal:
    """The first thing that is wrong with a body, said by its place."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or None
    return Refusal(400, f"{place or 'body'}: {first['msg']}", param=place, code=first["type"])


def unknown_model(model: str) -> Refusal:
    message = f"The model {model[:100]!r} does not exist here; GET /v1/models lists those that do."
    return Refusal(404, message, code="model_not_found", param="model")


async def on_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - Starlette hands each handler its own class of error
    return error.response()


async def on_http_exception(_: Request, error: Exception) -> Response:
    """Unknown paths and methods, in the same shape as every other error."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    return Refusal(error.status_code, error.detail, headers=error.headers).response()
