"""Each way a message can be wrong: refused for its own reason, kept, counted, and answered only where it may be."""

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from prometheus_client import REGISTRY

from producers.accept import Verdict
from shared import clock
from shared.cell import Cell
from shared.contracts.answers import Accepted, Refused
from shared.embedded import Servers
from shared.tenancy.provision import Provisioning
from tests.support import cells
from tests.support.walking import accept, event

TURN = {"conversation": "c-1", "message": "hello"}

KEY = re.compile(rb"hg_\w")


@dataclass(frozen=True)
class Desk:
    """A cell with two tenants, one of them suspended, two services and keys of every sort."""

    cell: Cell
    key: str
    suspended: str
    service: str
    everyone: str
    narrow: str
    expired: str
    revoked: str

    def judge(self, body: bytes) -> Verdict:
        (verdict,) = accept(self.cell, body)
        return verdict


@pytest.fixture(scope="module")
def desk(servers: Servers) -> Iterator[Desk]:
    with tempfile.TemporaryDirectory() as home, cells.test_cell(servers, Path(home)) as cell:
        provisioning = Provisioning(cell.admin)
        acme, sleepy = cells.make_tenant(cell, "acme"), cells.make_tenant(cell, "sleepy")
        cells.make_tenant(cell, "other")
        provisioning.change_tenant("sleepy", status="suspended")
        revoked = provisioning.create_key(tenant="acme", scopes=cells.SCOPES)
        provisioning.revoke_key(revoked.key_id)
        past = clock.now() - timedelta(seconds=1)
        yield Desk(
            cell=cell,
            key=acme.secret,
            suspended=sleepy.secret,
            service=provisioning.create_key(service="crm", acts_for=["acme"], scopes=cells.SCOPES).secret,
            everyone=provisioning.create_key(service="ops", acts_for=["*"], scopes=cells.SCOPES).secret,
            narrow=provisioning.create_key(tenant="acme", scopes=["knowledge:write"]).secret,
            expired=provisioning.create_key(tenant="acme", scopes=cells.SCOPES, expires_at=past).secret,
            revoked=revoked.secret,
        )


def counted(reason: str) -> float:
    return REGISTRY.get_sample_value("headgate_messages_refused_total", {"door": "bus", "reason": reason}) or 0.0


def refused(desk: Desk, body: bytes, reason: str) -> Refused:
    """The refusal of this body, after looking that it was counted and kept."""
    before = counted(reason)
    verdict = desk.judge(body)
    assert isinstance(verdict.answer, Refused), verdict.answer
    assert verdict.answer.data.reason == reason, verdict.answer
    assert "\n" not in verdict.answer.data.message
    assert counted(reason) == before + 1
    record = orjson.loads(verdict.kept or b"")
    assert (record["reason"], record["bytes"], record["door"]) == (reason, len(body), "bus")
    assert not KEY.search(verdict.kept or b"")
    return verdict.answer


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\x00\xff\xfe\x80 not even text",
        b"{",
        b"[]",
        b"null",
        b'"a string"',
        b"NaN",
        b'{"specversion": "1.0", "id": 1e999}',
        b'{"id": "\\ud800 alone"}',
        b"[" * 100_000,
        b'{"data":' * 5_000 + b"1" + b"}" * 5_000,
        b"\x28\xb5\x2f\xfd\x04\x00",  # the beginning of a zstandard frame
    ],
    ids=lambda garbage: repr(garbage[:12]),
)
def test_garbage_is_malformed_and_answered_to_nobody(desk: Desk, garbage: bytes) -> None:
    refused(desk, garbage, "malformed")
    assert desk.judge(garbage).reply_to is None


@pytest.mark.parametrize(
    ("reason", "attributes"),
    [
        ("unsupported_version", {"specversion": "0.3"}),
        ("unsupported_version", {"specversion": 1.0}),
        ("unsupported_version", {"specversion": None}),
        ("unknown_type", {"type": "headgate.job.agent.twirl"}),
        ("unknown_type", {"type": "com.example.created"}),
        ("unknown_type", {"type": "headgate.job."}),
        ("malformed", {"type": "headgate.job.agent.turn\x00"}),
        ("malformed", {"id": ""}),
        ("malformed", {"id": "x" * 257}),
        ("malformed", {"id": {"$ne": 1}}),
        ("malformed", {"source": "two\nlines"}),
        ("malformed", {"data": [1, 2]}),
        ("malformed", {"data": None}),
        ("malformed", {"datacontenttype": "application/xml"}),
        ("malformed", {"priority": 12345678901234567890123}),
        ("malformed", {"priority": -1}),
        ("malformed", {"priority": 2.5}),
        ("malformed", {"runat": "tomorrow"}),
        ("malformed", {"runat": "2027-01-01T00:00:00"}),
        ("malformed", {"tenantid": "../acme"}),
        ("malformed", {"orderingkey": ""}),
        ("malformed", {"data": {"conversation": "c-1", "message": "NUL \x00 inside"}}),
        ("malformed", {"data": {"conversation": "c-1", "message": "x", "NUL \x00 in a name": 1}}),
        ("forbidden", {"tenantid": "other"}),
        ("forbidden", {"tenantid": "nobody-at-all"}),
        ("forbidden", {"tenantids": ["acme"]}),
        ("forbidden", {"type": "headgate.job.billing.export", "data": {"period": "2026-11"}}),
        ("invalid_payload", {"data": {}}),
        ("invalid_payload", {"data": {"conversation": "c-1", "message": ""}}),
        ("invalid_payload", {"data": {"conversation": "c-1", "message": 5}}),
        ("invalid_payload", {"data": {"conversation": "c 1;--", "message": "x"}}),
        ("invalid_payload", {"data": {**TURN, "extra": True}}),
        ("invalid_payload", {"data": {**TURN, "message": "x" * 32_769}}),
        ("invalid_payload", {"type": "headgate.job.ops.probe", "data": {"seconds": 10**300}}),
        ("invalid_payload", {"type": "headgate.job.knowledge.ingest", "data": {"name": "a", "content": "a"}}),
        ("invalid_payload", {"type": "headgate.job.knowledge.ingest", "data": {"name": "neither"}}),
    ],
    ids=repr,
)
def test_a_caller_with_a_good_key_is_told_what_is_wrong(desk: Desk, reason: str, attributes: dict[str, Any]) -> None:
    own = "headgate.replies.acme.inbox"
    right: dict[str, Any] = json.loads(event("agent.turn", TURN, desk.key, id="m-1", replyto=own))
    body = json.dumps(right | attributes).encode()
    answer = refused(desk, body, reason)
    assert desk.judge(body).reply_to == own
    if "id" not in attributes:
        assert answer.subject == "m-1"


@pytest.mark.parametrize("key", ["expired", "revoked", "unknown", "foreign", "none", "number", "long"])
def test_a_caller_without_a_good_key_is_kept_and_never_answered(desk: Desk, key: str) -> None:
    keys: dict[str, Any] = {
        "unknown": "hg_" + "x" * 43,
        "foreign": "sk-live-somebody-elses",
        "none": None,
        "number": 7,
        "long": desk.key + "x" * 5000,
    }
    told = keys[key] if key in keys else getattr(desk, key)
    body = event("agent.turn", TURN, told, replyto="headgate.replies.acme.inbox")
    refused(desk, body, "unauthenticated")
    assert desk.judge(body).reply_to is None


@pytest.mark.parametrize(
    "forged",
    [
        "turns.pro",
        "headgate.jobs",
        "headgate.refused",
        "headgate.replies.other.inbox",
        "headgate.replies.acme",
        "headgate.replies.acme.",
        "headgate.replies.acme.in.box",
        "headgate.replies.acme.inbox\n",
        "headgate.replies..inbox",
        "HEADGATE.REPLIES.acme.inbox",
        "headgate.replies.acme.inbox/../../headgate.jobs",
        "_kombu.binding.turns.pro",
        ["headgate.replies.acme.inbox"],
        7,
    ],
    ids=repr,
)
def test_a_forged_replyto_is_refused_and_nothing_is_sent_there(desk: Desk, forged: Any) -> None:
    body = event("agent.turn", TURN, desk.key, replyto=forged)
    refused(desk, body, "bad_replyto")
    assert desk.judge(body).reply_to is None


def test_an_oversized_message_is_refused_unread(desk: Desk) -> None:
    bound = desk.cell.settings.envelope_bytes
    body = event("knowledge.ingest", {"name": "a", "text": "x" * bound}, desk.key, replyto="headgate.replies.acme.x")
    answer = refused(desk, body, "oversized")
    assert str(bound) in answer.data.message
    verdict = desk.judge(body)
    assert verdict.reply_to is None
    assert len(verdict.kept or b"") < 10_000


@pytest.mark.parametrize(
    "data", [TURN | {"x" * 200_000: 1}, TURN | {"userContext": {"\x01" * 40_000: {"a": {"b": 1}}}}]
)
def test_a_name_that_is_long_is_not_kept_a_second_time_in_what_is_said_of_it(desk: Desk, data: dict[str, Any]) -> None:
    """Ten thousand refusals are kept, in a memory that all tenants share."""
    body = event("agent.turn", data, desk.key)
    assert len(refused(desk, body, "invalid_payload").data.message) < 2_000
    assert len(desk.judge(body).kept or b"") < 30_000


def test_a_service_names_a_tenant_it_may_act_for(desk: Desk) -> None:
    for attributes in ({}, {"tenantid": "other"}, {"tenantid": None}, {"tenantid": "nobody-at-all"}):
        refused(desk, event("agent.turn", TURN, desk.service, **attributes), "forbidden")
    refused(desk, event("agent.turn", TURN, desk.everyone, tenantid="nobody-at-all"), "forbidden")
    accepted = desk.judge(event("agent.turn", TURN, desk.service, tenantid="acme")).answer
    assert isinstance(accepted, Accepted)
    assert accepted.tenantid == "acme"


def test_a_key_without_the_scope_is_forbidden(desk: Desk) -> None:
    assert "turns:submit" in refused(desk, event("agent.turn", TURN, desk.narrow), "forbidden").data.message


def test_a_suspended_tenant_is_told_to_come_again(desk: Desk) -> None:
    answer = refused(desk, event("agent.turn", TURN, desk.suspended), "suspended")
    assert answer.data.passing


@pytest.mark.parametrize("named", [None, ["acme"], ["acme", "other"]])
def test_a_platform_kind_is_forbidden_to_a_tenant_even_with_its_scope(desk: Desk, named: list[str] | None) -> None:
    key = Provisioning(desk.cell.admin).create_key(tenant="acme", scopes=["billing:export"]).secret
    data = {"period": "2026-11"}
    refused(desk, event("billing.export", data, key, tenantids=named), "forbidden")


def test_a_service_exports_only_for_the_tenants_it_may_act_for(desk: Desk) -> None:
    key = Provisioning(desk.cell.admin).create_key(service="bills", acts_for=["acme"], scopes=["billing:export"]).secret
    sly = {"period": "2026-11", "tenants": ["other"]}
    refused(desk, event("billing.export", sly, key), "forbidden")
    refused(desk, event("billing.export", sly, key, tenantids=["acme", "other"]), "forbidden")
    verdict = desk.judge(event("billing.export", sly, key, tenantids=["acme"]))
    assert isinstance(verdict.answer, Accepted)
    with desk.cell.database.transaction("platform") as connection:
        (row,) = connection.execute("SELECT payload FROM tenant.jobs").fetchall()
    assert row["payload"]["tenants"] == ["acme"]


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z"])
def test_a_moment_that_no_clock_can_hold_is_malformed_and_stops_no_rebuild(desk: Desk, moment: str) -> None:
    refused(desk, event("agent.turn", TURN, desk.key, runat=moment), "malformed")
    desk.cell.redis.flushall()
    assert desk.cell.rebuilder.rebuild() is not None


def test_bad_messages_in_a_batch_cost_only_themselves(desk: Desk) -> None:
    good = [event("agent.turn", TURN, desk.key) for _ in range(3)]
    verdicts = accept(desk.cell, good[0], b"\xff", good[1], b"[]", event("agent.turn", {}, desk.key), good[2])
    kinds = [type(verdict.answer) for verdict in verdicts]
    assert kinds == [Accepted, Refused, Accepted, Refused, Refused, Accepted]


def test_a_message_the_database_cannot_store_is_refused_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """No reader is perfect: were it to let NUL pass, the ledger's own refusal costs that message only."""
    monkeypatch.setattr("producers.request.strings_of", lambda _: ())
    good = event("agent.turn", TURN, desk.key)
    bad = event("agent.turn", {"conversation": "c-1", "message": "\x00"}, desk.key)
    first, second = accept(desk.cell, bad, good)
    assert isinstance(first.answer, Refused)
    assert first.answer.data.reason == "unprocessable"
    assert isinstance(second.answer, Accepted)
