"""A lane's name is its Celery queue's; what is no lane is refused with the words of what would be."""

import pytest

from shared.contracts.kinds import Family
from shared.errors import ConfigurationError
from shared.lanes import Lane


@pytest.mark.parametrize(
    ("name", "lane"),
    [
        ("turns.pro", Lane(Family.TURNS, "pro")),
        ("ops.platform", Lane(Family.OPS, "platform")),
        ("turns@acme", Lane(Family.TURNS, tenant="acme")),
        ("ingest@pro", Lane(Family.INGEST, tenant="pro")),
    ],
)
def test_a_lane_is_known_by_its_name(name: str, lane: Lane) -> None:
    assert (Lane.named(name), str(lane)) == (lane, name)


@pytest.mark.parametrize("name", ["", "turns", "turns.", "turns@", ".pro", "@acme", "celery", "turn.pro", "turn@acme"])
def test_what_is_no_lane_is_refused_in_words(name: str) -> None:
    with pytest.raises(ConfigurationError, match="FAMILY@TENANT"):
        Lane.named(name)


def test_a_tenant_and_a_tier_of_one_name_have_lanes_of_their_own() -> None:
    assert Lane(Family.TURNS, "pro") != Lane(Family.TURNS, tenant="pro")
    assert str(Lane(Family.TURNS, "pro")) != str(Lane(Family.TURNS, tenant="pro"))
