"""The operator's side door: settings while the model runs, and its books."""

from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.rehearsal.model import RehearsalModel
from shared.rehearsal.refusal import malformed
from shared.rehearsal.requests import read

_CHANGES: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


class Control:
    """One handler for each path; all answers are JSON."""

    def __init__(self, model: RehearsalModel) -> None:
        self._model = model

    async def settings(self, _: Request) -> Response:
        """The settings, and how often each fault has struck."""
        return _json({"settings": self._model.settings.model_dump(), "struck": self._model.faults.struck})

    async def change(self, request: Request) -> Response:
        """Replace the settings that are named; the others stay. Faults begin to count anew."""
        try:
            changes = _CHANGES.validate_json(await read(request))
            self._model.set(self._model.settings.changed(changes))
        except ValidationError as error:
            raise malformed(error) from error
        return await self.settings(request)

    async def log(self, request: Request) -> Response:
        return _json({"served": self._model.log.entries(request.query_params.get("api_key"))})

    async def lookup(self, request: Request) -> Response:
        """The calls served under a client request id: an empty list says that none was, and none will be."""
        return _json({"served": self._model.log.lookup(request.path_params["request_id"])})

    async def requests(self, _: Request) -> Response:
        """The bodies that were kept, in order."""
        return _json({"requests": [body.decode(errors="replace") for body in self._model.requests]})

    async def totals(self, _: Request) -> Response:
        return _json({"totals": self._model.log.totals()})

    async def clear(self, _: Request) -> Response:
        self._model.log.clear()
        self._model.requests.clear()
        return Response(status_code=204)


def control_routes(model: RehearsalModel) -> list[Route]:
    control = Control(model)
    return [
        Route("/rehearsal/settings", control.settings, methods=["GET"]),
        Route("/rehearsal/settings", control.change, methods=["PUT"]),
        Route("/rehearsal/log", control.log, methods=["GET"]),
        Route("/rehearsal/log", control.clear, methods=["DELETE"]),
        Route("/rehearsal/log/{request_id:path}", control.lookup, methods=["GET"]),
        Route("/rehearsal/requests", control.requests, methods=["GET"]),
        Route("/rehearsal/totals", control.totals, methods=["GET"]),
    ]


def _json(body: Any) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
