"""The OpenAI client of a process: one, shared, never made per call (making one costs 24 ms of CPU).

The SDK's own retries are off: how often and when a call is repeated is decided in one place, the gate. Its connections
are ours (`workers.models.wire`), for a call must end when its run must.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from shared.errors import ConfigurationError
from shared.settings import Settings

if TYPE_CHECKING:
    from openai import OpenAI


class NoKey(ConfigurationError):  # noqa: N818 - named for what is missing
    """This worker has no key for the model provider: not the job's fault, so it waits for a worker that has one."""


class Clients:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def openai(self) -> "OpenAI":
        from openai import OpenAI  # noqa: PLC0415 - costs 1.25 s of CPU, which only who calls a model should pay

        from workers.models.wire import http_client  # noqa: PLC0415 - as above

        key = self._settings.openai_api_key
        if key is None:
            raise NoKey("no key for the model provider: set OPENAI_API_KEY for this worker")
        address = self._settings.openai_base_url
        return OpenAI(api_key=key.get_secret_value(), base_url=address, max_retries=0, http_client=http_client())
