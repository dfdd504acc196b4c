"""A request of a tenant, and what serving it takes.

The server of these simulations is a worker host of `SLOTS` slots, each of which runs one request at a time. It is as
fast as the GPU of the VTC paper (arXiv 2401.00588, section 5), which served about 93 requests of 256 tokens in and 256
out a minute: the paper's rates then mean here what they mean there.
"""

from dataclasses import dataclass

#: Requests that run at once.
SLOTS = 16

#: Tokens in that a slot reads in a second, and tokens out that it writes.
READS, WRITES = 2560.0, 25.0

#: What a token out counts, where a token in counts one (the paper's w_q and w_p, and Headgate's for turns).
TOKEN_OUT = 2


@dataclass(frozen=True)
class Request:
    """`at`: seconds after the start of the workload."""

    number: int
    tenant: str
    at: float
    tokens_in: int
    tokens_out: int

    @property
    def cost(self) -> int:
        return self.tokens_in + TOKEN_OUT * self.tokens_out

    @property
    def seconds(self) -> float:
        return self.tokens_in / READS + self.tokens_out / WRITES

    def served(self, elapsed: float) -> float:
        """Service so long after its start: all of its input at once, its output as it is written (the paper's W)."""
        written = (elapsed - self.tokens_in / READS) * WRITES
        return self.tokens_in + TOKEN_OUT * min(max(written, 0.0), self.tokens_out)
