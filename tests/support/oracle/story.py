"""What a story about the gate begins with, what must hold after each step of it, and how it ends."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from shared.gate.limits import Configuration
from shared.gate.values import Draw, Lease, Need, Offer
from shared.gate.windows import Windows
from shared.stores import redis
from tests.support.gates import configuration
from tests.support.oracle.bounds import Bounds
from tests.support.oracle.drain import drain
from tests.support.oracle.draws import LANES, SLOTS, TENANTS, WORKERS, Asked, asked, beginnings
from tests.support.oracle.pair import Pair


class Story(RuleBasedStateMachine):
    """`told`: each tenant's newest configuration; `offered` and `untold`: jobs accepted, and offered yet or not.

    `steps`: taken since the gate lost its memory.
    """

    #: Of the Redis that the gate lives in.
    url = ""

    @initialize(
        chosen=st.tuples(*[beginnings] * len(TENANTS)),
        asked=st.lists(asked, min_size=8, max_size=16),
        starts=st.booleans(),
    )
    def open(self, chosen: Sequence[dict[str, Any]], asked: Sequence[Asked], starts: bool) -> None:
        """With jobs from the start, and some running: a story may go on without ever accepting or claiming another."""
        self.client = redis.connect(self.url)
        self.pair, self.bounds = Pair(self.client, TENANTS, LANES), Bounds()
        self.chosen = dict(zip(TENANTS, chosen, strict=True))
        self.told = {name: configuration(name, **each) for name, each in self.chosen.items()}
        self.offered: list[Offer] = []
        self.untold: list[Offer] = []
        self.numbers = count(1)
        self.steps = 0
        self.accept(asked)
        if starts:
            self.fill("w1", LANES)

    @invariant()
    def all_agree(self) -> None:
        if hasattr(self, "pair"):
            self.steps += 1
            self.check()

    def check(self) -> None:
        self.bounds.check(self.pair, self.pair.check())

    def teardown(self) -> None:
        """A story that went well so far ends well; of one that did not, what went wrong is told."""
        if not hasattr(self, "pair"):
            return
        try:
            if sys.exc_info()[0] is None:
                self.tell(self.untold)
                drain(self.pair, self.bounds)
        finally:
            for key in self.client.scan_iter(f"{self.pair.gate.prefix}*", count=1000):
                self.client.unlink(key)
            self.client.close()

    # --- what rules are written in --------------------------------------------

    @property
    def leases(self) -> list[Lease]:
        return [hand.lease for _, hand in self.pair.model.jobs.hands()]

    def accept(self, asked: Sequence[Asked]) -> None:
        self.tell([self.accepted(each) for each in asked])

    def accepted(self, asked: Asked) -> Offer:
        return asked.offer(next(self.numbers), self.pair.gate.now, self.told[asked.tenant])

    def fill(self, worker: str, lanes: Sequence[str]) -> None:
        for _ in range(SLOTS):
            self.pair.claim(worker, lanes)
            self.check()

    def tell(self, offers: Sequence[Offer]) -> None:
        """Offer jobs, under their tenants' newest configurations."""
        self.offered += offers
        self.pair.offer([replace(offer, configuration=self.told[offer.configuration.tenant]) for offer in offers])

    def changed(self, tenant: str, change: dict[str, Any]) -> Configuration:
        """A tenant's next configuration."""
        self.chosen[tenant] = self.chosen[tenant] | {"is_open": True, "paused": False} | change
        self.told[tenant] = configuration(tenant, version=self.told[tenant].version + 1, **self.chosen[tenant])
        return self.told[tenant]

    def beat_all(self) -> None:
        for worker in WORKERS:
            mine = [hand.lease for _, hand in self.pair.model.jobs.hands(worker)]
            self.pair.renew(worker, mine, SLOTS, LANES)

    def need(self, tokens: int, nanos: int, ago: int = 0) -> Need:
        """Of a call that was intended so many hours ago, by Postgres's clock, which does not step back."""
        latest = datetime.fromtimestamp(self.pair.latest / 1000, UTC)
        return Need(Draw(tokens, nanos), Windows.at(latest - timedelta(hours=ago)))
