"""Every end of a job is told once, and only by the run that ended it."""

from shared import outbox
from shared.cell import Cell
from shared.contracts.answers import FinishedData
from shared.ledger import ends, runs
from shared.ledger.runs import Run
from shared.ledger.states import State
from tests.support.cells import make_tenant
from tests.support.ledgers import lease_on, new_job, record


def told(cell: Cell) -> list[tuple[str, str]]:
    with cell.database.transaction("acme") as connection:
        rows = connection.execute("SELECT body FROM tenant.outbox ORDER BY written_at").fetchall()
    return [(row["body"]["id"], row["body"]["data"]["state"]) for row in rows]


def end(cell: Cell, run: Run, state: State, *, times: int = 1) -> None:
    with cell.database.transaction("acme") as connection:
        ends.finish(connection, run.lease, state, result=None, error=None, failed=False)
        for _ in range(times):
            data = FinishedData.model_validate({"job": run.job, "state": state.value})
            outbox.finished(connection, run, data)


def test_each_end_of_a_job_leaves_once_whatever_is_repeated(cell: Cell) -> None:
    """Also the second end, of a job that was made to wait again by hand."""
    make_tenant(cell, "acme")
    job = new_job(reply_to="headgate.replies.acme.main")
    record(cell, job)
    end(cell, runs.start(cell.database, lease_on(job, 1)), State.DEAD, times=2)
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
    end(cell, zombie, State.DONE)
    assert told(cell) == []
    end(cell, holder, State.DONE)
    end(cell, zombie, State.DONE)
    assert len(told(cell)) == 1
