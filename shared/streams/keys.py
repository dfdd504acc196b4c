"""The one place where a stream's key is made: `headgate.streams.<principal>.<job>`.

It begins with whoever asked for the job, so that one rule of the server's (`%R~headgate.streams.acme.*` in an ACL)
lets a principal read its own streams and nobody else's, as with reply addresses.
"""

from urllib.parse import urlsplit
from uuid import UUID

from shared.errors import ConfigurationError

PREFIX = "headgate.streams."

#: Names of principals have neither dots nor glob characters in them (`control.api_keys`).
PATTERN = PREFIX + "{principal}.{job}"

#: The field of an entry that holds the event, as JSON.
FIELD = "event"

#: URLs at which streams can be.
SCHEMES = ("redis", "rediss", "unix")


def stream_key(principal: str, job: UUID) -> str:
    """The stream of a job that this principal asked for."""
    return PATTERN.format(principal=principal, job=job)


def holds_streams(url: str) -> bool:
    """Whether the server at this URL is a Redis."""
    return urlsplit(url).scheme in SCHEMES


def is_stream(destination: str) -> bool:
    """Whether what leaves for there is told on a stream."""
    return destination.startswith(PREFIX)


def checked(url: str) -> str:
    """The same URL, when it is a Redis'."""
    if not holds_streams(url):
        raise ConfigurationError(f"streams are kept in Redis: the URL for them must begin with {', '.join(SCHEMES)}")
    return url
