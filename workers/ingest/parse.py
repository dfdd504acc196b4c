"""From the bytes of a document to its text, whatever its format; what cannot be read is refused with the cure.

The bounds here keep one tenant's odd file from holding a worker; what slips through them meets the hard time
limit of the process that parses.
"""

from collections.abc import Callable

from workers.ingest.clean import clean, clean_line
from workers.ingest.encoding import decode
from workers.ingest.media_type import HTML, MARKDOWN, PDF, PLAIN, MediaType, recognise
from workers.ingest.parsed import Parsed, UnreadableDocument
from workers.ingest.parsers.html import declared_charset, read_html
from workers.ingest.parsers.markdown import read_markdown
from workers.ingest.parsers.pdf import read_pdf
from workers.ingest.parsers.plain import read_plain

#: Bytes of a document as received; room for the pictures in a PDF, whose text is bounded by itself.
MOST_BYTES = 50_000_000

#: Characters of text (of source, for HTML and Markdown); "War and Peace" has 3.2 million.
MOST_CHARACTERS = 5_000_000

#: Characters of a title that are kept; more is not a title.
MOST_TITLE = 300

_TEXTUAL: dict[str, Callable[[str], tuple[str | None, str]]] = {
    PLAIN: read_plain,
    MARKDOWN: read_markdown,
    HTML: read_html,
}


def parse(content: bytes, media_type: str, *, name: str) -> Parsed:
    """The text of a document. `media_type` is what its sender declares, or empty; `name` is its file name, a hint."""
    if len(content) > MOST_BYTES:
        raise UnreadableDocument(f"{name} has {len(content)} bytes, more than the {MOST_BYTES} we take: split it.")
    kind = recognise(content, media_type, name=name)
    title, raw = _read(content, kind)
    text = clean(raw)
    if not any(character.isalnum() for character in text):
        raise UnreadableDocument(_empty(kind))
    return Parsed(title=(clean_line(title) or "")[:MOST_TITLE] or None, text=text, media_type=kind.essence)


def _read(content: bytes, kind: MediaType) -> tuple[str | None, str]:
    if kind.essence == PDF:
        return read_pdf(content, most_characters=MOST_CHARACTERS)
    charset = kind.charset or (declared_charset(content) if kind.essence == HTML else None)
    source = decode(content, charset)
    if len(source) > MOST_CHARACTERS:
        raise UnreadableDocument(
            f"This has {len(source)} characters, more than the {MOST_CHARACTERS} we take: split it."
        )
    return _TEXTUAL[kind.essence](source)


def _empty(kind: MediaType) -> str:
    if kind.essence == PDF:
        return "This PDF holds no text, perhaps it is a scan: run text recognition (OCR) over it and send the result."
    return "This document holds no text: there is nothing to find in it."
