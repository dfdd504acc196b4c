"""An HTTP answer, as a model is told of it."""

import codecs
import re
from collections.abc import Mapping
from typing import Any

import orjson

from workers.network.scrub import Scrub

#: Headers that a model can do something with.
SHOWN = ("content-type", "date", "etag", "last-modified", "link", "location", "retry-after")

#: Characters of one that are told.
MOST_OF_ONE = 512

#: Media types that are text though they are not called so.
TEXTUAL = re.compile(
    r"text/|application/(.*\+)?(json|xml|yaml|javascript|x-ndjson|x-www-form-urlencoded)\b", re.IGNORECASE
)

CHARSET = re.compile(r"charset=\"?([A-Za-z0-9._-]{1,40})", re.IGNORECASE)

#: How the names of those begin that are of texts; Python knows others, which unpack or unescape.
CHARSETS = ("ascii", "utf-8", "utf-16", "iso8859", "cp125", "koi8", "gb", "big5", "euc_", "shift_jis")


def shown(headers: Mapping[str, str], body: bytes, scrub: Scrub, *, cut_off: bool) -> dict[str, Any]:
    """A few headers, and the body as JSON or text, or a word on what it is; `truncated` where it goes on."""
    few = {name: scrub.text(headers[name])[:MOST_OF_ONE] for name in SHOWN if name in headers}
    kind = headers.get("content-type", "")
    if not body:
        content: dict[str, Any] = {}
    elif kind and not TEXTUAL.match(kind.strip()):
        content = {"text": f"[{len(body)} bytes of {scrub.text(kind)[:80]}, which is no text]"}
    else:
        content = _read(body, kind, scrub)
    return {"headers": few, **content, "truncated": cut_off}


def _read(body: bytes, kind: str, scrub: Scrub) -> dict[str, Any]:
    if "json" in kind.lower():
        try:
            return {"json": scrub.json(orjson.loads(body))}
        except (orjson.JSONDecodeError, RecursionError):
            pass  # cut off, or never JSON: the model may yet make something of the text
    return {"text": scrub.text(body.decode(_charset(kind), errors="replace"))}


def _charset(kind: str) -> str:
    """As the answer names it, where it is one of texts; else UTF-8."""
    found = CHARSET.search(kind)
    try:
        named = codecs.lookup(found[1]).name if found else "utf-8"
    except LookupError:
        return "utf-8"
    return named if named.startswith(CHARSETS) else "utf-8"
