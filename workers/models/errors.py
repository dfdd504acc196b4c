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
from shared.errors import ConfigurationError, HeadgateError
from shared.texts import storable
from workers.calls import CallFailed, CallLost
from workers.models.failures import Forbidden, KeyRefused, ProviderFailed, RateLimited
from workers.network.bounds import Overdue, TooMuch

#: Statuses that say "not now": timeouts and conflicts of the provider's own.
PASSING = frozenset({408, 409})

#: What says to ask somebody else. Nobody is followed: who it names is not who the tenant's words may go to.
ELSEWHERE = range(300, 400)

#: What OpenAI calls it when an account has no money left: it answers 429, but waiting does not help.
NO_QUOTA = "insufficient_quota"

#: From here on the fault is the provider's.
SERVER_ERROR = 500

#: Shortest and longest wait that a provider may ask for, in seconds. A job that waits for room has not failed and is
#: tried for ever: one that asked for none would have it tried as fast as can be, each time with an intent on record.
SHORTEST_WAIT, LONGEST_WAIT = 0.5, 600.0

#: Characters that are looked at of what a provider says; fewer are kept (`workers.models.provider`), once keys are out.
LONGEST_SAYING = 10_000


@contextmanager
def translated() -> Iterator[None]:
    """The SDK's errors, and the wire's, as Headgate's; an interruption stays one."""
    try:
        yield
    except openai.APIStatusError as error:
        raise _answered(error) from error
    except openai.APIConnectionError as error:
        raise _unconnected(error) from error
    except (Overdue, TooMuch) as error:
        if error.sent:
            raise CallLost(f"the call was ended: {error}") from error
        raise ProviderFailed(f"the provider cannot be reached: {error}") from error
    except (openai.APIError, httpx2.HTTPError, ValueError, RecursionError) as error:  # broken off, or not JSON
        raise CallLost(f"the answer was not whole: {_said(error)}") from error
    except openai.OpenAIError as error:
        raise ConfigurationError(f"the call could not be made: {_said(error)}") from error


def _unconnected(error: openai.APIConnectionError) -> HeadgateError:
    """What it means that no answer came."""
    match error.__cause__:
        case httpx2.ConnectError() | httpx2.ProxyError() as cause:
            return ProviderFailed(f"the provider cannot be reached: {_said(cause)}")
        case httpx2.LocalProtocolError() | httpx2.UnsupportedProtocol() as cause:
            return ConfigurationError(f"the call could not be made: {_said(cause)}")
        case cause:
            return CallLost(f"the call was cut: {_said(cause or error)}")


def _answered(error: openai.APIStatusError) -> CallFailed | CallLost:
    """What a status means that is no success."""
    status, after = error.status_code, _after(error)
    message = f"the provider answered {status}: {_said(error.message)}"
    if status in ELSEWHERE:
        where = _said(error.response.headers.get("location", "nowhere"))
        return ProviderFailed(f"the provider answered {status} and names {where}: nobody is followed there")
    failed: CallFailed | CallLost = CallFailed(message, retry=status in PASSING, after=after)
    match status:
        case 401:
            failed = KeyRefused(f"the provider refused the key: {_said(error.message)}")
        case 403:  # until somebody permits it
            failed = Forbidden(message, after=after)
        case 429:
            failed = _too_many(error, message)
        case 502 | 504:  # of a gateway whose provider did not answer in time, or not whole: it may have been drawn
            failed = CallLost(message)
        case _ if status >= SERVER_ERROR:
            failed = ProviderFailed(message, after=after)
    return failed


def _too_many(error: openai.APIStatusError, message: str) -> CallFailed:
    if NO_QUOTA in (error.code, error.type):
        return KeyRefused(f"nothing is left on the key: {_said(error.message)}")
    return RateLimited(message, after=_after(error))


def _said(saying: object) -> str:
    return storable(" ".join(str(saying).split()))[:LONGEST_SAYING]


def _after(error: openai.APIStatusError) -> float | None:
    """What the provider's Retry-After says, in seconds: a number of them, or a date."""
    header = error.response.headers.get("retry-after", "")
    try:
        seconds = float(header)
    except ValueError:
        seconds = _until(header)
    return max(SHORTEST_WAIT, min(seconds, LONGEST_WAIT)) if math.isfinite(seconds) and seconds >= 0 else None


def _until(date: str) -> float:
    """Seconds until a date as HTTP writes it; not a number where it is none."""
    try:
        moment = parsedate_to_datetime(date)
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - clock.now()).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return math.nan
