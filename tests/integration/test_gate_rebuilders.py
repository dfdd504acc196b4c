"""What may happen while the gate is rebuilt: starts, new jobs, a second rebuilder, the death of the first."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from shared.cell import Cell
from shared.gate.gate import Gate
from shared.ledger import runs
from shared.ledger.runs import Fenced
from shared.rebuild import rebuild as rebuild_module
from tests.support.cells import LEASE, make_tenant
from tests.support.ledgers import await_blocked
from tests.support.rebuilding import LANE, claim, claimed, rebuild, submitted
from workers.upkeep import ledger_sweep


@pytest.fixture(autouse=True)
def acme(cell: Cell) -> None:
    make_tenant(cell, "acme", ops=1000, running=1000)


def test_no_lease_from_before_starts_while_the_gate_is_rebuilt(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted(cell, 1)
    old = claim(cell)
    assert old is not None
    cell.redis.flushall()

    def start() -> None:
        with pytest.raises(Fenced):
            runs.start(cell.database, old)

    _during_refill(cell.gate, monkeypatch, start)
    assert rebuild(cell) == (1, 0)


def test_a_rebuild_waits_for_a_start_under_way_and_sees_it(cell: Cell) -> None:
    submitted(cell, 1)
    lease = claim(cell)
    assert lease is not None
    cell.redis.flushall()
    with ThreadPoolExecutor(1) as pool:
        with cell.database.transaction("acme") as connection:
            assert connection.execute(runs.START, runs.place(lease)).fetchone()
            rebuilding = pool.submit(rebuild, cell)
            await_blocked(cell)
        assert rebuilding.result() == (0, 1)
    assert cell.gate.renew("w", [lease], LEASE, slots=1, lanes=[LANE]).lost == set()


def test_a_job_committed_while_the_gate_is_rebuilt_is_not_lost(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    (early,) = submitted(cell, 1)
    cell.redis.flushall()
    late: list[UUID] = []
    _during_refill(cell.gate, monkeypatch, lambda: late.extend(submitted(cell, 1)))
    rebuild(cell)
    monkeypatch.setattr(ledger_sweep, "GRACE", 0.0)
    ledger_sweep.sweep_ledger(cell)
    assert claimed(cell) == [early, *late]


def test_while_one_rebuilds_another_does_not(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    submitted(cell, 1)
    cell.redis.flushall()
    second: list[object] = []
    _during_refill(cell.gate, monkeypatch, lambda: second.append(cell.rebuilder.rebuild()))
    rebuild(cell)
    assert second == [None]


def test_a_gate_that_is_open_is_not_rebuilt(cell: Cell) -> None:
    submitted(cell, 1)
    assert cell.rebuilder.rebuild() is None
    assert len(claimed(cell)) == 1


def test_a_redis_replaced_on_the_way_stays_closed(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    cell.redis.flushall()
    monkeypatch.setattr(cell.gate, "memory", lambda: b"0" * 40)
    rebuilt = cell.rebuilder.rebuild()
    assert rebuilt is not None
    assert (rebuilt.opened, rebuilt.permits) == (False, {})
    assert not cell.gate.is_open()


def test_a_redis_flushed_on_the_way_stays_closed_until_all_is_back(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild_module, "BATCH", 1)
    jobs = submitted(cell, 2)
    cell.redis.flushall()
    _during_refill(cell.gate, monkeypatch, lambda: _during_refill(cell.gate, monkeypatch, cell.redis.flushall))
    rebuilt = cell.rebuilder.rebuild()
    assert rebuilt is not None
    assert (rebuilt.opened, rebuilt.permits) == (False, {})
    assert not cell.gate.is_open()
    assert rebuild(cell) == (2, 0)
    assert claimed(cell) == jobs


def test_a_rebuild_that_dies_is_followed_by_one_with_an_epoch_of_its_own(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = submitted(cell, 1)
    held = claim(cell)
    assert held is not None
    cell.redis.flushall()

    def die() -> None:
        raise KeyboardInterrupt

    _during_refill(cell.gate, monkeypatch, die)
    with pytest.raises(KeyboardInterrupt):
        cell.rebuilder.rebuild()
    with pytest.raises(Fenced):  # what the dead one has read must not change before the next one reads it
        runs.start(cell.database, held)
    rebuild(cell)
    again = claim(cell)
    assert again is not None
    assert (again.job, again.epoch) == (job, held.epoch + 2)


def _during_refill(gate: Gate, patch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something once in the middle of a rebuild, when the ledger has been read and the gate is not yet open."""
    offer = gate.offer

    def offer_after(offers: Any, *, epoch: int | None = None) -> Any:
        patch.setattr(gate, "offer", offer)
        act()
        return offer(offers, epoch=epoch)

    patch.setattr(gate, "offer", offer_after)
