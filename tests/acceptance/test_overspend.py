"""No overspend, once: the same run that `make overspend` repeats."""

from shared.embedded import Servers
from shared.metering.usage import NANO
from tests.faults.overspend import arena, hammer


def test_a_hard_budget_is_never_exceeded_while_workers_are_killed(servers: Servers) -> None:
    with arena(servers) as stage:
        found = hammer(stage, "acme", killing=True)
    assert found.kills > 0
    assert found.looks > 1
    assert max(found.highest, found.served) <= NANO
    assert found.drawn > NANO / 2, "and it is used"
    assert found.leaked == 0
