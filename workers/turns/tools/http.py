"""`http_request`: an agent asks an HTTP endpoint that its tenant declared.

The model chooses among the declared endpoints and says what to ask below them. Where that is, by which methods, with
which credential: the tenant has said it, and neither the model nor an answer can say otherwise. A redirect is followed
to where the tenant's agents may go anyway, and there without what was meant for the first place.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from shared.agents.connections import HttpEndpoint
from shared.agents.tools import HTTP_REQUEST
from workers.network.addresses import Network, NotAllowed
from workers.network.bounds import CallsUntil, bounded
from workers.network.client import Onward, Request, Response, fetch, on_the_wire
from workers.network.endpoint import Endpoint, Secret, opened, url_of
from workers.network.urls import Url
from workers.turns.tools.http_answer import shown
from workers.turns.tools.reaching import SPARE, as_tool_errors
from workers.turns.tools.tool import Tool, ToolFailed, ToolRefused, Use

#: Methods that change nothing; whatever is asked by another is sent with the key by which its doubles are known.
SAFE = frozenset({"GET", "HEAD"})

#: What a model can read.
ACCEPT = "application/json, text/*;q=0.9, */*;q=0.1"

#: Bytes of a body that is sent: what a model writes in one call is far less.
MOST_SENT = 262_144

#: Bytes of a result besides the answer's body: status, a few headers, names.
AROUND = 4096

Endpoints = Mapping[str, HttpEndpoint]


def http_tool(endpoints: Endpoints, secret: Secret, networks: Sequence[Network], calls_until: CallsUntil) -> Tool:
    """The tool of one turn, towards these endpoints (at least one)."""
    caller = Caller(endpoints, secret, networks, calls_until)
    return Tool(
        HTTP_REQUEST,
        "Asks an HTTP endpoint.\n" + "\n".join(f"{name}: {one.description}" for name, one in endpoints.items()),
        parameters(endpoints),
        caller.act,
        timeout=max(one.timeout for one in endpoints.values()) + SPARE,
        max_bytes=max(one.max_bytes for one in endpoints.values()) + AROUND,
    )


def parameters(endpoints: Endpoints) -> dict[str, Any]:
    plain = {"type": ["string", "number", "boolean"]}
    methods = sorted({method for one in endpoints.values() for method in one.methods})
    properties = {
        "endpoint": {"enum": list(endpoints)},
        "method": {"enum": methods, "default": "GET" if "GET" in methods else methods[0]},
        "path": {"type": "string", "maxLength": 4096, "description": "Below the endpoint, written plainly."},
        "query": {"type": "object", "additionalProperties": {"anyOf": [plain, {"type": "array", "items": plain}]}},
        "body": {"description": "Sent as JSON."},
    }
    return {"type": "object", "properties": properties, "required": ["endpoint"], "additionalProperties": False}


class Caller:
    """Asks one tenant's endpoints."""

    def __init__(
        self, endpoints: Endpoints, secret: Secret, networks: Sequence[Network], calls_until: CallsUntil
    ) -> None:
        self._endpoints, self._secret, self._networks, self._calls_until = endpoints, secret, networks, calls_until

    def act(self, use: Use, arguments: Mapping[str, Any]) -> dict[str, Any]:
        name = arguments["endpoint"]
        declared = self._endpoints.get(name)
        if declared is None:
            raise ToolRefused(f"there is no endpoint {name!r} here; there are: {', '.join(self._endpoints)}")
        with as_tool_errors(name):
            endpoint = opened(declared, self._secret)
        with as_tool_errors(name, endpoint.scrub):
            request = self._request(use, declared, endpoint, arguments)
            most = declared.max_bytes + endpoint.scrub.longest
            with bounded(min(declared.timeout, use.seconds), self._calls_until, most_bytes=on_the_wire(most)):
                response = fetch(request, self._networks, most=most, onward=self._onward(endpoint))
        return _result(response, endpoint, declared.max_bytes)

    def _request(self, use: Use, declared: HttpEndpoint, endpoint: Endpoint, arguments: Mapping[str, Any]) -> Request:
        method = arguments.get("method") or ("GET" if "GET" in declared.methods else declared.methods[0])
        if method not in declared.methods:
            raise NotAllowed(f"{method} is not among its methods, which are {', '.join(declared.methods)}")
        url = endpoint.url.below(arguments.get("path") or "", arguments.get("query") or {})
        headers = {"accept": ACCEPT, "accept-encoding": "gzip", "content-type": "application/json"} | endpoint.headers
        if method in SAFE:
            if "body" in arguments:
                raise ToolFailed(f"{method} has no body: leave it out, or choose another method")
            return _without_body(Request(method, url, headers))
        body = orjson.dumps(arguments["body"]) if "body" in arguments else b""
        if len(body) > MOST_SENT:
            raise ToolFailed(f"the body is longer than {MOST_SENT:,} bytes: send less")
        return Request(method, url, headers | {"idempotency-key": use.idempotency_key}, body)

    def _onward(self, endpoint: Endpoint) -> Onward:
        """Follows to what is declared; what is the endpoint's own is not sent anywhere but below it."""

        def onward(request: Request, method: str, target: Url) -> Request:
            declared = [one for one in self._endpoints.values() if url_of(one).holds(target)]
            if not any(method in one.methods for one in declared):
                raise NotAllowed(f"the request was made, but its answer leads to {method} {target.host}, not declared")
            own = endpoint.url.holds(target)
            headers = {name: value for name, value in request.headers.items() if own or name not in endpoint.headers}
            went = Request(method, target, headers, request.body)
            return went if method == request.method else _without_body(went)

        return onward


def _without_body(request: Request) -> Request:
    """The same, as what only reads is asked."""
    of_body = {"content-type", "idempotency-key"}
    headers = {name: value for name, value in request.headers.items() if name not in of_body}
    return Request(request.method, request.url, headers)


def _result(response: Response, endpoint: Endpoint, most: int) -> dict[str, Any]:
    body = endpoint.scrub.bytes(response.body)
    cut_off = response.cut_off or len(body) > most
    return {"status": response.status} | shown(response.headers, body[:most], endpoint.scrub, cut_off=cut_off)
