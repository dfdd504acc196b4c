"""Being told to stop: Ctrl-C, SIGTERM and a closed terminal are one thing to whoever runs something.

Each becomes a `KeyboardInterrupt` where the program stands, so that whatever it started is stopped by the `finally` it
stands in. A second one interrupts that stopping, which then kills.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

#: What stops a command that runs things.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stoppable() -> Iterator[None]:
    """Every signal to stop interrupts, as Ctrl-C does; also where the shell has us ignore Ctrl-C (`headgate up &`)."""
    with _handled(signal.default_int_handler):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """A signal to stop is heard at the end: nothing is started here that nobody would know of."""
    heard: list[int] = []
    with _handled(lambda number, _: heard.append(number)):
        yield
    if heard:
        raise KeyboardInterrupt


@contextmanager
def _handled(handler: "signal._HANDLER") -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former or signal.SIG_DFL)
