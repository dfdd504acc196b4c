"""Runs that spend against budgets, made by hand: no worker, no model."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from shared.cell import Cell
from shared.gate.values import Lease
from shared.ledger import runs
from shared.ledger.runs import Run
from shared.metering.levels import Level, levels
from shared.metering.prices import Tokens
from shared.stores.postgres import one
from shared.tenancy import budgets
from shared.tenancy.budgets import Change
from tests.support.cells import make_tenant
from tests.support.walking import submit
from workers.calls import Call, Reply
from workers.run.reservations import Reservations
from workers.run.steps import Steps

TURN = {"conversation": "c-1", "message": "hello"}

MODEL = "rehearsal-1"

#: What `rehearsal-1` costs, in nano-dollars per token: 0.50 and 1.50 USD per million.
INPUT, OUTPUT = 500, 1500

#: Of a call here: what it may draw at worst, and what it draws; in tokens and in nano-dollars.
WORST, DRAWN = Tokens(1000, 200), Tokens(100, 20)
WORST_NANO = 1000 * INPUT + 200 * OUTPUT
DRAWN_NANO = 100 * INPUT + 20 * OUTPUT


def limited(
    cell: Cell, tenant: str, limits: Mapping[str, int], *, over: Literal["wait", "deny"] = "wait", soft: str = ""
) -> str:
    """A key of a new tenant with these budgets, in tokens or nano-dollars."""
    key = make_tenant(cell, tenant).secret
    budgets.change_tenant(cell.admin, tenant, Change(limits=limits, over=over, soft=frozenset(soft.split())))
    return key


def running(cell: Cell, tenant: str, key: str, conversation: str = "c-1") -> Run:
    """A job of the tenant that is being run, by this test."""
    submit(cell, "agent.turn", TURN | {"conversation": conversation}, key)
    lease = cell.gate.claim("test", ["turns.pro"], 30).lease
    assert isinstance(lease, Lease)
    assert lease.tenant == tenant
    return runs.start(cell.database, lease)


def steps_of(cell: Cell, run: Run, guard: Callable[[], None] = lambda: None) -> Steps:
    """`guard` raises where the run may not go on."""
    reservations = Reservations(cell.gate, cell.permits, run.lease)
    return Steps(cell.database, cell.prices, run, reservations, guard=guard, charge=lambda _: None)


class Provider:
    """Answers calls, and keeps their ids; `during` each, it does what the test says."""

    def __init__(self) -> None:
        self.during: Callable[[], object] = lambda: None
        self.served: list[str] = []

    def call(self) -> Call:
        return Call("model", MODEL, {"question": 1}, WORST, self._make)

    def _make(self, call_id: str) -> Reply:
        self.during()
        self.served.append(call_id)
        return Reply({"answer": "42"}, DRAWN)


def level(cell: Cell, tenant: str) -> Level:
    """Of the tenant's only budget."""
    with cell.control.connection() as connection:
        now = one(connection, "SELECT now()")["now"]
    (found,) = levels(cell.tenants.get(tenant).budgets, cell.gate.drawn(tenant), now)
    return found


def journaled(cell: Cell, tenant: str) -> list[dict[str, Any]]:
    """The tenant's steps, in order."""
    with cell.database.transaction(tenant) as connection:
        return connection.execute("SELECT * FROM tenant.steps ORDER BY intended_at, call_id").fetchall()
