"""One line for whoever must mend a broken connection, without the password in the URL."""

from urllib.parse import urlsplit

from shared.errors import Unavailable


def unavailable(url: str, cause: Exception) -> Unavailable:
    reason = " ".join(str(cause).split()).rstrip(".") or type(cause).__name__
    return Unavailable(f"The bus at {_place(url)} cannot be used now: {reason}. Is it up, is HEADGATE_BUS_URL right?")


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
