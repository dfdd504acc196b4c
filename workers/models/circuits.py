"""A circuit for each provider and key: what is broken is not called again by everybody, to find that out.

A call to a provider in trouble may hold its slot for minutes. So after some failures in a row that are the provider's
fault, or one that is the key's, the circuit is open: its calls are not made, and their jobs wait in the gate with their
slots given back. Then it is half open: one call goes out as a probe, and if that is answered the circuit is closed
again. A tenant's own key has a circuit of its own, so that it breaks nobody else's. (Nygard, Release It!.)

A circuit is its process's own knowledge: each process finds out by itself, and forgets when it ends. Its weakness: a
tenant whose requests alone bring a provider down opens, while nobody else is answered, the platform's circuit for all.
"""

import random
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from shared import clock
from shared.errors import HeadgateError
from shared.telemetry import metrics
from workers.calls import CallFailed, CallLost
from workers.models.failures import KeyRefused, NoKey, ProviderFailed, RateLimited

#: Failures in a row that open a circuit: fewer happen by chance when hundreds of calls are under way.
FAILURES = 5

#: Seconds that a circuit is open first; doubled by each probe that fails, up to the longest. A provider's hiccup is
#: over in seconds, and a probe in each of these costs nothing.
OPEN_SECONDS, LONGEST_OPEN = 5.0, 60.0

#: Seconds that it is open for a key that was refused: a person must mend that, and a probe each minute finds it out.
KEY_SECONDS = 60.0

#: Share of these by which they are longer at random, so that processes and keys do not probe all at once.
JITTER = 0.25

#: Most circuits that are remembered; only those with failures are, so this many keys would have to fail at once.
MOST = 10_000


class Line(NamedTuple):
    """What a circuit is of: a provider and a key there; the platform's, or a tenant's own (`tenant/credential`)."""

    provider: str
    key: str | None = None


class CircuitOpen(HeadgateError):  # noqa: N818 - it names a state of the world, not a mistake
    """The call was not made; `after` so many seconds it may be worth it."""

    def __init__(self, why: str, after: float) -> None:
        super().__init__(f"not called for {after:.1f} s: {why}")
        self.after = after


@dataclass
class Circuit:
    """`reopened`: how often in a row a probe has failed. `probing`: a probe is under way."""

    failures: int = 0
    open_until: float | None = None
    reopened: int = 0
    probing: bool = False
    why: str = ""


class Circuits:
    """Of one process; any thread may call through them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failing: OrderedDict[Line, Circuit] = OrderedDict()

    @contextmanager
    def calling(self, line: Line, *, hurried: bool = False) -> Iterator[None]:
        """One call on this line; raises `CircuitOpen` in its place. What the call raises says how it went.

        `hurried`: its run leaves it less time than a call may take; then it says nothing of the provider if it is lost.
        """
        probe = self._enter(line)
        try:
            yield
        except KeyRefused as error:
            self._failed(line, str(error), probe=probe, seconds=KEY_SECONDS)
            raise
        except (ProviderFailed, CallLost) as error:
            if hurried and isinstance(error, CallLost):
                self._left(line, probe=probe)
            else:
                self._failed(line, str(error), probe=probe)
            raise
        except CallFailed as error:
            if isinstance(error, RateLimited | NoKey):
                self._left(line, probe=probe)
            else:  # it refused this call alone: it is well, and takes the key
                self._answered(line)
            raise
        except BaseException:
            self._left(line, probe=probe)
            raise
        self._answered(line)

    def _enter(self, line: Line) -> bool:
        """Whether this call is the probe."""
        with self._lock:
            circuit = self._failing.get(line)
            if circuit is None or circuit.open_until is None:
                return False
            left = circuit.open_until - clock.monotonic()
            if left > 0 or circuit.probing:
                raise CircuitOpen(circuit.why, max(left, OPEN_SECONDS if circuit.probing else 0.0))
            circuit.probing = True
            return True

    def _answered(self, line: Line) -> None:
        with self._lock:
            self._forget(line)

    def _left(self, line: Line, *, probe: bool) -> None:
        """The call tells nothing; if it was the probe, the next is."""
        with self._lock:
            if probe and line in self._failing:
                self._failing[line].probing = False

    def _failed(self, line: Line, why: str, *, probe: bool, seconds: float | None = None) -> None:
        with self._lock:
            circuit = self._remembered(line)
            circuit.failures += 1
            if circuit.open_until is not None and not probe:
                return  # it went out before the circuit opened, or while the probe is under way
            if probe or seconds is not None or circuit.failures >= FAILURES:
                self._open(line, circuit, why, seconds)

    def _open(self, line: Line, circuit: Circuit, why: str, seconds: float | None) -> None:
        if circuit.open_until is None:
            metrics.CIRCUIT_OPEN.labels(provider=line.provider).inc()
        lasting = seconds or min(LONGEST_OPEN, OPEN_SECONDS * 2**circuit.reopened)
        circuit.open_until = clock.monotonic() + lasting * random.uniform(1, 1 + JITTER)  # noqa: S311 - spreads probes
        circuit.reopened, circuit.probing, circuit.why = circuit.reopened + 1, False, why

    def _remembered(self, line: Line) -> Circuit:
        if line not in self._failing:
            while len(self._failing) >= MOST:
                self._forget(next(iter(self._failing)))
            self._failing[line] = Circuit()
        return self._failing[line]

    def _forget(self, line: Line) -> None:
        circuit = self._failing.pop(line, None)
        if circuit is not None and circuit.open_until is not None:
            metrics.CIRCUIT_OPEN.labels(provider=line.provider).dec()
