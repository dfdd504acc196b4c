"""One circuit: a count of failures in a row, and the state that they bring it to.

    closed ── failures in a row ──▶ open ── its time is over ──▶ half open ── the probe is answered ──▶ closed
                                     ▲                               │
                                     └────── the probe fails ────────┘

A circuit that many tenants share must not be one tenant's to open: what brings a provider down may be that tenant's own
requests, in their size or their words. So each counts for some of the failures that open it, and for no more; and who
has failed here before speaks, as a probe, for itself alone.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from shared import clock
from shared.errors import HeadgateError

#: Failures in a row that open a circuit: fewer happen by chance when hundreds of calls are under way.
FAILURES = 5

#: Of these, at most so many are one tenant's in a circuit that others share.
MOST_OF_ONE = 3

#: Seconds that a circuit is open first; doubled by each probe that fails, up to the longest. A provider's hiccup is
#: over in seconds, and a probe in each of these costs nothing.
OPEN_SECONDS, LONGEST_OPEN = 5.0, 60.0

#: Seconds that it is open for a key that was refused: a person must mend that, and a probe each minute finds it out.
KEY_SECONDS = 60.0

#: Why a circuit that tenants share is open. What a provider said may quote the words of the tenant it was said to, and
#: is not told to the others.
SHARED, SHARED_KEY = "the provider fails calls of several tenants", "the provider refuses the platform's key"

#: Share of these by which they are longer at random, so that processes and keys do not probe all at once.
JITTER = 0.25


class CircuitOpen(HeadgateError):  # noqa: N818 - it names a state of the world, not a mistake
    """The call was not made; `after` so many seconds it may be worth it."""

    def __init__(self, why: str, after: float) -> None:
        super().__init__(f"not called for {after:.1f} s: {why}")
        self.after = after


class Failure(NamedTuple):
    """`by` a tenant. `key`: the key was refused; `probe`: of some circuit. One such tells as much as five others."""

    by: str
    why: str
    key: bool = False
    probe: bool = False


@dataclass
class Circuit:
    """`shared` by tenants. `reopened`: how often in a row a probe has failed. `probing`: a probe is under way."""

    shared: bool
    failures: Counter[str] = field(default_factory=Counter)
    open_until: float | None = None
    reopened: int = 0
    probing: bool = False
    why: str = ""

    @property
    def is_open(self) -> bool:
        return self.open_until is not None

    def check(self) -> None:
        """Raise `CircuitOpen` where no call may go out, not even as a probe."""
        if self.open_until is None:
            return
        left = self.open_until - clock.monotonic()
        if left > 0 or self.probing:
            raise CircuitOpen(self.why, max(left, OPEN_SECONDS if self.probing else 0.0))

    def enter(self) -> bool:
        """Whether the call that goes out now is the probe."""
        self.probing = self.is_open
        return self.probing

    def failed(self, failure: Failure, *, probe: bool) -> None:
        """One call, perhaps the probe of this circuit; one that went out before the circuit opened changes nothing."""
        probe = probe and self.is_open  # an answer may have closed it meanwhile
        if self.is_open and not probe:
            return
        if probe and self.shared and failure.by in self.failures:
            self.probing = False  # another tenant's call may tell more
            return
        if probe:
            self.failures.clear()
        weight = self.failures[failure.by] + (FAILURES if failure.key or failure.probe else 1)
        self.failures[failure.by] = min(weight, MOST_OF_ONE) if self.shared else weight
        if probe or self.failures.total() >= FAILURES:
            self._open(failure)

    def _open(self, failure: Failure) -> None:
        lasting = KEY_SECONDS if failure.key else min(LONGEST_OPEN, OPEN_SECONDS * 2**self.reopened)
        self.open_until = clock.monotonic() + lasting * random.uniform(1, 1 + JITTER)  # noqa: S311 - spreads probes
        why = (SHARED_KEY if failure.key else SHARED) if self.shared else failure.why
        self.reopened, self.probing, self.why = self.reopened + 1, False, why
