"""Text that every store can keep and every search can find.

PostgreSQL refuses NUL and UTF-8 has no lone surrogates; invisible characters and typographic ligatures hide words from
a search that looks for them as people type them.
"""

import re

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")

#: Controls, soft hyphens, zero-width spaces, byte order marks, noncharacters. Joiners stay: Persian and emoji
#: need them.
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u200b\u2060\ufeff\ufffe\uffff]")

_SURROGATES = re.compile("[\ud800-\udfff]")

#: U+FB00 to U+FB06, as fonts draw them and PDF files therefore spell them.
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})

_EMPTY_LINES = re.compile("\n{3,}")


def clean(text: str) -> str:
    """The same text with lines that end in one newline, and without what cannot be stored or seen."""
    if _SURROGATES.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text)).translate(_LIGATURES)
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return _EMPTY_LINES.sub("\n\n", lines).strip("\n")


def clean_line(text: str | None) -> str | None:
    """A title or heading on one line; None if nothing is left of it."""
    return " ".join(clean(text or "").split()) or None
