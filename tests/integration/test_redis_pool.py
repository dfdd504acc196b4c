"""The pool of the gate's Redis: as many slots as a worker has may be at the gate at the same moment."""

from contextlib import ExitStack

from shared.cell import Cell

#: More than redis-py makes by itself.
AT_ONCE = 150


def test_more_slots_than_redis_py_foresees_are_at_the_gate_at_once(cell: Cell) -> None:
    pool = cell.redis.connection_pool
    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            stack.callback(pool.release, pool.get_connection())  # connected, and Redis has answered
