"""Every end of a job is told once, and only by the run that ended it."""

from collections.abc import Sequence
from typing import cast

import pytest

from shared import outbox
from shared.bus import Bus
from shared.cell import Cell
from shared.contracts.answers import FinishedData
from shared.ledger import ends, runs
from shared.ledger.ends import Finish
from shared.ledger.runs import Fenced, Run
from shared.ledger.states import State
from tests.support.cells import make_tenant
from tests.support.ledgers import lease_on, new_job, record
from workers.upkeep.relay import Relay


def told(cell: Cell) -> list[tuple[str, str]]:
    with cell.database.transaction("acme") as connection:
        rows = connection.execute("SELECT body FROM tenant.outbox ORDER BY written_at").fetchall()
    return [(row["body"]["id"], row["body"]["data"]["state"]) for row in rows]


def end(cell: Cell, run: Run, state: State) -> None:
    message = outbox.finished(run, FinishedData.model_validate({"job": run.job, "state": state.value}))
    with cell.database.connection() as connection:
        ends.finish(connection, run.lease, Finish(state, message=message))


def test_each_end_of_a_job_is_told_also_the_second_of_one_that_waited_again_by_hand(cell: Cell) -> None:
    make_tenant(cell, "acme")
    job = new_job(reply_to="headgate.replies.acme.main")
    record(cell, job)
    end(cell, runs.start(cell.database, lease_on(job, 1)), State.DEAD)
    with cell.database.transaction("acme") as connection:
        connection.execute("UPDATE tenant.jobs SET state = 'waiting'")
    end(cell, runs.start(cell.database, lease_on(job, 2)), State.DONE)
    (dead, _), (done, _) = seen = told(cell)
    assert [state for _, state in seen] == ["dead", "done"]
    assert dead != done


def test_a_fenced_run_tells_nobody(cell: Cell) -> None:
    make_tenant(cell, "acme")
    job = new_job(reply_to="headgate.replies.acme.main")
    record(cell, job)
    zombie, holder = (runs.start(cell.database, lease_on(job, token)) for token in (1, 2))
    with pytest.raises(Fenced):
        end(cell, zombie, State.DONE)
    assert told(cell) == []
    end(cell, holder, State.DONE)
    for late in (zombie, holder):
        with pytest.raises(Fenced):
            end(cell, late, State.DONE)
    assert len(told(cell)) == 1


class Balking:
    """A bus that breaks over one tenant's messages, in a way that nobody has thought of."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def reply(self, address: str, events: Sequence[bytes]) -> None:
        if ".acme." in address:
            raise RuntimeError("\udc80 is no reply queue")
        self.told += [address] * len(events)


def test_messages_that_break_the_relay_are_tried_again_later_and_hold_up_nobody(cell: Cell) -> None:
    for tenant in ("acme", "globex"):
        make_tenant(cell, tenant)
        job = new_job(tenant, reply_to=f"headgate.replies.{tenant}.main")
        record(cell, job)
        end(cell, runs.start(cell.database, lease_on(job, 1)), State.DONE)
    bus = Balking()
    Relay(cell, cast("Bus", bus)).relay()
    assert bus.told == ["headgate.replies.globex.main"]
    with cell.database.transaction("acme") as connection:
        (waiting,) = connection.execute("SELECT sent_at, attempts, error FROM tenant.outbox").fetchall()
    assert (waiting["sent_at"], waiting["attempts"]) == (None, 1)
    assert waiting["error"].startswith("RuntimeError: ")
