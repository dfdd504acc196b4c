"""A chat completion as it comes, told in pieces of about fifty milliseconds.

Words are told when some come, not by a clock of their own: what came last before a model falls silent in the midst of
its answer is told when it goes on. A stream costs more CPU than a whole answer, so only who is listened to streams.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from shared.clock import monotonic
from workers.calls import CallLost
from workers.models.answer import Answer

#: Seconds of words that are told together: faster is not read, and each telling is a round trip.
TOGETHER = 0.05

#: Characters that are told together however fast they come.
MOST_TOGETHER = 2_048

#: Pieces of one answer, several for each token of the longest: a provider that sends more never ends.
MOST_PIECES = 400_000


class Listener(Protocol):
    """Hears the words of one step as they come."""

    def begin(self) -> None:
        """A model is asked now: what was told of this step before, by another call, is void."""

    def __call__(self, text: str, /) -> None:
        """These words follow."""


class _Together:
    """Words that are held back for a moment."""

    def __init__(self, listener: Listener) -> None:
        self._listener, self._held, self._length, self._due = listener, list[str](), 0, 0.0

    def add(self, words: str) -> None:
        """The first are told at once."""
        if words:
            self._held.append(words)
            self._length += len(words)
        if self._held and (self._length >= MOST_TOGETHER or monotonic() >= self._due):
            self.tell()

    def tell(self) -> None:
        if self._held:
            self._listener("".join(self._held))
            self._held.clear()
            self._length, self._due = 0, monotonic() + TOGETHER


def gathered(pieces: Iterable[Any], listener: Listener) -> Answer:
    """The answer, once all of it has come; its words are told meanwhile."""
    answer, together = Answer(), _Together(listener)
    for number, piece in enumerate(pieces):
        if number >= MOST_PIECES:
            raise CallLost(f"the answer came in more than {MOST_PIECES} pieces")
        together.add(answer.take(piece))
    together.tell()
    return answer
