"""The gate's operations as Python sees them: values in, values out, one round trip each.

A script's answer is JSON. Each answer carries the permits that the caller now owes to the lanes' queues
(`shared.lanes`): whoever changed the gate's state publishes them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import orjson
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MasterDownError, NoScriptError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared import ids
from shared.errors import HeadgateError, Unavailable
from shared.gate import keys
from shared.gate.limits import Configuration
from shared.gate.scripts import Scripts
from shared.gate.values import Answered, Ending, Lease, Offer, Permits

#: Longest time a worker may hold the sweep without showing itself, in milliseconds; two sweeps.
SWEEPER_TTL = 2000

#: Most expired leases, and most due jobs, that one sweep moves: bounds the time the script holds Redis.
SWEEP_LIMIT = 1000


class GateClosed(HeadgateError):  # noqa: N818 - it names a state
    """The gate has lost its memory and works again when a worker has rebuilt it from the ledger."""


class GateFull(HeadgateError):  # noqa: N818 - as above
    """The gate's Redis is full: the ledger sweep offers the job when there is room."""


class Gate:
    """One cell's gate."""

    def __init__(self, redis: Redis, cell: str, *, scripts: Scripts | None = None) -> None:
        self._redis = redis
        self._prefix = keys.prefix(cell)
        self._scripts = scripts or Scripts()

    def offer(self, offers: Sequence[Offer], *, epoch: int | None = None) -> Permits:
        """Put committed jobs into their backlogs, in one round trip; `epoch`: the one being rebuilt."""
        return _sum(a.permits for a in self._run("offer", [offer.arguments() for offer in offers], epoch))

    def adopt(self, running: Sequence[tuple[Offer, int]], lease_seconds: float, *, epoch: int) -> Permits:
        """Rebuild only: take in jobs that the ledger says are running, under the tokens they run with."""
        rows = [[*offer.arguments(), token, int(lease_seconds * 1000)] for offer, token in running]
        return _sum(a.permits for a in self._run("adopt", rows, epoch))

    def claim(self, worker: str, lanes: Sequence[str], lease_seconds: float, *, permit: str = "") -> Answered:
        """The job whose turn it is in these lanes; `permit` names the lane whose permit woke the slot."""
        return self._one("claim", worker, int(lease_seconds * 1000), permit, *lanes)

    def release(self, ending: Ending) -> Answered:
        """Give a slot back; `held` is False where the lease had moved on."""
        return self._one("release", *ending.arguments())

    def next(self, ending: Ending, worker: str, lanes: Sequence[str], lease_seconds: float) -> Answered:
        """Release one job and claim another in the same round trip."""
        return self._one("next", *ending.arguments(), worker, int(lease_seconds * 1000), *lanes)

    def renew(
        self, worker: str, leases: Iterable[Lease], lease_seconds: float, *, slots: int | None, lanes: Sequence[str]
    ) -> set[UUID]:
        """Extend a process's leases and tell its slots (None from a child); answers the jobs it has lost."""
        held = [part for lease in leases for part in (str(lease.job), lease.token)]
        told = "" if slots is None else slots
        answered = self._one("renew", worker, int(lease_seconds * 1000), told, ",".join(lanes), *held)
        return {UUID(job) for job in answered.fields["lost"]}

    def sweep(self, worker: str) -> Answered:
        """Housekeeping, if this worker holds the sweep: `fields` has swept, expired and wake (milliseconds)."""
        return self._one("sweep", worker, SWEEPER_TTL, SWEEP_LIMIT)

    def configure(self, configuration: Configuration) -> Permits:
        """Tell a tenant's limits, weight and status; they bind from the next claim on."""
        return self._one("configure", configuration.tenant, configuration.version, configuration.told()).permits

    def waiting(self, backlogs: Sequence[tuple[str, str]]) -> list[int]:
        """How many jobs wait in each (tenant, lane), those for later among them, in one round trip."""
        return [answered.fields["waiting"] for answered in self._run("room", [list(pair) for pair in backlogs])]

    def look(self, most: int = 1000) -> Mapping[str, Any]:
        """What stands where, for people and metrics: lanes and backlogs (see `scripts/look.lua`)."""
        return self._one("look", most).fields

    def memory(self) -> bytes:
        """Which memory of Redis this is: another one after a restart, a failover or a flush."""
        with _translated():
            return bytes(self._redis.eval(self._scripts.bare("memory"), 1, self._prefix, ids.token()))

    def open(self, epoch: int, memory: bytes) -> bool:
        """Put an epoch in force that was rebuilt in this memory; False where that, or the epoch in force, is newer."""
        with _translated():
            return bool(self._redis.eval(self._scripts.bare("open"), 1, self._prefix, epoch, memory))

    def is_open(self) -> bool:
        """Whether the gate works."""
        try:
            self.waiting([("", "")])
        except GateClosed:
            return False
        return True

    def forget(self, epoch: int) -> None:
        """Remove what epochs before this one left behind: of the gate's past, and of rebuilds that came to nothing."""
        with _translated():
            for key in self._redis.scan_iter(f"{self._prefix}[0-9]*:*", count=1000):
                if int(key.removeprefix(self._prefix.encode()).partition(b":")[0]) < epoch:
                    self._redis.unlink(key)

    def _one(self, operation: str, *arguments: Any) -> Answered:
        return self._run(operation, [list(arguments)])[0]

    def _run(self, operation: str, calls: Sequence[list[Any]], epoch: int | None = None) -> list[Answered]:
        """Run one script once per call, pipelined; a Redis that does not know the script is taught it."""
        if not calls:
            return []
        script, rebuilding = self._scripts[operation], "" if epoch is None else epoch
        with _translated():
            try:
                return self._pipelined(script.sha, calls, rebuilding)
            except NoScriptError:
                self._redis.script_load(script.text)
                return self._pipelined(script.sha, calls, rebuilding)

    def _pipelined(self, sha: str, calls: Sequence[list[Any]], epoch: int | str) -> list[Answered]:
        pipeline = self._redis.pipeline(transaction=False)
        for arguments in calls:
            pipeline.evalsha(sha, 1, self._prefix, epoch, *arguments)
        answers = pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return [_answered(answer) for answer in answers]


@contextmanager
def _translated() -> Iterator[None]:
    """Redis's errors as Headgate's."""
    try:
        yield
    except OutOfMemoryError as error:
        raise GateFull("the gate's Redis is full: raise its maxmemory") from error
    except (RedisConnectionError, RedisTimeoutError, ReadOnlyError, MasterDownError) as error:
        raise Unavailable(f"the gate's Redis does not answer: {error}") from error
    except ResponseError as error:
        if not str(error).startswith("CLOSED"):
            raise
        raise GateClosed("the gate is closed until a worker has rebuilt it from the ledger") from error


def _answered(raw: bytes) -> Answered:
    fields = orjson.loads(raw)
    given = fields.get("lease") or None
    lease = Lease(UUID(given["job"]), given["tenant"], given["lane"], int(given["token"])) if given else None
    return Answered(fields["permits"], lease, bool(fields.get("held", True)), fields)


def _sum(many: Iterable[Permits]) -> Permits:
    total: dict[str, int] = {}
    for permits in many:
        for lane, missing in permits.items():
            total[lane] = total.get(lane, 0) + missing
    return total
