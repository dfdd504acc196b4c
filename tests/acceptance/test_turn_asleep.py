"""A worker sleeps inside a call until its turn is another's, and has been answered; then it wakes and goes on."""

import tempfile
import threading
from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path
from typing import Any

import pytest

from shared.embedded import Servers
from shared.rehearsal.client import Rehearsal
from tests.support import cells
from tests.support.aftermath import drawn, on_bill, settings
from tests.support.beyond import Beyond
from tests.support.executing import Slot
from tests.support.stories import REACHING_OUT, Inside
from tests.support.striking import LANE, TENANT, Striking
from tests.support.turning import said_in, steps_of
from tests.support.waiting import PATIENCE, eventually
from tests.support.walking import job
from workers.metering.record import Recorder
from workers.turns.turn import turn

CALLS = [call for call in REACHING_OUT.inside if call.name in {"http_request", "tools/call", "a streamed answer"}]


@pytest.fixture
def striking(servers: Servers, model: Rehearsal) -> Iterator[Striking]:
    with (
        tempfile.TemporaryDirectory() as home,
        cells.test_cell(servers, Path(home), **settings(model)) as cell,
        Beyond().there() as beyond,
    ):
        yield Striking(REACHING_OUT, cell, model, beyond, Path(home))


@pytest.mark.parametrize("call", CALLS, ids=[call.name for call in CALLS])
def test_what_it_still_does_changes_nothing_and_is_billed(
    striking: Striking, call: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = striking.cell
    sleeper, other = Slot(cell, turn, lane=LANE), Slot(cell, turn, lane=LANE)
    monkeypatch.setattr(sleeper.heartbeat, "alive", lambda _: True)  # it has not looked at its clock
    monkeypatch.setattr(sleeper.heartbeat, "calls_until", lambda _: inf)
    number = striking.begin_for(call, "z")
    asleep = threading.Thread(target=sleeper.serve)
    asleep.start()
    eventually(lambda: striking.under_way(call, number), f"{call.name} is under way")
    striking.model.settings(seconds_per_token=0.0)
    eventually(lambda: _served(other, striking, number), "another worker has answered the turn")
    answered = _left(striking, number)
    striking.beyond.let_go()
    asleep.join(PATIENCE)
    assert not asleep.is_alive()
    assert _left(striking, number) == answered
    assert set(striking.beyond.heard.values()) <= {1, 2}
    served = {key: many for each in striking.served(number) for key, many in drawn(each).items()}
    eventually(lambda: Recorder(cell).record() is not None and on_bill(cell) == served, "all that was served is billed")


def _served(other: Slot, striking: Striking, number: str) -> bool:
    striking.cell.gate.sweep("w")
    other.serve()
    return job(striking.cell, TENANT, number)["finished_at"] is not None


def _left(striking: Striking, number: str) -> Sequence[Any]:
    """What stands on record: the job, the conversation, what a replay would see, what is remembered."""
    cell = striking.cell
    steps = {step["call_id"]: step["outcome"] for step in steps_of(cell, TENANT, number) if step["outcome"] is not None}
    return job(cell, TENANT, number), said_in(cell, TENANT, number), steps, striking.remembered("z")
