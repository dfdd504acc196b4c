"""A provider's own log of the calls it served, asked by the id that Headgate gave each call.

Most providers have none that can be asked. Theirs stay unknown: they are billed apart, and held against budgets.
"""

from collections.abc import Mapping
from typing import Protocol

from shared.metering.prices import Tokens
from shared.rehearsal.client import Rehearsal
from shared.settings import Settings


class CallLog(Protocol):
    """What the log says is final: a call that is not there, and has had time to come, was not served."""

    def served(self, call_id: str) -> Tokens | None:
        """What was drawn under this id; None: nothing was served. Raises `Unavailable`."""


class RehearsalLog:
    """The rehearsal model's log: it knows a call from the moment at which it has read the request."""

    def __init__(self, url: str) -> None:
        self._model = Rehearsal(url)

    def served(self, call_id: str) -> Tokens | None:
        calls = self._model.lookup(call_id)
        if not calls:
            return None
        return Tokens(sum(call.input_tokens for call in calls), sum(call.output_tokens for call in calls))


def call_logs(settings: Settings) -> Mapping[str, CallLog]:
    """The logs of those providers that have one, by name."""
    known = settings.every_provider.items()
    return {name: RehearsalLog(provider.call_log_url) for name, provider in known if provider.call_log_url}
