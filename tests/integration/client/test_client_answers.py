"""Answers: each to who waits for it, none lost, none handed out twice."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from producers.client import Unfinished, mailbox
from shared import ids
from shared.bus.names import NAMES
from shared.cell import Cell
from shared.contracts.answers import Answer
from shared.errors import Unavailable
from tests.integration.bus.servers import Valkey
from tests.integration.client.bus import Bus, finished
from tests.support.doors import door
from tests.support.workers import workers

#: Tells the answers it reads, and asks for the next only when it is told to: until then it has one in hand.
READER = """
import sys
from producers.client import Headgate
url, principal = sys.argv[1:]
for answer in Headgate(url, "hg_none", principal=principal).answers():
    print(answer.id, flush=True)
    sys.stdin.readline()
"""


#: Seconds in which an answer that is there must have come; generous.
WAIT = 20.0


@contextmanager
def reader(bus: Bus) -> Iterator[subprocess.Popen[str]]:
    """A client in a process of its own, killed in the end."""
    command = [sys.executable, "-c", READER, bus.url, bus.tenant]
    bus.clients.add("main")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def told(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def names(answers: Iterator[Answer]) -> list[str]:
    return [answer.id for answer in answers]


def test_a_submitted_job_is_run_by_a_worker_and_its_end_awaited(cell: Cell, bus: Bus) -> None:
    served = Cell(cell.settings.model_copy(update={"bus_url": bus.url}))
    with door(cell, bus.url, bus.names), workers(served, ["ops.pro"]), bus.client() as headgate:
        job = headgate.submit("ops.probe", {"seconds": 0.05})
        end = job.wait(60)
        with pytest.raises(Unfinished, match="was done already"):
            headgate.submit("ops.probe", {"seconds": 0.05}, id=job.event_id).wait(0.2)
    served.close()
    assert (end.data.job, end.data.state, end.data.result) == (job.id, "done", {"seconds": 0.05})
    assert (end.subject, end.tenantid, job.state) == (job.event_id, bus.tenant, "done")


def test_each_job_gets_its_own_end_in_whatever_order_they_come(cell: Cell, bus: Bus) -> None:
    with door(cell, bus.url, bus.names), bus.client() as headgate:
        first, second = headgate.submit("ops.probe", {}), headgate.submit("ops.probe", {})
        bus.tell(finished(second.id, result={"is": 2}), finished(first.id, result={"is": 1}))
        assert [job.wait(20).data.result for job in (first, second, first)] == [{"is": 1}, {"is": 2}, {"is": 1}]


def test_an_end_that_is_not_heard_of_in_time_may_be_waited_for_again(cell: Cell, bus: Bus) -> None:
    with door(cell, bus.url, bus.names), bus.client() as headgate:
        job = headgate.submit("ops.probe", {})
        with pytest.raises(Unfinished, match=f"{job.id} was waiting"):
            job.wait(0.1)
        bus.tell(finished(job.id))
        assert job.wait(20).data.state == "done"


def test_answers_that_belong_to_nobody_are_kept_for_whoever_asks(cell: Cell, bus: Bus) -> None:
    earlier = [finished(), finished()]
    bus.tell(*earlier)
    with door(cell, bus.url, bus.names), bus.client() as headgate:
        job = headgate.submit("ops.probe", {})
        bus.tell(finished(job.id))
        job.wait(20)
        assert names(headgate.answers(0.5)) == [answer.id for answer in earlier]


def test_iterating_goes_on_with_what_comes_later(bus: Bus) -> None:
    early, late = finished(), finished()
    bus.tell(early)
    with bus.client() as headgate:
        answers = headgate.answers(WAIT)
        assert next(answers).id == early.id
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(next, answers)
            bus.tell(late)
            assert waiting.result(timeout=20).id == late.id


def test_an_answer_that_comes_twice_is_handed_out_once(bus: Bus) -> None:
    twice, other = finished(), finished()
    bus.tell(twice, twice, other)
    with bus.client() as headgate:
        assert names(islice(headgate.answers(WAIT), 2)) == [twice.id, other.id]
        bus.tell(twice)
        assert names(headgate.answers(0.5)) == []
    with bus.client() as later:
        assert names(later.answers(0.5)) == []


def test_an_answer_in_hand_of_a_killed_process_comes_again(redis_bus: Bus) -> None:
    done, in_hand, unread = finished(), finished(), finished()
    redis_bus.tell(done, in_hand, unread)
    with reader(redis_bus) as process:
        assert told(process) == done.id
        assert process.stdin
        process.stdin.write("next\n")
        process.stdin.flush()
        assert told(process) == in_hand.id
    with redis_bus.client() as headgate:
        assert names(islice(headgate.answers(WAIT), 2)) == [in_hand.id, unread.id]


def test_an_answer_in_hand_comes_again_if_its_caller_failed(bus: Bus) -> None:
    done, in_hand = finished(), finished()
    bus.tell(done, in_hand)

    def fail() -> None:
        with bus.client() as headgate:
            assert names(islice(headgate.answers(WAIT), 2)) == [done.id, in_hand.id]
            raise LookupError("the caller could not store it")

    with pytest.raises(LookupError):
        fail()
    with bus.client() as headgate:
        assert names(headgate.answers(3)) == [in_hand.id]


def test_clients_of_different_names_do_not_take_each_others_answers(cell: Cell, bus: Bus) -> None:
    with door(cell, bus.url, bus.names), bus.client("one") as one, bus.client("two") as two:
        job = one.submit("ops.probe", {})
        bus.tell(finished(job.id), name="one")
        assert names(two.answers(0.5)) == []
        assert job.wait(20).data.job == job.id


def test_answers_are_handed_out_once_across_a_lost_connection(cell: Cell, tmp_path: Path, redis_bus: Bus) -> None:
    server = Valkey(tmp_path)
    bus = Bus(f"redis://127.0.0.1:{server.port}/0", NAMES, redis_bus.key)
    answers = [finished() for _ in range(3)]
    bus.tell(*answers)
    with bus.client() as headgate:
        coming = headgate.answers(WAIT)
        assert next(coming).id == answers[0].id
        server.kill()
        server.start()
        answers.append(finished())
        bus.tell(answers[-1])
        assert names(islice(coming, 3)) == [answer.id for answer in answers[1:]]
    with bus.client() as later:
        assert names(later.answers(0.5)) == []
    server.kill()


def test_what_is_no_answer_is_dropped(bus: Bus) -> None:
    transport, good = bus.transport(), finished()
    transport.reply(bus.address(), [b"\xff{", b"{}", b'{"type": "headgate.job.paused"}'])
    transport.close()
    bus.tell(good)
    with bus.client() as headgate:
        assert names(islice(headgate.answers(WAIT), 1)) == [good.id]


def test_the_oldest_of_too_many_unclaimed_answers_fall_off_and_none_is_stuck(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "HELD", 10)
    with bus.client() as headgate:
        earlier = [finished() for _ in range(45)]
        bus.tell(*earlier)
        awaited = ids.new()
        bus.tell(finished(awaited))
        box = headgate._mailbox
        while not box.read(5.0, lambda answer: answer.data.job == awaited):  # type: ignore[union-attr]  # all are ends
            assert box.away is None
        assert names(headgate.answers(0.5)) == [answer.id for answer in earlier[-10:]]


def test_an_answer_without_a_bus_is_an_error_and_not_silence(redis_bus: Bus, tmp_path: Path) -> None:
    server = Valkey(tmp_path)
    server.kill()
    away = Bus(f"redis://127.0.0.1:{server.port}/0", NAMES, redis_bus.key)
    with away.client() as headgate, pytest.raises(Unavailable, match=str(server.port)):
        next(headgate.answers(0.3))
