"""What a workload is: tenants of given weights, and everything they ask for."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count

from tests.fairness.request import SLOTS, Request

#: Tokens in, tokens out.
Lengths = tuple[int, int]

#: Of most requests in the paper.
MEDIUM: Lengths = (256, 256)


@dataclass(frozen=True, eq=False)
class Workload:
    """`requests` in the order of their coming; a tenant without a weight has 1."""

    name: str
    about: str
    seconds: int
    requests: tuple[Request, ...]
    weights: Mapping[str, float] = field(default_factory=dict)
    #: Tenants that ask for less than their share: whoever floods, they should hardly wait.
    modest: tuple[str, ...] = ()

    @cached_property
    def tenants(self) -> tuple[str, ...]:
        return tuple(sorted({request.tenant for request in self.requests}))

    def weight(self, tenant: str) -> float:
        return self.weights.get(tenant, 1.0)

    @cached_property
    def in_flight(self) -> float:
        """U: the most that the work in flight can come to, in service over weight, were it all of one kind.

        As in the paper, with what Headgate's slots hold in place of what fits into a GPU's batch.
        """
        return SLOTS * max(request.cost / self.weight(request.tenant) for request in self.requests)


class Asked:
    """Requests as they are put together."""

    def __init__(self) -> None:
        self._numbers = count()
        self._requests: list[Request] = []

    def by(self, tenant: str, moments: Iterable[float], lengths: Lengths | Iterator[Lengths] = MEDIUM) -> "Asked":
        """A tenant's requests, all of one length or each of the next."""
        for moment in moments:
            tokens_in, tokens_out = lengths if isinstance(lengths, tuple) else next(lengths)
            self._requests.append(Request(next(self._numbers), tenant, moment, tokens_in, tokens_out))
        return self

    def all(self) -> tuple[Request, ...]:
        return tuple(sorted(self._requests, key=lambda request: (request.at, request.number)))
