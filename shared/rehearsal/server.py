"""The routes of OpenAI's API that the rehearsal model answers."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from shared.rehearsal import tokens
from shared.rehearsal.chat import Reply, reply
from shared.rehearsal.completion import CREATED, chunks, completion
from shared.rehearsal.control import control_routes
from shared.rehearsal.delivery import Answer
from shared.rehearsal.embedding import embeddings
from shared.rehearsal.model import Draw, RehearsalModel, answer_key
from shared.rehearsal.refusal import Refusal, on_http_exception, on_refusal, unknown_model
from shared.rehearsal.requests import ChatRequest, EmbeddingRequest, parse, read

CHAT_MODEL = "rehearsal-1"
EMBEDDING_MODEL = "rehearsal-embed"


class Server:
    """One handler for each path of the API."""

    def __init__(self, model: RehearsalModel) -> None:
        self._model = model

    def app(self) -> Starlette:
        routes = [
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/embeddings", self.embed, methods=["POST"]),
            Route("/v1/models", self.models),
            *control_routes(self._model),
        ]
        handlers = {Refusal: on_refusal, HTTPException: on_http_exception, ClientDisconnect: _on_half_a_request}
        return Starlette(routes=routes, exception_handlers=handlers)

    async def chat(self, request: Request) -> ASGIApp:
        body = await read(request)
        self._model.keep(body)
        asked = parse(ChatRequest, body)
        if asked.model != CHAT_MODEL:
            raise unknown_model(asked.model)
        said = reply(asked, self._model.settings)
        draw = Draw(asked.model, asked.question, said.input_tokens, said.output_tokens)
        return self._model.serve(request, draw, lambda: self._chat_answer(asked, said, answer_key(body)))

    def _chat_answer(self, asked: ChatRequest, said: Reply, key: str) -> Answer:
        if not asked.stream:
            return Answer([completion(said, asked.model, key)], "application/json")
        size = self._model.settings.chunk_tokens
        usage = bool(asked.stream_options and asked.stream_options.include_usage)
        events = list(chunks(said, asked.model, key, chunk_tokens=size, include_usage=usage))
        return Answer(events, "text/event-stream", self._model.settings.seconds_per_token * size, stream=True)

    async def embed(self, request: Request) -> ASGIApp:
        body = await read(request)
        self._model.keep(body)
        asked = parse(EmbeddingRequest, body)
        if asked.model != EMBEDDING_MODEL:
            raise unknown_model(asked.model)
        fixed = self._model.settings.input_tokens
        cost = sum(map(tokens.count, asked.texts)) if fixed is None else fixed
        draw = Draw(asked.model, asked.texts[0], cost, 0)
        return self._model.serve(request, draw, lambda: Answer([embeddings(asked, cost)], "application/json"))

    async def models(self, _: Request) -> Response:
        listed = [
            {"id": name, "object": "model", "created": CREATED, "owned_by": "headgate"}
            for name in (CHAT_MODEL, EMBEDDING_MODEL)
        ]
        return JSONResponse({"object": "list", "data": listed})


async def _on_half_a_request(_: Request, __: Exception) -> Response:
    """The client left while it was still asking: nothing was served, and nobody is there to be told."""
    return Response(status_code=400)
