"""The gate's operations as Python sees them: values in, values out, one round trip each.

A script's answer is JSON. Each answer carries the permits that the caller now owes to the lanes' queues
(`shared.lanes`): whoever changed the gate's state publishes them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
from redis import Redis

from shared import ids
from shared.contracts.kinds import Family
from shared.gate import keys
from shared.gate.calls import Calls, GateClosed, GateFull
from shared.gate.limits import Configuration
from shared.gate.scripts import STRICT_OFFER, Library
from shared.gate.values import Answered, Beat, Draw, Ending, Hold, Lease, Offer, Permits, Reserved, Shortage

__all__ = ["Gate", "GateClosed", "GateFull"]

#: Longest time a worker may hold the sweep without showing itself, in milliseconds; two sweeps.
SWEEPER_TTL = 2000

#: Most expired leases, and most due jobs, that one sweep moves: bounds the time the script holds Redis.
SWEEP_LIMIT = 1000


class Gate:
    """One cell's gate. Every operation raises `GateClosed` or `Unavailable`; an offer also `GateFull`."""

    def __init__(self, redis: Redis, cell: str, *, library: Library | None = None) -> None:
        self._calls = Calls(redis, keys.prefix(cell), library or Library())

    # --- jobs -----------------------------------------------------------------

    def offer(self, offers: Sequence[Offer], *, epoch: int | None = None) -> Permits:
        """Put committed jobs into their backlogs, in one round trip; `epoch`: the one being rebuilt."""
        operation = STRICT_OFFER if epoch is None else "offer"
        return _sum(self._run(operation, [offer.arguments() for offer in offers], epoch))

    def claim(self, worker: str, lanes: Sequence[str], lease_seconds: float, *, permit: str = "") -> Answered:
        """The job whose turn it is in these lanes; `permit` names the lane whose permit woke the slot."""
        return self._one("claim", worker, int(lease_seconds * 1000), permit, *lanes)

    def release(self, ending: Ending) -> Answered:
        """Give a slot back; `held` is False where the lease had moved on."""
        return self._ended("release", ending)

    def next(self, ending: Ending, worker: str, lanes: Sequence[str], lease_seconds: float) -> Answered:
        """Release one job and claim another in the same round trip."""
        return self._ended("next", ending, worker, int(lease_seconds * 1000), *lanes)

    def renew(
        self, worker: str, leases: Iterable[Lease], lease_seconds: float, *, slots: int | None, lanes: Sequence[str]
    ) -> Beat:
        """Extend a process's leases and tell its slots (None from a child)."""
        held = [part for lease in leases for part in (str(lease.job), lease.token)]
        told = "" if slots is None else slots
        fields = self._one("renew", worker, int(lease_seconds * 1000), told, ",".join(lanes), *held).fields
        return Beat(frozenset(map(UUID, fields["lost"])), frozenset(map(UUID, fields["cancelled"])))

    def cancel(self, job: UUID) -> Permits:
        """Forget a job that waits; one that is leased is marked, and its worker hears of it."""
        return self._one("cancel", str(job)).permits

    # --- budgets --------------------------------------------------------------

    def reserve(self, hold: Hold) -> Reserved:
        """Hold a call's worst case in its windows, before it is made. Without an answer nothing may be called."""
        lease = hold.lease
        answered = self._one("reserve", hold.call, str(lease.job), lease.token, hold.need.told())
        shortage = _shortage(answered.fields["shortage"])
        version = int(answered.fields.get("version", 0))
        return Reserved(answered.held, answered.fields["cancelled"], shortage, answered.permits, version)

    def settle(self, draws: Iterable[tuple[str, Draw]]) -> Permits:
        """Replace the reservations of these calls by what they drew; those not reserved (any more) are left alone."""
        told = _draws(draws)
        return self._one("settle", *told).permits if told else {}

    def drawn(self, tenant: str) -> Mapping[str, Mapping[str, int]]:
        """By window: tokens and nanos drawn, and held_tokens and held_nanos for calls whose draw is not known yet."""
        windows = self._one("drawn", tenant).fields["windows"]
        return {name: {unit: int(amount) for unit, amount in window.items()} for name, window in windows.items()}

    # --- rebuild --------------------------------------------------------------

    def adopt(self, running: Sequence[tuple[Offer, int, bool]], lease_seconds: float, *, epoch: int) -> Permits:
        """Take in jobs that the ledger says are running: under their tokens, and whether they are to be cancelled."""
        leased = int(lease_seconds * 1000)
        rows = [[*offer.arguments(), token, leased, int(cancelled)] for offer, token, cancelled in running]
        return _sum(self._run("adopt", rows, epoch))

    def remember(self, drawn: Sequence[tuple[str, Mapping[str, Draw]]], *, epoch: int) -> None:
        """Set what tenants have drawn, by window."""
        rows = [
            [tenant, *(part for name, draw in windows.items() for part in (name, draw.tokens, draw.nanos))]
            for tenant, windows in drawn
        ]
        self._run("remember", rows, epoch)

    def hold(self, holds: Sequence[Hold], *, epoch: int) -> None:
        """Put back the reservations of intents that are not settled."""
        self._run("hold", [[hold.call, hold.lease.tenant, hold.need.told()] for hold in holds], epoch)

    def memory(self) -> bytes:
        """Which memory of Redis this is: another one after a restart, a failover or a flush."""
        return bytes(self._calls.bare("memory", ids.token()))

    def open(self, epoch: int, memory: bytes) -> bool:
        """Put an epoch in force that was rebuilt in this memory; False where that, or the epoch in force, is newer."""
        return bool(self._calls.bare("open", epoch, memory))

    def epoch(self) -> int:
        """The epoch that was opened last, whether or not it is in force; 0 where none is remembered."""
        return self._calls.epoch()

    def is_open(self) -> bool:
        """Whether the gate works."""
        try:
            self._one("room", "", "")
        except GateClosed:
            return False
        return True

    def forget(self, epoch: int) -> None:
        """Remove what epochs before this one left behind: of the gate's past, and of rebuilds that came to nothing."""
        self._calls.forget(epoch)

    # --- upkeep and looking on ------------------------------------------------

    def sweep(self, worker: str) -> Answered:
        """Housekeeping, if this worker holds the sweep: `fields` has swept, expired and wake (milliseconds)."""
        return self._one("sweep", worker, SWEEPER_TTL, SWEEP_LIMIT)

    def configure(self, *configurations: Configuration, epoch: int | None = None) -> Permits:
        """Tell tenants' configurations, in one round trip; they bind from the next claim on."""
        return _sum(self._run("configure", [[one.tenant, one.version, one.told] for one in configurations], epoch))

    def pause(self, lane: str, *, paused: bool, epoch: int | None = None) -> Permits:
        """Let nothing be claimed from a lane, or again."""
        return _sum(self._run("pause", [[lane, int(paused)]], epoch))

    def weigh(self, lane: str, weight: float) -> Permits:
        """Tell what a lane weighs beside others; it binds from the next claim on."""
        return self._one("weigh", lane, weight).permits

    def waiting(self, backlogs: Sequence[tuple[str, Family]]) -> list[int]:
        """How many jobs of each (tenant, family) wait, those held for later among them, in one round trip."""
        return [answered.fields["waiting"] for answered in self._run("room", backlogs)]

    def look(self, most: int = 1000, *, tenant: str = "") -> Mapping[str, Any]:
        """What stands where, for people and metrics (`shared.gate.view`): lanes, and backlogs of tenants or of one."""
        return self._one("look", most, tenant).fields

    def _ended(self, operation: str, ending: Ending, *arguments: Any) -> Answered:
        """Settle what is left to settle, then end the lease, in one round trip."""
        end = (operation, (*ending.arguments(), *arguments))
        calls = [("settle", _draws(ending.draws)), end] if ending.draws else [end]
        answers = [_answered(raw) for raw in self._calls.trip(operation, calls)]
        return replace(answers[-1], permits=_sum(answers))

    def _one(self, operation: str, *arguments: Any) -> Answered:
        return self._run(operation, [arguments])[0]

    def _run(self, operation: str, calls: Sequence[Sequence[Any]], epoch: int | None = None) -> list[Answered]:
        return [_answered(raw) for raw in self._calls.run(operation, calls, epoch=epoch)]


def _answered(raw: bytes) -> Answered:
    fields = orjson.loads(raw)
    given = fields.get("lease") or None
    lease = Lease(UUID(given["job"]), given["tenant"], given["lane"], int(given["token"])) if given else None
    return Answered(fields["permits"], lease, bool(fields.get("held", True)), fields)


def _draws(draws: Iterable[tuple[str, Draw]]) -> list[Any]:
    """As `settle` reads them."""
    return [part for call, draw in draws for part in (call, draw.tokens, draw.nanos)]


def _shortage(told: Mapping[str, Any] | bool) -> Shortage | None:
    if isinstance(told, bool):
        return None
    numbers = {name: int(told[name]) for name in ("limit", "left", "need")}
    return Shortage(told["budget"], seconds=told["ms"] / 1000, never=told["never"], over=told["over"], **numbers)


def _sum(many: Iterable[Answered]) -> Permits:
    total: dict[str, int] = {}
    for answered in many:
        for lane, missing in answered.permits.items():
            total[lane] = total.get(lane, 0) + missing
    return total
