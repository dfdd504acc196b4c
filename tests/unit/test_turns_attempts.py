"""Code that may hang: it runs in a thread of its own, which is left behind when its time is over."""

import sys
import threading
from asyncio import CancelledError
from contextlib import closing
from functools import partial

import pytest
from prometheus_client import REGISTRY

from tests.support.tooling import asked, tool
from tests.support.waiting import eventually
from workers.turns import attempts
from workers.turns.attempts import Exited, TookTooLong, Work, alone, left_behind, together
from workers.turns.tools.calling import answered

#: Seconds that nothing here takes.
LONG = 60.0


def unguarded() -> None:
    """Nothing stops it."""


def test_those_that_end_first_come_first() -> None:
    gate, ended = threading.Event(), []
    works = [Work("waits", partial(gate.wait, LONG), LONG), Work("does not", lambda: True, LONG)]
    for attempt in together(works, unguarded):
        ended.append(attempt.work.name)
        assert attempt.result() is True
        gate.set()
    assert ended == ["does not", "waits"]


def test_work_that_outlives_its_time_is_left_behind_and_counted_until_it_ends() -> None:
    gate = threading.Event()
    before = left_behind()
    with pytest.raises(TookTooLong, match=r"took longer than 0\.05 seconds"):
        alone(Work("hangs", gate.wait, 0.05), unguarded)
    assert left_behind() == before + 1
    assert REGISTRY.get_sample_value("headgate_tools_left_behind") == before + 1
    gate.set()
    eventually(lambda: left_behind() == before, "the thread has ended")


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, CancelledError, GeneratorExit])
def test_work_that_would_end_more_than_itself_ends_at_once(error: type[BaseException]) -> None:
    """Nobody waits until its time is over, for its thread is gone."""

    def does() -> None:
        raise error

    with pytest.raises(Exited, match=f"by {error.__name__}"):
        alone(Work("ends", does, LONG), unguarded)


def test_what_stops_the_run_leaves_all_of_its_work_behind() -> None:
    gate, before = threading.Event(), left_behind()

    def stops() -> None:
        raise KeyboardInterrupt

    works = [Work(str(number), gate.wait, LONG) for number in range(3)]
    with pytest.raises(KeyboardInterrupt), closing(together(works, stops)) as attempts:
        list(attempts)
    assert left_behind() == before + 3
    gate.set()
    eventually(lambda: left_behind() == before, "the threads have ended")


def test_no_more_threads_run_at_once_than_there_may() -> None:
    running, most, lock = [0], [0], threading.Lock()

    def count() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.01)
        with lock:
            running[0] -= 1

    works = [Work(str(number), count, LONG) for number in range(3 * attempts.PARALLEL)]
    assert len(list(together(works, unguarded))) == 3 * attempts.PARALLEL
    assert 1 < most[0] <= attempts.PARALLEL


def test_code_that_would_end_the_process_does_not() -> None:
    with pytest.raises(Exited):
        alone(Work("exits", sys.exit, LONG), unguarded)


def test_where_too_many_hang_no_tool_that_may_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "MOST_LEFT_BEHIND", left_behind() + 1)
    gate, before = threading.Event(), left_behind()
    with pytest.raises(TookTooLong):
        alone(Work("hangs", gate.wait, 0.01), unguarded)
    acted = asked("slow", "{}", tool("slow", lambda *_: "done"))
    lasting = asked("sure", "{}", tool("sure", lambda *_: "done", timeout=float("inf")))
    assert "too many of them hang" in answered(acted)["error"]
    assert answered(lasting) == {"result": "done"}
    gate.set()
    eventually(lambda: left_behind() == before, "the thread has ended")
    assert answered(acted) == {"result": "done"}
