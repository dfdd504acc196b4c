"""The circuits of a process: what is broken is not called again by everybody, to find that out.

A call to a provider in trouble may hold its slot for minutes. So after some failures in a row the circuit is open: its
calls are not made, and their jobs wait in the gate with their slots given back. (Nygard, Release It!.)

A call is on one line: a provider, a key there, and the tenant. On a tenant's own key it passes one circuit, of its own.
On the platform's it passes two: its tenant's, which five failures of that tenant open, or one refused key, for that
tenant alone; and everybody's, which it takes two tenants to open. So a tenant whose own requests cannot be served keeps
itself from its slots, and nobody else from the key; a key that is broken for all is found out by the second tenant.

What counts is what says something of the provider or the key: a key that is refused or has nothing left, 5xx, no
connection, an answer that is lost. A rate limit, and what is not permitted (403: a model's or a message's fault as
often as the key's), count for nothing. Any other answer says that all is well.

Its weaknesses: each process finds out by itself, and forgets when it ends; and two tenants that fail together, while
nobody is answered, keep the others waiting for a few seconds, until one of these has probed.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from shared.telemetry import metrics
from workers.calls import CallFailed, CallLost
from workers.models.circuit import Circuit, Failure
from workers.models.failures import Forbidden, KeyRefused, NoKey, ProviderFailed, RateLimited, Unread

#: What says nothing of the provider and its key, whether it was sent or not.
SILENT = (RateLimited, Forbidden, NoKey, Unread)

#: Most circuits that are remembered; only those with failures are, so this many keys would have to fail at once.
MOST = 10_000


class Line(NamedTuple):
    """What a call is made on, and a circuit is of.

    `key`: one of the tenant's own, None the platform's. `tenant`: whose calls a circuit counts, None everybody's.
    """

    provider: str
    tenant: str | None = None
    key: str | None = None

    @property
    def circuits(self) -> Sequence["Line"]:
        """Those that a call on this line passes."""
        return (self,) if self.key is not None else (self, Line(self.provider))


class Circuits:
    """Of one process; any thread may call through them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failing: OrderedDict[Line, Circuit] = OrderedDict()

    @contextmanager
    def calling(self, line: Line, *, hurried: bool = False) -> Iterator[None]:
        """One call on this line; raises `CircuitOpen` in its place. What the call raises says how it went.

        `hurried`: its run leaves it less time than a call may take; then it says nothing of the provider by failing.
        """
        probes = self._enter(line)
        try:
            yield
        except (KeyRefused, ProviderFailed, CallLost) as error:
            if hurried and not isinstance(error, KeyRefused):
                self._left(probes)
            else:
                self._failed(line, error, probes)
            raise
        except CallFailed as error:
            if isinstance(error, SILENT):
                self._left(probes)
            else:  # it refused this call alone: it is well, and takes the key
                self._answered(line)
            raise
        except BaseException:
            self._left(probes)
            raise
        self._answered(line)

    def _enter(self, line: Line) -> Sequence[Line]:
        """The circuits that this call is the probe of."""
        with self._lock:
            known = {each: self._failing[each] for each in line.circuits if each in self._failing}
            for circuit in known.values():
                circuit.check()
            return [each for each, circuit in known.items() if circuit.enter()]

    def _answered(self, line: Line) -> None:
        with self._lock:
            for each in line.circuits:
                self._forget(each)

    def _left(self, probes: Sequence[Line]) -> None:
        """The call tells nothing; where it was the probe, the next is."""
        with self._lock:
            for each in probes:
                if each in self._failing:
                    self._failing[each].probing = False

    def _failed(self, line: Line, error: Exception, probes: Sequence[Line]) -> None:
        failure = Failure(line.tenant or "", str(error), key=isinstance(error, KeyRefused), probe=bool(probes))
        with self._lock:
            for each in line.circuits:
                circuit = self._remembered(each)
                was_open = circuit.is_open
                circuit.failed(failure, probe=each in probes)
                if circuit.is_open and not was_open:
                    metrics.CIRCUIT_OPEN.labels(provider=each.provider).inc()

    def _remembered(self, line: Line) -> Circuit:
        if line not in self._failing:
            while len(self._failing) >= MOST:
                self._forget(next(iter(self._failing)))
            self._failing[line] = Circuit(shared=line.tenant is None)
        return self._failing[line]

    def _forget(self, line: Line) -> None:
        circuit = self._failing.pop(line, None)
        if circuit is not None and circuit.is_open:
            metrics.CIRCUIT_OPEN.labels(provider=line.provider).dec()
