"""What is kept has bounds: of time, of number, of size."""

from shared import ids
from shared.agents import cached
from shared.cell import Cell
from tests.support.turning import rows
from tests.support.workers import eventually, workers
from workers.upkeep.prune import Prune


def keep(cell: Cell, tenant: str, many: int, *, seconds: float) -> list[bytes]:
    """So many values; each is kept a second longer than the one before."""
    keys = [ids.new().bytes for _ in range(many)]
    with cell.database.transaction(tenant) as connection:
        for number, key in enumerate(keys):
            assert cached.put(connection, tenant, "embedding", key, number, seconds=seconds + number)
    return keys


def left(cell: Cell, tenant: str) -> set[bytes]:
    return {bytes(row["key"]) for row in rows(cell, tenant, "SELECT key FROM tenant.cached")}


def test_what_is_over_is_dropped_batch_by_batch(cell: Cell) -> None:
    for tenant in ("acme", "globex"):
        keep(cell, tenant, 25, seconds=-100)
    fresh = keep(cell, "acme", 2, seconds=100)
    prune, rounds = Prune(cell, batch=10), 1
    while prune.prune() == 0.0:
        rounds += 1
    assert (left(cell, "acme"), left(cell, "globex"), rounds) == (set(fresh), set(), 5)


def test_workers_that_keep_the_ledger_prune_too(cell: Cell) -> None:
    keep(cell, "acme", 3, seconds=-100)
    with workers(cell, ["ops.pro"]):
        eventually(lambda: left(cell, "acme") == set(), "what is over is dropped")


def test_a_tenant_that_keeps_too_much_loses_what_would_have_gone_first(cell: Cell) -> None:
    mine, theirs = keep(cell, "acme", 25, seconds=100), keep(cell, "globex", 10, seconds=100)
    prune = Prune(cell, most=10, batch=10)
    while prune.prune() == 0.0:
        pass
    assert (left(cell, "acme"), left(cell, "globex")) == (set(mine[15:]), set(theirs))


def test_a_tenant_whose_values_take_too_much_loses_what_would_have_gone_first(cell: Cell) -> None:
    def large(tenant: str) -> list[bytes]:
        keys = [ids.new().bytes for _ in range(6)]
        with cell.database.transaction(tenant) as connection:
            for number, key in enumerate(keys):  # of what cannot be compressed
                value = ids.token(40_000)
                assert cached.put(connection, tenant, "response", key, value, seconds=60 + number)
        return keys

    mine, few = large("acme"), large("globex")[:1]
    with cell.database.transaction("globex") as connection:
        connection.execute("DELETE FROM tenant.cached WHERE key <> %s", few)
    assert Prune(cell, most_bytes=200_000).prune() > 0.0
    assert (left(cell, "acme"), left(cell, "globex")) == (set(mine[-3:]), set(few))


def test_a_value_that_is_too_large_is_not_kept(cell: Cell) -> None:
    with cell.database.transaction("acme") as connection:
        assert not cached.put(connection, "acme", "response", b"k", "x" * cached.LARGEST, seconds=60)
        assert cached.get(connection, "acme", "response", b"k") is None
