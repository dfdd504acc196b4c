"""What becomes of jobs that find no room in a budget: they wait for it, or are denied, and are told why."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.cell import Cell
from shared.contracts.results import Result
from shared.tenancy import budgets
from shared.tenancy.budgets import Change
from tests.support.executing import Slot
from tests.support.spending import DRAWN_NANO, TURN, WORST_NANO, Provider, level, limited
from tests.support.walking import job, submit
from workers.outcomes import Done
from workers.run.context import Context


class Desk:
    """A slot whose jobs ask the provider `calls` times."""

    def __init__(self, cell: Cell, *, calls: int = 1) -> None:
        self.provider, self._calls = Provider(), calls
        self.before_call: Callable[[], object] = lambda: None
        self.serve = Slot(cell, self._room, lane="turns.pro").serve

    def _room(self, context: Context, _: Any) -> Done:
        for number in range(self._calls):
            self.before_call()
            context.paid(f"{number}.model", self.provider.call())
        return Done(Result())


def backlog(cell: Cell) -> dict[str, Any]:
    (found,) = cell.gate.look()["backlogs"]
    return dict(found)


def asked(cell: Cell, key: str, conversation: str = "c-1") -> str:
    return submit(cell, "agent.turn", TURN | {"conversation": conversation}, key)


def test_a_job_waits_for_room_and_goes_on_where_it_was(cell: Cell) -> None:
    """Two calls, and room for the worst case of the second only when the limit is raised: the first is paid once."""
    key = limited(cell, "acme", {"usd_day": WORST_NANO})
    waiting, desk = asked(cell, key), Desk(cell, calls=2)
    assert desk.serve()
    row = job(cell, "acme", waiting)
    assert (row["state"], row["failures"]) == ("waiting", 0)
    assert "over budget usd_day" in row["error"]
    assert "there is room again at" in row["error"]
    assert backlog(cell)["reason"] == "budget"
    assert not desk.serve(), "nothing polls"

    budgets.change_tenant(cell.admin, "acme", Change(limits={"usd_day": 2 * WORST_NANO}))
    permits = cell.gate.configure(cell.tenants.get("acme").configuration)
    assert permits == {"turns.pro": 1}
    assert desk.serve()
    row = job(cell, "acme", waiting)
    assert (row["state"], row["run"], row["error"]) == ("done", 2, None)
    assert len(desk.provider.served) == 2
    assert level(cell, "acme").drawn == 2 * DRAWN_NANO


def test_a_job_waits_until_anothers_call_is_settled(cell: Cell) -> None:
    key = limited(cell, "acme", {"usd_day": WORST_NANO + DRAWN_NANO})
    jobs = [asked(cell, key, conversation) for conversation in ("c-1", "c-2")]
    desk, other = Desk(cell), Desk(cell)
    seen: list[object] = []

    def while_it_is_called() -> None:
        desk.provider.during = lambda: None
        seen.extend((other.serve(), backlog(cell)["reason"]))

    desk.provider.during = while_it_is_called
    assert desk.serve()
    assert (seen, other.provider.served) == ([True, "budget"], [])
    assert desk.serve(), "the first has left room for the second"
    assert [job(cell, "acme", asked)["state"] for asked in jobs] == ["done", "done"]


def test_a_tenant_that_will_not_wait_is_denied_and_told_why(cell: Cell) -> None:
    key = limited(cell, "acme", {"usd_day": WORST_NANO}, over="deny")
    denied = asked(cell, key)
    assert Desk(cell, calls=2).serve()
    row = job(cell, "acme", denied)
    assert (row["state"], row["failures"]) == ("denied", 0)
    assert "over budget usd_day: the next call may draw USD 0.000800000" in row["error"]
    assert "of USD 0.000800000 is left; there is room again at" in row["error"]
    assert not Desk(cell).serve()


def test_a_job_that_could_never_have_room_is_denied_under_any_policy(cell: Cell) -> None:
    denied = asked(cell, limited(cell, "acme", {"usd_day": WORST_NANO - 1}))
    assert Desk(cell).serve()
    row = job(cell, "acme", denied)
    assert row["state"] == "denied"
    assert "raise the limit" in row["error"]


def test_whoever_asked_is_told_of_the_denial(cell: Cell) -> None:
    key = limited(cell, "acme", {"usd_day": 0})
    denied = submit(cell, "agent.turn", TURN, key, replyto="headgate.replies.acme.main")
    Desk(cell).serve()
    with cell.database.transaction("acme") as connection:
        (message,) = connection.execute(
            "SELECT body FROM tenant.outbox WHERE body ->> 'type' LIKE '%%finished'"
        ).fetchall()
    data = message["body"]["data"]
    assert (data["job"], data["state"]) == (denied, "denied")
    assert "over budget usd_day" in data["error"]


def test_a_job_whose_gate_is_closed_between_its_calls_waits_unharmed(cell: Cell) -> None:
    """Budgets fail closed: nothing is called that nobody can say has room."""
    waiting, desk = asked(cell, limited(cell, "acme", {"usd_day": 10 * WORST_NANO})), Desk(cell)
    desk.before_call = cell.redis.flushall
    desk.serve()
    row = job(cell, "acme", waiting)
    assert (row["state"], row["failures"], desk.provider.served) == ("waiting", 0, [])
    desk.before_call = lambda: None
    with cell.admin.connection() as connection:
        connection.execute("UPDATE tenant.jobs SET due_at = NULL")
    cell.rebuilder.rebuild()
    assert desk.serve()
    assert job(cell, "acme", waiting)["state"] == "done"


@pytest.mark.parametrize("over", ["wait", "deny"])
def test_a_soft_budget_holds_no_job_back(cell: Cell, over: Any) -> None:
    done = asked(cell, limited(cell, "acme", {"tokens_hour": 1}, soft="tokens_hour", over=over))
    assert Desk(cell, calls=2).serve()
    assert job(cell, "acme", done)["state"] == "done"
