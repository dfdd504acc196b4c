"""From bytes to text, without inventing letters.

In this order: a byte order mark, the declared character set, UTF-8, UTF-8 with a few damaged places, and then a guess.
The guess is charset-normalizer's among the encodings the web is written in; where several explain the bytes equally
well it takes Windows-1252, the most common. A short text with one accented letter can still be guessed wrongly:
declaring the character set is the cure.
"""

import codecs
import re

from charset_normalizer import CharsetMatch, from_bytes

from workers.ingest.parsed import UnreadableDocument

#: Longest mark first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

#: Encodings that a guess may fall on: those of the WHATWG Encoding Standard that are still met, in Python's names.
_GUESSES = [
    *("utf_16_le", "utf_16_be", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256"),
    *("koi8_r", "cp932", "euc_jp", "gb18030", "big5", "euc_kr"),
]

#: Who declares Latin-1 means Windows-1252, whose quotation marks Latin-1 lacks (WHATWG Encoding Standard, 4.2).
_AS_ON_THE_WEB = {"iso8859-1": "cp1252"}

#: Letters beyond ASCII for each damaged place, from which on a text counts as damaged UTF-8 and not as something else.
_SOUND_PER_DAMAGED = 3

#: Share of control characters above which it is no text: random bytes have 0.10, text has none or a stray few.
_CONTROLS_ALLOWED = 0.05

_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")


def decode(content: bytes, charset: str | None) -> str:
    """The text of `content`; `UnreadableDocument` if it is none in any encoding we know."""
    text = _marked(content) or _as_declared(content, charset) or _utf8(content) or _guessed(content)
    if text is None or len(_CONTROLS.findall(text)) > _CONTROLS_ALLOWED * len(text):
        raise UnreadableDocument(
            "This is declared as text but holds binary data: send the text itself, in UTF-8, or correct the media type."
        )
    return text


def _marked(content: bytes) -> str | None:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    return None


def _as_declared(content: bytes, charset: str | None) -> str | None:
    if not charset:
        return None
    try:
        encoding = codecs.lookup(charset).name
        return content.decode(_AS_ON_THE_WEB.get(encoding, encoding))
    except (LookupError, ValueError):  # no such encoding, or not in it: the bytes themselves know better
        return None


def _utf8(content: bytes) -> str | None:
    text = content.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    foreign = sum(map(len, re.findall("[^\x00-\x7f]+", text))) - damaged
    wide = content.count(0) > _CONTROLS_ALLOWED * len(content)  # UTF-16 without a mark is valid UTF-8 full of NULs
    return None if wide or damaged * _SOUND_PER_DAMAGED > foreign else text


def _guessed(content: bytes) -> str | None:
    matches = from_bytes(content, cp_isolation=_GUESSES)
    best = matches.best()
    if best is None:
        return None
    as_good = [match for match in matches if _plausibility(match) == _plausibility(best)]
    common = any("cp1252" in match.could_be_from_charset for match in as_good)
    return content.decode("cp1252" if common else best.encoding, "replace")


def _plausibility(match: CharsetMatch) -> tuple[float, float]:
    return match.chaos, match.coherence
