"""The same message is the same job, however often it comes; the same id with another body is refused."""

import threading

import orjson
import pytest

from shared.cell import Cell
from shared.contracts.answers import Accepted, Refused
from shared.tenancy.provision import Provisioning
from tests.support.cells import make_tenant
from tests.support.walking import accept, event, finished
from tests.support.workers import workers

TURN = {"conversation": "c-1", "message": "hello"}


def jobs(cell: Cell, tenant: str) -> int:
    with cell.database.transaction(tenant) as connection:
        return len(connection.execute("SELECT FROM tenant.jobs").fetchall())


def changed(body: bytes, **attributes: object) -> bytes:
    return orjson.dumps(orjson.loads(body) | attributes)


def test_the_same_message_five_times_is_one_job(cell: Cell) -> None:
    body = event("agent.turn", TURN, make_tenant(cell, "acme").secret)
    verdicts = [*accept(cell, body, body, body), *accept(cell, body), *accept(cell, body)]
    answers = [verdict.answer for verdict in verdicts]
    assert all(isinstance(answer, Accepted) for answer in answers)
    assert len({answer.id for answer in answers}) == 1
    assert len({answer.data.job for answer in answers if isinstance(answer, Accepted)}) == 1
    assert jobs(cell, "acme") == 1
    assert cell.gate.look()["backlogs"][0]["waiting"] == 1


def test_the_same_message_through_many_doors_at_once_is_one_job(cell: Cell) -> None:
    body = event("agent.turn", TURN, make_tenant(cell, "acme").secret)
    answers: list[Accepted | Refused] = []
    together = threading.Barrier(8)

    def send() -> None:
        together.wait()
        answers.extend(verdict.answer for verdict in accept(cell, body))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.data.job for answer in answers if isinstance(answer, Accepted)}) == 1
    assert len(answers) == 8
    assert jobs(cell, "acme") == 1


@pytest.mark.parametrize(
    "other",
    [
        {"data": {"conversation": "c-1", "message": "something else"}},
        {"type": "headgate.job.ops.probe", "data": {}},
        {"priority": 1},
        {"orderingkey": "k"},
        {"runat": "2026-12-01T00:00:00Z"},
    ],
    ids=repr,
)
def test_the_same_id_with_another_body_is_refused(cell: Cell, other: dict[str, object]) -> None:
    body = event("agent.turn", TURN, make_tenant(cell, "acme").secret)
    first, second = (verdict.answer for verdict in accept(cell, body, changed(body, **other)))
    (third,) = (verdict.answer for verdict in accept(cell, changed(body, **other)))
    assert isinstance(first, Accepted)
    for answer in (second, third):
        assert isinstance(answer, Refused)
        assert answer.data.reason == "id_conflict"
        assert not answer.data.passing


def test_the_same_message_with_another_replyto_or_time_is_the_same_job(cell: Cell) -> None:
    """Asked again from elsewhere, the state is told to the new address; what makes the job has not changed."""
    body = event("agent.turn", TURN, make_tenant(cell, "acme").secret)
    again = changed(body, replyto="headgate.replies.acme.elsewhere", time="2026-11-22T10:00:00Z")
    (first,), (second,) = accept(cell, body), accept(cell, again)
    assert isinstance(first.answer, Accepted)
    assert isinstance(second.answer, Accepted)
    assert second.answer.data.job == first.answer.data.job
    assert second.reply_to == "headgate.replies.acme.elsewhere"


def test_one_id_of_two_tenants_or_two_sources_is_two_jobs(cell: Cell) -> None:
    acme, other = make_tenant(cell, "acme"), make_tenant(cell, "other")
    bodies = [
        event("agent.turn", TURN, acme.secret, id="same"),
        event("agent.turn", TURN, other.secret, id="same"),
        event("agent.turn", TURN, acme.secret, id="same", source="/elsewhere"),
    ]
    answers = [verdict.answer for verdict in accept(cell, *bodies)]
    assert len({answer.data.job for answer in answers if isinstance(answer, Accepted)}) == 3


def test_a_message_that_comes_again_after_the_end_is_told_the_end(cell: Cell) -> None:
    body = event("ops.probe", {}, make_tenant(cell, "acme").secret)
    (verdict,) = accept(cell, body)
    assert isinstance(verdict.answer, Accepted)
    with workers(cell, ["ops.pro"]):
        finished(cell, "acme", str(verdict.answer.data.job))
    (again,) = accept(cell, body)
    assert isinstance(again.answer, Accepted)
    assert again.answer.data.state == "done"
    assert not any(backlog["waiting"] for backlog in list(cell.gate.look()["backlogs"]))


def test_a_known_message_is_answered_though_the_backlog_is_full(cell: Cell) -> None:
    key = make_tenant(cell, "acme", backlog=2).secret
    bodies = [event("agent.turn", TURN, key) for _ in range(3)]
    accepted = [type(verdict.answer) for verdict in accept(cell, *bodies)]
    assert accepted == [Accepted, Accepted, Refused]
    answers = [verdict.answer for verdict in accept(cell, *bodies)]
    assert [type(answer) for answer in answers] == [Accepted, Accepted, Refused]
    assert isinstance(answers[2], Refused)
    assert (answers[2].data.reason, answers[2].data.passing) == ("backlog_full", True)


def test_messages_of_a_tenant_are_accepted_in_their_order(cell: Cell) -> None:
    acme, other = make_tenant(cell, "acme"), make_tenant(cell, "other")
    mixed = [
        event("agent.turn", TURN, (acme if number % 3 else other).secret, id=f"{number:03}") for number in range(60)
    ]
    accept(cell, *mixed[:40])
    accept(cell, *mixed[40:])
    for tenant in ("acme", "other"):
        with cell.database.transaction(tenant) as connection:
            rows = connection.execute("SELECT event_id FROM tenant.jobs ORDER BY seq").fetchall()
        assert [row["event_id"] for row in rows] == sorted(row["event_id"] for row in rows)


def test_a_key_made_anew_sends_the_same_message_to_the_same_job(cell: Cell) -> None:
    """The key is not part of the job: a sender may change keys between two attempts."""
    body = event("agent.turn", TURN, make_tenant(cell, "acme").secret)
    fresh = Provisioning(cell.admin).create_key(tenant="acme", scopes=["turns:submit"])
    accept(cell, body)
    (verdict,) = accept(cell, changed(body, authorization=fresh.secret))
    assert isinstance(verdict.answer, Accepted)
    assert jobs(cell, "acme") == 1
