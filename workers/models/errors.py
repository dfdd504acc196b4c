"""A provider's errors, told apart by what matters: may something be drawn, whose fault is it, is another try worth it.

What a provider says is hostile like everything from outside: it is cut, and made fit to be stored.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx2
import openai

from shared import clock
from shared.errors import ConfigurationError
from workers.calls import CallFailed, CallLost
from workers.models.bounds import Overdue
from workers.models.failures import KeyRefused, ProviderFailed, RateLimited
from workers.storable import storable

#: Statuses that say "not now": timeouts and conflicts of the provider's own; and what is not permitted, until somebody
#: permits it. That is this call's fault (its model, its words) as well as the key's: it speaks against no other call.
PASSING = frozenset({403, 408, 409})

#: What says that there are too many calls.
TOO_MANY = 429

#: What OpenAI calls it when an account has no money left: it answers 429, but waiting does not help.
NO_QUOTA = "insufficient_quota"

#: From here on the fault is the provider's.
SERVER_ERROR = 500

#: What a gateway says whose provider did not answer it in time, or not whole: the call may have been drawn.
UNSURE = frozenset({502, 504})

#: Shortest and longest wait that a provider may ask for, in seconds. A job that waits for room has not failed and is
#: tried for ever: one that asked for none would have it tried as fast as can be, each time with an intent on record.
SHORTEST_WAIT, LONGEST_WAIT = 0.5, 600.0

#: Characters that are kept of what a provider says.
LONGEST_SAYING = 500


@contextmanager
def translated() -> Iterator[None]:
    """The SDK's errors, and the wire's, as Headgate's; an interruption stays one."""
    try:
        yield
    except openai.AuthenticationError as error:
        raise KeyRefused(f"the provider refused the key: {_said(error.message)}") from error
    except openai.APIStatusError as error:
        raise _answered(error) from error
    except Overdue as error:
        if error.sent:
            raise CallLost(f"the call was ended: {error}") from error
        raise ProviderFailed(f"the provider cannot be reached: {error}") from error
    except openai.APIConnectionError as error:
        if isinstance(error.__cause__, httpx2.ConnectError | httpx2.ProxyError):
            raise ProviderFailed(f"the provider cannot be reached: {_said(error.__cause__)}") from error
        raise CallLost(f"the call was cut: {_said(error.__cause__ or error)}") from error
    except (openai.APIError, httpx2.HTTPError, ValueError) as error:  # broken off by the provider, or not JSON
        raise CallLost(f"the answer was not whole: {_said(error)}") from error
    except openai.OpenAIError as error:
        raise ConfigurationError(f"the call could not be made: {_said(error)}") from error


def _answered(error: openai.APIStatusError) -> CallFailed | CallLost:
    """What a status means that is no success."""
    status, said = error.status_code, _said(error.message)
    if status in UNSURE:
        return CallLost(f"a gateway answered {status}: {said}")
    if status == TOO_MANY:
        if NO_QUOTA in (error.code, error.type):
            return KeyRefused(f"nothing is left on the key: {said}")
        return RateLimited(f"the provider answered {status}: {said}", after=_after(error))
    if status >= SERVER_ERROR:
        return ProviderFailed(f"the provider answered {status}: {said}", after=_after(error))
    return CallFailed(f"the provider answered {status}: {said}", retry=status in PASSING, after=_after(error))


def _said(saying: object) -> str:
    return storable(" ".join(str(saying).split()))[:LONGEST_SAYING]


def _after(error: openai.APIStatusError) -> float | None:
    """What the provider's Retry-After says, in seconds: a number of them, or a date."""
    told = error.response.headers.get("retry-after", "")
    try:
        seconds = float(told)
    except ValueError:
        seconds = _until(told)
    return max(SHORTEST_WAIT, min(seconds, LONGEST_WAIT)) if math.isfinite(seconds) and seconds >= 0 else None


def _until(date: str) -> float:
    """Seconds until a date as HTTP writes it; not a number where it is none."""
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - clock.now()).total_seconds())
