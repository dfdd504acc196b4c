"""A provider's errors, told apart by what matters: may something have been drawn, and is another try worth it."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import openai

from shared.errors import ConfigurationError
from workers.models.bounds import Overdue
from workers.steps import CallFailed, CallLost

#: Statuses that say "not now": too many requests, timeouts and conflicts of the provider's own.
PASSING = frozenset({408, 409, 429})

#: From here on the fault is the provider's.
SERVER_ERROR = 500

#: What a gateway says whose provider did not answer it in time, or not whole: the call may have been drawn.
UNSURE = frozenset({502, 504})

#: Longest wait that a provider may ask for, in seconds.
LONGEST_WAIT = 600.0


@contextmanager
def translated() -> Iterator[None]:
    """The SDK's errors, and the wire's, as Headgate's; an interruption stays one."""
    try:
        yield
    except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
        raise CallFailed(f"the provider refused the key: {error.message}", retry=False) from error
    except openai.APIStatusError as error:
        status = error.status_code
        if status in UNSURE:
            raise CallLost(f"a gateway answered {status}: {error.message}") from error
        retry = status in PASSING or status >= SERVER_ERROR
        raise CallFailed(
            f"the provider answered {status}: {error.message}", retry=retry, after=_after(error)
        ) from error
    except Overdue as error:
        if error.sent:
            raise CallLost(f"the call was ended: {error}") from error
        raise CallFailed(f"the provider cannot be reached: {error}", retry=True) from error
    except openai.APIConnectionError as error:
        if isinstance(error.__cause__, httpx2.ConnectError | httpx2.ProxyError):
            raise CallFailed(f"the provider cannot be reached: {error.__cause__}", retry=True) from error
        raise CallLost(f"the call was cut: {error.__cause__ or error}") from error
    except (openai.APIResponseValidationError, httpx2.HTTPError) as error:
        raise CallLost(f"the answer was not whole: {error}") from error
    except openai.OpenAIError as error:
        raise ConfigurationError(f"the call could not be made: {error}") from error


def _after(error: openai.APIStatusError) -> float | None:
    """What the provider's Retry-After says, in seconds."""
    try:
        return min(float(error.response.headers["retry-after"]), LONGEST_WAIT)
    except (KeyError, ValueError):
        return None
