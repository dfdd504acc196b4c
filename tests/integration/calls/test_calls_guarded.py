"""A call whose run may not go on ends in its middle: what it may have drawn is on record, and its job is as it should.

The provider has taken each call here, and never answers it.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from shared.cell import Cell
from shared.clock import monotonic
from shared.ledger import cancel
from shared.rehearsal.client import Rehearsal
from shared.rehearsal.log import Status
from tests.support.calling import way
from tests.support.cells import LEASE, make_tenant
from tests.support.executing import Anything, Slot
from tests.support.rebuilding import submitted
from tests.support.spending import journaled
from tests.support.walking import job
from tests.support.workers import PATIENCE, eventually
from workers.calls import Reply
from workers.models.chat import ChatRequest, chat_call
from workers.network.bounds import SLICE
from workers.outcomes import Done, Outcome
from workers.run.context import Context

ASKED = ChatRequest("rehearsal-1", [{"role": "user", "content": "What is a lock?"}], 0.0, 64, [])

#: Seconds that a stop takes beyond its bound on a busy machine; without one the call would take `PATIENCE`.
SOON = 15.0


class Calling:
    """A slot of this cell that runs one job, which is in the middle of its call."""

    def __init__(self, cell: Cell, model: Rehearsal, job_id: UUID) -> None:
        self._cell, self._model, self._job = cell, model, job_id
        self.context: Context | None = None
        self.began_at, self.ended_at = 0.0, 0.0
        self.slot = Slot(cell, self._room)

    def _room(self, context: Context, _: Any) -> Outcome:
        self.context = context
        call = chat_call(way(self._model.url, context.calls_until), ASKED, timeout=PATIENCE)

        def make(call_id: str) -> Reply:
            try:
                return call.make(call_id)
            finally:
                self.ended_at = monotonic()

        return Done(Anything(**context.paid("0.model", replace(call, make=make))))

    def await_call(self) -> None:
        eventually(self._model.served, "the provider has the call")

    def row(self) -> dict[str, Any]:
        return job(self._cell, "acme", str(self._job))

    def cancel(self) -> None:
        """As an operator does; the worker hears of it with its next beat."""
        with self._cell.database.transaction("acme") as connection:
            cancel.cancel(connection, "acme", self._job)
        self._cell.permits.publish(self._cell.gate.cancel(self._job))
        self.slot.heartbeat.renew()


@pytest.fixture
def calling(speaking_cell: Cell, model: Rehearsal) -> Calling:
    make_tenant(speaking_cell, "acme")
    model.settings(latency=10 * PATIENCE)
    (job_id,) = submitted(speaking_cell, 1)
    return Calling(speaking_cell, model, job_id)


@contextmanager
def ended(calling: Calling, cell: Cell, model: Rehearsal, *, within: float) -> Iterator[None]:
    """The call ends within this after what is done to its run; it may have been drawn, and the provider is left."""
    with ThreadPoolExecutor(1) as thread:
        calling.began_at = monotonic()  # the lease is asked for later
        served = thread.submit(calling.slot.serve)
        calling.await_call()
        yield
        since = monotonic()
        assert served.result(PATIENCE)
        assert calling.ended_at - since < within + SOON
    eventually(lambda: [call.status for call in model.served()] == [Status.ABANDONED], "the provider is left")
    (step,) = journaled(cell, "acme")
    assert (step["state"], step["recorded_at"]) == ("unknown", None)


def test_a_call_is_ended_before_its_lease_is_over_by_the_workers_own_clock(
    speaking_cell: Cell, model: Rehearsal, calling: Calling
) -> None:
    """No heart beats here: nobody hears from the gate, and nobody has to."""
    with ended(calling, speaking_cell, model, within=LEASE):
        assert calling.slot.heartbeat.held()
    assert calling.ended_at < calling.began_at + LEASE
    assert calling.row()["state"] == "running"


def test_a_call_whose_job_is_cancelled_is_ended_and_the_job_with_it(
    speaking_cell: Cell, model: Rehearsal, calling: Calling
) -> None:
    with ended(calling, speaking_cell, model, within=SLICE):
        calling.cancel()
    assert calling.row()["state"] == "cancelled"


def test_a_call_whose_worker_hands_back_is_ended_and_the_job_waits_unharmed(
    speaking_cell: Cell, model: Rehearsal, calling: Calling
) -> None:
    with ended(calling, speaking_cell, model, within=SLICE):
        calling.slot.handing_back.set()
    assert (calling.row()["state"], calling.row()["failures"]) == ("waiting", 0)


def test_a_call_whose_run_takes_too_long_is_ended_and_the_run_has_failed(
    speaking_cell: Cell, model: Rehearsal, calling: Calling
) -> None:
    with ended(calling, speaking_cell, model, within=SLICE):
        assert calling.context is not None
        calling.context._deadline = monotonic()
    assert (calling.row()["state"], calling.row()["failures"]) == ("waiting", 1)
    assert "longer than its kind may" in calling.row()["error"]
