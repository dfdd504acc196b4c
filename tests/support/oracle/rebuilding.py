"""The gate loses its memory and is rebuilt, as a rebuilder does it from the ledger; here from what the model knows."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

import pytest

from shared.gate.gate import GateClosed
from shared.gate.limits import Configuration
from shared.gate.values import Draw, Hold, Lease, Offer
from tests.support.gates import LEASE
from tests.support.oracle.jobs import Job
from tests.support.oracle.model import Model
from tests.support.oracle.pair import Pair


class Loss(StrEnum):
    """Redis is flushed, or its memory is another's, or its clock is set back."""

    FLUSHED = "flushed"
    ANOTHER = "another"
    SET_BACK = "set back"


def lose_memory(pair: Pair, loss: Loss) -> None:
    """The gate is closed from here on."""
    gate = pair.gate
    if loss == Loss.SET_BACK:
        pair.sweep()
        pair.pass_time(-120)
    else:
        clock, head = f"{gate.prefix}clock".encode(), f"{gate.prefix}head".encode()
        keys = [key for key in gate.redis.scan_iter(f"{gate.prefix}*", count=1000) if key != clock]
        gate.redis.delete(*(keys if loss == Loss.FLUSHED else [head]))
    gate.redis.delete(f"{gate.prefix}wake:sweep")
    for _ in "once", "again":
        with pytest.raises(GateClosed):
            gate.sweep("sweeper")


def rebuild(pair: Pair, running: Collection[UUID], told: Mapping[str, Configuration], batch: int) -> None:
    """Under a new epoch. `running`: jobs that the ledger says run; others that were leased had not started."""
    old, gate, memory = pair.model, pair.gate, pair.gate.memory()
    pair.epoch, pair.planned = pair.epoch + 1, 0.0
    pair.model = Model(old.now)
    _refill(pair, old)
    for jobs in _batches(sorted(old.jobs, key=lambda job: job.accepted), batch):
        _take_in(pair, jobs, running, told)
    for name, lane in old.lanes.by_name.items():
        if lane.paused:
            pair.pause(name, paused=True, epoch=pair.epoch)
    for one in told.values():
        pair.configure(one, epoch=pair.epoch)
    assert gate.open(pair.epoch, memory)
    gate.forget(pair.epoch)
    pair.lost += [hand.lease for _, hand in old.jobs.hands() if pair.model.held(hand.lease) is None]


def _refill(pair: Pair, old: Model) -> None:
    """What was drawn, and what is held."""
    for tenant, windows in old.money.drawn.items():
        drawn = {window: Draw(amounts["tokens"], amounts["nanos"]) for window, amounts in windows.items()}
        pair.gate.remember([(tenant, drawn)], epoch=pair.epoch)
        pair.model.remember(tenant, drawn)
    for call, held in old.money.reserved.items():
        hold = Hold(call, Lease(UUID(int=0), held.tenant, "", 0), held.need)
        pair.gate.hold([hold], epoch=pair.epoch)
        pair.model.hold(hold)


def _take_in(pair: Pair, jobs: Sequence[Job], running: Collection[UUID], told: Mapping[str, Configuration]) -> None:
    waits = [_offer(job, told) for job in jobs if job.id not in running]
    pair.offer(waits, epoch=pair.epoch)
    runs = [(_offer(job, told), job.hand.lease.token, job.cancelled) for job in jobs if job.hand and job.id in running]
    pair.adopt(runs, LEASE)


def _offer(job: Job, told: Mapping[str, Configuration]) -> Offer:
    due = datetime.fromtimestamp(job.due / 1000, UTC) if job.due else None
    return replace(job.offer, due=due, configuration=told[job.tenant])


def _batches(jobs: Sequence[Job], size: int) -> Iterator[Sequence[Job]]:
    for first in range(0, len(jobs), size):
        yield jobs[first : first + size]
