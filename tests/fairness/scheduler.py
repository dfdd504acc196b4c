"""What decides whose request a free slot runs. The verbs are the gate's: it can stand where a baseline stands."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence

from tests.fairness.request import Request
from tests.fairness.workload import Workload


class Scheduler(ABC):
    """One policy, in one run."""

    #: Seconds after the start of the workload: the server moves it before it asks.
    now = 0.0

    @abstractmethod
    def offer(self, request: Request) -> None:
        """A request has come."""

    @abstractmethod
    def claim(self) -> Request | None:
        """The request that a free slot is to run; none where none may."""

    @abstractmethod
    def next(self, ended: Request) -> Request | None:
        """One has ended, and its slot goes on with another."""


class Queues(Scheduler):
    """A scheduler in plain Python, with a queue per tenant."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.waiting: dict[str, deque[Request]] = {tenant: deque() for tenant in workload.tenants}

    def offer(self, request: Request) -> None:
        self.waiting[request.tenant].append(request)

    def claim(self) -> Request | None:
        tenants = [tenant for tenant, queue in self.waiting.items() if queue]
        chosen = self.choose(tenants) if tenants else None
        if chosen is None:
            return None
        request = self.waiting[chosen].popleft()
        self.started(request)
        return request

    def next(self, ended: Request) -> Request | None:
        self.ended(ended)
        return self.claim()

    @abstractmethod
    def choose(self, tenants: Sequence[str]) -> str | None:
        """Whose turn it is, of those that have a request waiting."""

    def started(self, request: Request) -> None:
        """A request goes into a slot."""

    def ended(self, request: Request) -> None:
        """A request leaves its slot."""

    def earliest(self, tenants: Sequence[str]) -> str | None:
        """Whose next request came first."""
        return min(tenants, key=lambda tenant: self.waiting[tenant][0].at, default=None)
