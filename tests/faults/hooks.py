"""What the matrix puts into a worker before it begins. It runs there, in a child of the warm parent."""

import os
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import shared.cell
from shared import clock, failpoints
from shared.contracts.payloads import AgentTurn
from shared.failpoints import Point
from shared.gate.gate import Gate
from shared.gate.scripts import Library
from shared.stores import silence
from workers.outcomes import Outcome
from workers.run.context import Context
from workers.turns import rounds, turn

#: A turn whose message has this word kills the process that runs it.
POISON = "poison"

#: Redis's own clock, moved by as many milliseconds as a key says.
GATE_CLOCK = Path(__file__).with_name("gate_clock.lua").read_text()


def strike_at(point: Point, times: int, told: str) -> None:
    """Kill this process, or the child of it that comes there, where it reaches `point` for the `times`-th time."""
    reached = count(1)

    def strike(here: Point) -> None:
        if here == point and next(reached) == times:
            _die(told, point)

    failpoints.listen(strike)


def _die(told: str, word: str) -> None:
    """As of kill -9, leaving word."""
    with Path(told).open("a") as words:
        words.write(f"{word}\n")
    os.kill(os.getpid(), signal.SIGKILL)


def wrong_clock(seconds: float) -> None:
    """This worker's clock is off."""
    right: Callable[[], datetime] = clock.now
    clock.now = lambda: right() + timedelta(seconds=seconds)


def gate_clock() -> None:
    """The gate's scripts read a clock that the matrix can step."""
    shared.cell.Gate = partial(Gate, library=Library(clock=GATE_CLOCK))  # type: ignore[attr-defined,assignment]


def short_calls(seconds: float) -> None:
    """Give up calls of the model after so many seconds, instead of minutes."""
    rounds.CALL_TIMEOUT = seconds


def impatient(seconds: float) -> None:
    """Give up silent connections to Postgres after so many seconds, instead of most of a minute."""
    silence.SILENCE, silence.IDLE_IN_TRANSACTION = seconds, f"{seconds:g}s"


def poisonous(told: str) -> None:
    """Turns can kill: when they have their answer, and others run beside them."""
    right = turn.turn

    def poisoned(context: Context, payload: AgentTurn) -> Outcome:
        outcome = right(context, payload)
        if POISON in payload.message:
            _die(told, POISON)
        return outcome

    turn.turn = poisoned
