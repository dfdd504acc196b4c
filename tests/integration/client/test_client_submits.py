"""Submitting: until accepted, or refused for good, or nobody knows."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from producers.client import Invalid, Job, Refused, Submission, Unconfirmed
from shared.bus.names import NAMES
from shared.cell import Cell
from shared.contracts.answers import Reason
from shared.contracts.kinds import UnknownKind
from shared.tenancy.provision import Provisioning
from tests.integration.bus.servers import Valkey
from tests.integration.client.bus import Bus, accepted
from tests.support.cells import make_tenant
from tests.support.doors import door
from tests.support.walking import job as row
from tests.support.workers import eventually


def jobs(cell: Cell, tenant: str) -> int:
    with cell.database.transaction(tenant) as connection:
        return len(connection.execute("SELECT FROM tenant.jobs").fetchall())


def test_a_submitted_job_is_in_the_ledger_as_it_was_asked_for(cell: Cell, bus: Bus) -> None:
    with door(cell, bus.url, bus.names), bus.client() as headgate:
        job = headgate.submit("ops.probe", {"seconds": 0}, id="m-1", ordering_key="c-1", priority=2)
    stored = row(cell, bus.tenant, str(job.id))
    assert (stored["event_id"], stored["source"], stored["kind"]) == ("m-1", "/tests", "ops.probe")
    assert (stored["ordering_key"], stored["priority"], stored["payload"]) == ("c-1", 2, {"seconds": 0.0})
    assert (job.event_id, job.tenant, job.state) == ("m-1", bus.tenant, "waiting")


def test_a_job_submitted_while_no_door_is_there_is_accepted_once_when_it_comes(cell: Cell, bus: Bus) -> None:
    with bus.client() as headgate, ThreadPoolExecutor(1) as pool:
        submitting = pool.submit(headgate.submit, "ops.probe", {}, id="m-1")
        eventually(lambda: bus.depth() >= 2, "the message was sent again")
        assert not submitting.done()
        with door(cell, bus.url, bus.names):
            assert submitting.result(timeout=30).event_id == "m-1"
            eventually(lambda: bus.depth() == 0, "the door has taken every copy")
    assert jobs(cell, bus.tenant) == 1


def test_a_job_nobody_accepts_in_time_is_neither_accepted_nor_refused(bus: Bus) -> None:
    with bus.client() as headgate, pytest.raises(Unconfirmed, match=r"'m-1' may or may not be .* same id") as e:
        headgate.submit("ops.probe", {}, id="m-1", timeout=0.3)
    assert e.value.id == "m-1"


def test_a_job_submitted_across_a_restart_of_the_broker_is_accepted_once(cell: Cell, tmp_path: Path) -> None:
    acme, server = make_tenant(cell, "acme"), Valkey(tmp_path)
    bus = Bus(f"redis://127.0.0.1:{server.port}/0", NAMES, acme)
    try:
        with door(cell, bus.url), bus.client() as headgate, ThreadPoolExecutor(1) as pool:
            first = headgate.submit("ops.probe", {}, id="m-1")
            server.kill()
            submitting = pool.submit(headgate.submit, "ops.probe", {}, id="m-2")
            with pytest.raises(TimeoutError):
                submitting.result(timeout=0.5)
            server.start()
            assert submitting.result(timeout=30).id != first.id
            assert headgate.submit("ops.probe", {}, id="m-1").id == first.id
    finally:
        server.kill()
    assert jobs(cell, "acme") == 2


def test_a_bus_that_stays_away_is_named_in_the_error(bus: Bus, tmp_path: Path) -> None:
    server = Valkey(tmp_path)
    server.kill()
    away = Bus(f"redis://127.0.0.1:{server.port}/0", bus.names, bus.key)
    with away.client() as headgate, pytest.raises(Unconfirmed, match=f"127.0.0.1:{server.port}"):
        headgate.submit("ops.probe", {}, timeout=0.6)


@pytest.mark.parametrize(
    ("submission", "reason"),
    [
        (Submission("ops.probe", {}, tenant="other"), Reason.FORBIDDEN),
        (Submission("billing.export", {"period": "2026-01"}), Reason.FORBIDDEN),
        (Submission("agent.turn", {"conversation": "c", "message": "\0"}), Reason.MALFORMED),
        (Submission("ops.probe", {"seconds": 1}, id="taken"), Reason.ID_CONFLICT),
    ],
)
def test_a_job_refused_for_good_has_the_reason(cell: Cell, bus: Bus, submission: Submission, reason: Reason) -> None:
    with door(cell, bus.url, bus.names), bus.client("earlier") as earlier, bus.client() as headgate:
        earlier.submit("ops.probe", {}, id="taken")  # were it the same client, this one's answers could be the other's
        (refused,) = headgate.submit_many([submission])
    assert isinstance(refused, Refused)
    assert refused.reason is reason
    assert refused.message


def test_a_refused_job_is_an_error_for_whoever_submits_it(cell: Cell, bus: Bus) -> None:
    with door(cell, bus.url, bus.names), bus.client() as headgate, pytest.raises(Refused, match="forbidden: this key"):
        headgate.submit("ops.probe", {}, tenant="other")


def test_a_job_refused_for_a_while_is_sent_again_until_it_is_accepted(cell: Cell, bus: Bus) -> None:
    provisioning = Provisioning(cell.admin)
    provisioning.change_tenant(bus.tenant, status="suspended")
    with door(cell, bus.url, bus.names), bus.client() as headgate, ThreadPoolExecutor(1) as pool:
        submitting = pool.submit(headgate.submit, "ops.probe", {})
        transport = bus.transport()
        eventually(lambda: transport.refused(10), "the job was refused")
        transport.close()
        provisioning.change_tenant(bus.tenant, status="active")
        assert submitting.result(timeout=30).state == "waiting"
    assert jobs(cell, bus.tenant) == 1


def test_a_refusal_that_lasts_is_told_when_the_time_is_over(cell: Cell, bus: Bus) -> None:
    Provisioning(cell.admin).change_tenant(bus.tenant, status="suspended")
    with (
        door(cell, bus.url, bus.names),
        bus.client() as headgate,
        pytest.raises(Unconfirmed, match="suspended: tenant"),
    ):
        headgate.submit("ops.probe", {}, timeout=1.5)


def test_the_same_id_submitted_again_is_the_same_job(cell: Cell, bus: Bus) -> None:
    with door(cell, bus.url, bus.names), bus.client() as headgate, bus.client("other") as other:
        first = headgate.submit("ops.probe", {}, id="m-1")
        assert headgate.submit("ops.probe", {}, id="m-1").id == first.id
        assert other.submit("ops.probe", {}, id="m-1").id == first.id
    assert jobs(cell, bus.tenant) == 1


def test_many_jobs_submitted_together_each_have_their_outcome_in_order(cell: Cell, bus: Bus) -> None:
    asked = [Submission("ops.probe", {}, id=f"m-{number}") for number in range(300)]
    asked[7] = Submission("ops.probe", {}, tenant="other", id="m-7")
    with door(cell, bus.url, bus.names), bus.client() as headgate:
        outcomes = headgate.submit_many(asked)
    refused = outcomes.pop(7)
    assert isinstance(refused, Refused)
    assert [job.event_id for job in outcomes if isinstance(job, Job)] == [f"m-{n}" for n in range(300) if n != 7]
    assert jobs(cell, bus.tenant) == 299


def test_a_service_may_use_one_id_for_two_tenants(cell: Cell, bus: Bus) -> None:
    make_tenant(cell, "beta")
    service = Provisioning(cell.admin).create_key(service=f"s-{bus.tenant}"[:60], acts_for=["*"], scopes=["ops:submit"])
    of_service = Bus(bus.url, bus.names, service)
    with door(cell, bus.url, bus.names), of_service.client() as headgate:
        first = headgate.submit("ops.probe", {}, id="m-1", tenant=bus.tenant)
        second = headgate.submit("ops.probe", {}, id="m-1", tenant="beta")
    assert (first.tenant, second.tenant) == (bus.tenant, "beta")
    assert first.id != second.id


def test_an_answer_about_another_tenants_message_of_the_same_id_is_not_taken(bus: Bus) -> None:
    late = accepted("m-1", "another")
    bus.tell(late)
    with bus.client() as headgate:
        with pytest.raises(Unconfirmed):
            headgate.submit("ops.probe", {}, id="m-1", tenant=bus.tenant, timeout=0.5)
        assert next(headgate.answers(20)).id == late.id


@pytest.mark.parametrize(
    ("submission", "says"),
    [
        (Submission("ops.probe", {"seconds": -1}), "seconds: "),
        (Submission("ops.probe", {"secret": "hunter2"}), "secret: Extra inputs"),
        (Submission("ops.probe", {}, id=""), "id: "),
        (Submission("ops.probe", {}, priority=12), "priority: "),
        (Submission("agent.turn", {"conversation": "c", "message": "x" * 9000}), "9[0-9]{3} bytes"),
    ],
)
def test_a_job_that_could_only_be_refused_is_not_sent(redis_bus: Bus, submission: Submission, says: str) -> None:
    with redis_bus.client(largest_message=9000) as headgate, pytest.raises(Invalid, match=says) as invalid:
        headgate.submit_many([Submission("ops.probe", {}), submission])
    assert "hunter2" not in str(invalid.value)
    assert redis_bus.depth() == 0


def test_a_kind_that_nobody_knows_is_not_sent(redis_bus: Bus) -> None:
    with redis_bus.client() as headgate, pytest.raises(UnknownKind, match="unknown kind"):
        headgate.submit("ops.prob", {})
    assert redis_bus.depth() == 0


def test_two_jobs_of_one_id_are_not_sent_together(redis_bus: Bus) -> None:
    with redis_bus.client() as headgate, pytest.raises(Invalid, match="one id"):
        headgate.submit_many([Submission("ops.probe", {}, id="m-1"), Submission("ops.probe", {"seconds": 1}, id="m-1")])
    assert redis_bus.depth() == 0
