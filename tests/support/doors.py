"""A bus door in a thread of the test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from producers.accept import Acceptance
from producers.bus.door import BusDoor
from shared.bus import Names, connect
from shared.bus.names import NAMES
from shared.cell import Cell


@contextmanager
def door(cell: Cell, url: str | None = None, names: Names = NAMES) -> Iterator[None]:
    """Serves the bus at this URL (the cell's own unless told) until the context ends."""
    stopping = threading.Event()
    serving = BusDoor(connect(url or cell.bus_url, names=names), Acceptance(cell, "bus"))
    thread = threading.Thread(target=serving.serve, args=(stopping,), name="door")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
