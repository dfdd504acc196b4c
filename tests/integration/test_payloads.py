"""What a job was asked with is checked once more before its room sees it: another Headgate may have let it in."""

from shared.cell import Cell
from shared.contracts.results import Result
from tests.support.cells import make_tenant
from tests.support.executing import Slot
from tests.support.rebuilding import submitted
from tests.support.walking import job
from workers.outcomes import Done, Outcome
from workers.run.context import Context


def test_a_job_of_a_kind_that_is_not_known_here_waits_unharmed_for_a_worker_that_knows_it(cell: Cell) -> None:
    make_tenant(cell, "acme", ops=10)
    (asked,) = submitted(cell, 1, kind="ops.later")
    assert Slot(cell, lambda *_: Done(Result())).serve()
    row = job(cell, "acme", str(asked))
    assert (row["state"], row["failures"], row["deaths"]) == ("waiting", 0, 0)
    assert "knows no 'ops.later'" in row["error"]
    (lane,) = list(cell.gate.look()["lanes"])
    assert lane["running"] == 0, "its slot is free"


def test_a_job_that_cannot_be_read_here_waits_unharmed_and_tells_no_value(cell: Cell) -> None:
    make_tenant(cell, "acme", ops=10)
    (asked,) = submitted(cell, 1, payload={"seconds": 0.0, "later": "a secret"})
    ran = []

    def room(_: Context, payload: object) -> Outcome:
        ran.append(payload)
        return Done(Result())

    assert Slot(cell, room).serve()
    row = job(cell, "acme", str(asked))
    assert (row["state"], row["failures"], row["deaths"], ran) == ("waiting", 0, 0, [])
    assert row["error"].endswith("this one cannot read its payload: later: Extra inputs are not permitted")
