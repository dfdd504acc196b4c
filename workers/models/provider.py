"""A model provider with one key, as one run may call it: no longer than a call may take, nor than the run may go on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import SecretStr

from shared.clock import monotonic
from shared.errors import HeadgateError
from shared.telemetry import metrics
from workers.calls import CallLost
from workers.interruption import Interrupted
from workers.models.clients import Clients
from workers.network.bounds import WHOLE, CallsUntil, bounded

if TYPE_CHECKING:
    from openai import OpenAI

#: Stands where a key was.
REDACTED = "[key]"

#: Characters that are kept of what went wrong.
LONGEST_KEPT = 600


class OpenProvider:
    """Open to one run; the clients are the process's. `key` is asked at each call, and says so where there is none."""

    def __init__(self, clients: Clients, address: str, key: Callable[[], SecretStr], calls_until: CallsUntil) -> None:
        self._clients, self._address, self._key, self._calls_until = clients, address, key, calls_until

    @contextmanager
    def call(self, model: str, seconds: float, *, most_bytes: int = WHOLE) -> Iterator["OpenAI"]:
        """The SDK, for one call of this model, whose answer takes so many bytes at most."""
        began, outcome = monotonic(), "failed"
        try:
            key = self._key()
            # a client is made by the first call that needs it, not in that call's time
            bounds = bounded(seconds, self._calls_until, most_bytes=most_bytes)
            with self._clients.lent(self._address, key) as sdk, redacted(key), bounds:
                yield sdk
            outcome = "answered"
        except CallLost:
            outcome = "lost"
            raise
        except Interrupted:
            outcome = "stopped"
            raise
        finally:
            metrics.LLM_REQUEST.labels(model=metrics.model_label(model), outcome=outcome).observe(monotonic() - began)


@contextmanager
def redacted(key: SecretStr) -> Iterator[None]:
    """What goes wrong is told without the key, whatever the provider says of it."""
    try:
        yield
    except HeadgateError as error:
        message, secret = str(error), key.get_secret_value()
        error.args = (message.replace(secret, REDACTED)[:LONGEST_KEPT],)  # not before: it would cut the key in two
        if secret not in message and secret not in str(error.__cause__):
            raise
        raise error from None
