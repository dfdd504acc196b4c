"""What it means for a tool that what it reaches for may not be reached, or does not answer."""

from collections.abc import Iterator
from contextlib import contextmanager

from workers.network.addresses import NotAllowed
from workers.network.bodies import NotAnswered
from workers.network.bounds import Overdue, TooMuch
from workers.network.scrub import Scrub
from workers.turns.tools.tool import ToolFailed, ToolRefused

#: Seconds by which a tool may outlast what it reaches for: a call ends by itself before it is ended.
SPARE = 2.0


@contextmanager
def as_tool_errors(connection: str, scrub: Scrub | None = None) -> Iterator[None]:
    """What goes wrong at a connection, as `ToolRefused` and `ToolFailed` by its name; scrubbed, where it is not yet."""
    try:
        yield
    except NotAllowed as error:
        raise ToolRefused(_worded(connection, error, scrub)) from error
    except (NotAnswered, Overdue, TooMuch) as error:
        raise ToolFailed(_worded(connection, error, scrub)) from error


def _worded(connection: str, error: Exception, scrub: Scrub | None) -> str:
    words = f"{connection}: {error}"
    return words if scrub is None else scrub.text(words)
