"""Children that are looked after: real processes, really killed."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from producers.cli import processes
from producers.cli.processes import Child, ChildFailed, Children, Program, children
from producers.cli.stopping import stoppable, undisturbed
from shared.embedded.home import Home
from shared.embedded.process import Identity
from tests.support.workers import eventually

#: Lives until it is told to stop, then says so.
OBEDIENT = 'trap "echo $0 >> $SAID; exit 0" TERM; echo up; while :; do sleep 0.02; done'

#: Hears nothing, and has a child of its own.
DEAF = 'trap "" TERM; sleep 600 & echo up; while :; do sleep 0.02; done'

MORTAL = "echo no luck; exit 3"


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return tmp_path / "said"


@pytest.fixture
def program(said: Path) -> Callable[[str, str], Program]:
    environment = {"SAID": str(said), "PATH": os.defpath}
    return lambda name, script: Program(name, ("/bin/sh", "-c", script, name), script, environment)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def began(child: Child) -> None:
    eventually(lambda: "up" in child.log.read_text(), f"{child.program.name} is up")


def tended(crew: Children, told: list[str], words: str) -> None:
    def look() -> bool:
        crew.tend()
        return any(words in line for line in told)

    eventually(look, words)


def test_children_are_started_again_when_they_die(home: Home, program: Callable[[str, str], Program]) -> None:
    told: list[str] = []
    with children(home, stop_seconds=5, say=told.append) as crew:
        (child,) = crew.start(program("one", OBEDIENT))
        first = child.process
        first.kill()
        tended(crew, told, f"one ended ({-signal.SIGKILL}) and was started again")
        assert child.alive
        assert child.process.pid != first.pid


def test_children_take_what_a_dead_one_left_with_it(
    home: Home, program: Callable[[str, str], Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "MARGIN", 0.1)
    told: list[str] = []
    with children(home, stop_seconds=0.1, say=told.append) as crew:
        (child,) = crew.start(program("one", DEAF))
        began(child)
        below = child.process.children()
        child.process.kill()
        tended(crew, told, "started again")
        eventually(lambda: not any(process.is_running() for process in below), "its own children are gone")


def test_children_that_do_not_live_are_given_up(home: Home, program: Callable[[str, str], Program]) -> None:
    told: list[str] = []
    with children(home, stop_seconds=5, say=told.append) as crew:
        crew.start(program("one", MORTAL))
        with pytest.raises(ChildFailed, match=r"one does not stay alive; its log, .*one.log, ends: no luck"):
            tended(crew, told, "never said")
    assert len(told) == processes.DEATHS - 1


def test_children_stop_group_by_group_the_last_first(
    home: Home, said: Path, program: Callable[[str, str], Program]
) -> None:
    with children(home, stop_seconds=5, say=print) as crew:
        for child in (*crew.start(program("door", OBEDIENT)), *crew.start(program("worker", OBEDIENT))):
            began(child)
    assert said.read_text().split() == ["worker", "door"]


def test_children_that_do_not_hear_are_killed_with_all_below_them(
    home: Home, program: Callable[[str, str], Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "MARGIN", 0.1)
    with children(home, stop_seconds=0.1, say=print) as crew:
        (child,) = crew.start(program("one", DEAF))
        began(child)
        family = [child.process, *child.process.children()]
    eventually(lambda: not any(process.is_running() for process in family), "the whole family is gone")


def test_children_are_killed_when_the_stop_is_interrupted(home: Home, program: Callable[[str, str], Program]) -> None:
    interrupt = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))

    def start_and_stop() -> None:
        with children(home, stop_seconds=600, say=print) as crew:
            crew.start(program("one", DEAF))
            started.extend(crew)
            began(started[0])
            interrupt.start()

    started: list[Child] = []
    with stoppable(), pytest.raises(KeyboardInterrupt):
        start_and_stop()
    assert not started[0].alive


def test_children_of_a_killed_parent_are_ended_by_the_next_start(
    home: Home, program: Callable[[str, str], Program]
) -> None:
    abandoned = Children(home, stop_seconds=5, say=print)
    (child,) = abandoned.start(program("one", OBEDIENT))
    began(child)
    with children(home, stop_seconds=5, say=print):
        eventually(lambda: not child.alive, "the orphan is gone")


def test_children_never_end_a_stranger_that_got_an_old_pid(home: Home) -> None:
    with psutil.Popen(["/bin/sleep", "600"], start_new_session=True) as stranger:
        earlier = Identity(stranger.pid, stranger.create_time() - 3600)
        home.write(processes.ROSTER, processes.Roster((earlier,)))
        with children(home, stop_seconds=5, say=print):
            assert stranger.poll() is None
        stranger.kill()


def test_a_signal_to_stop_waits_while_something_is_being_started() -> None:
    started = []

    def start() -> None:
        with undisturbed():
            os.kill(os.getpid(), signal.SIGTERM)
            started.append("all of it")

    with stoppable(), pytest.raises(KeyboardInterrupt):
        start()
    assert started == ["all of it"]
