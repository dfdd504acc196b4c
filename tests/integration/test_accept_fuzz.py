"""Whatever bytes come in, reading them answers a request or a refusal, and never raises."""

import base64
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from producers.refusal import Refusal, kept
from producers.request import Request, Requests
from shared.cell import Cell
from shared.contracts.envelope import Envelope
from shared.contracts.kinds import KINDS, Scope
from shared.embedded import Servers
from shared.tenancy.access import Principal
from tests.support import cells

#: Runs that find a new crash within seconds here; each is some 0.2 ms.
FUZZ = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
TYPES = st.sampled_from([f"headgate.job.{kind}" for kind in KINDS]) | TEXT
MOMENTS = st.datetimes().map(lambda moment: moment.isoformat() + "Z") | st.floats(-1e20, 1e20)

#: Nearly right messages: each attribute is right, wrong or missing.
NEARLY = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(Envelope.model_fields, JSON)
    | {
        "specversion": st.just("1.0") | JSON,
        "id": TEXT,
        "source": TEXT,
        "type": TYPES,
        "authorization": TEXT | JSON,
        "tenantid": st.sampled_from(["acme", "other", "platform"]) | JSON,
        "runat": MOMENTS | JSON,
        "replyto": st.sampled_from(["headgate.replies.acme.x", "headgate.jobs"]) | JSON,
        "data": st.fixed_dictionaries(
            {},
            optional={
                "conversation": st.just("c-1") | JSON,
                "message": TEXT,
                "seconds": st.floats() | st.integers(),
                "name": TEXT,
                "text": TEXT | JSON,
                "content": st.binary(max_size=20).map(lambda raw: base64.b64encode(raw).decode()) | JSON,
                "period": st.just("2026-11") | TEXT,
                "knowledge_base": TEXT,
            },
        )
        | JSON,
    },
)

MASTER = Principal("acme", None, frozenset({"*"}), frozenset(Scope))


@dataclass(frozen=True)
class Reader:
    requests: Requests

    def read(self, body: bytes, principal: Principal | None) -> Request | Refusal:
        found = self.requests.read(body, principal)
        if isinstance(found, Refusal):
            assert found.reply_to in (None, "headgate.replies.acme.x")
            orjson.loads(kept(found, "bus"))
        else:
            orjson.dumps(found.job.payload)
        return found


@pytest.fixture(scope="module")
def reader(servers: Servers) -> Iterator[Reader]:
    with tempfile.TemporaryDirectory() as home, cells.test_cell(servers, Path(home), access_cache_seconds=60) as cell:
        for tenant in ("acme", "other"):
            cells.make_tenant(cell, tenant)
        yield Reader(Requests(_remembering(cell), "bus"))


def _remembering(cell: Cell) -> Cell:
    for tenant in ("acme", "other", "platform"):
        cell.tenants.get(tenant)
    return cell


@FUZZ
@given(body=st.binary(max_size=200), known=st.booleans())
@example(body=b"\xef\xbb\xbf{}", known=True)
@example(body=b'{"specversion":"1.0"}', known=True)
def test_any_bytes_are_a_request_or_a_refusal(reader: Reader, body: bytes, known: bool) -> None:
    assert isinstance(reader.read(body, MASTER if known else None), Refusal)


@FUZZ
@given(event=NEARLY)
def test_any_nearly_right_message_is_a_request_or_a_refusal(reader: Reader, event: dict[str, Any]) -> None:
    try:
        body = orjson.dumps(event)
    except (TypeError, orjson.JSONEncodeError):  # an integer that JSON here cannot write
        body = repr(event).encode()
    reader.read(body, MASTER)
    reader.read(body, None)
    reader.read(body[: len(body) // 2], MASTER)


def test_nesting_of_any_depth_is_a_refusal(reader: Reader) -> None:
    right = b'{"specversion":"1.0","id":"a","source":"b","type":"headgate.job.ops.probe","data":{"seconds":%s}}'
    for depth in (10, 254, 255, 1000, 1020, 1025, 50_000):
        assert isinstance(reader.read(right % (b"[" * depth + b"]" * depth), MASTER), Refusal)
        assert isinstance(reader.read(right % (b'{"a":' * depth + b"1" + b"}" * depth), MASTER), Refusal)
