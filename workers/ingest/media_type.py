"""What a document is: by its first bytes, then by what its sender says, then by its name.

The declared type is trusted unless it says nothing, with one exception: what begins like a PDF is one, since browsers
and scripts label uploads as text when they do not know better, and no prose begins that way.
"""

from dataclasses import dataclass
from email.message import Message
from pathlib import PurePath

from workers.ingest.parsed import UnreadableDocument

PLAIN = "text/plain"
MARKDOWN = "text/markdown"
HTML = "text/html"
PDF = "application/pdf"

#: Names that senders use for the four formats we read.
_ALIASES = {
    "text/x-markdown": MARKDOWN,
    "application/markdown": MARKDOWN,
    "application/xhtml+xml": HTML,
    "application/x-pdf": PDF,
}

_EXTENSIONS = {
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".pdf": PDF,
}

#: How other formats begin that people send without saying what they are.
_FOREIGN = {
    b"PK\x03\x04": "a zip archive (perhaps a Word or Excel file)",
    b"\xd0\xcf\x11\xe0": "an old Word or Excel file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\x1f\x8b": "a compressed file",
    b"\x7fELF": "a program",
    b"{\\rtf": "an RTF file",
}

#: Bytes at the start among which a mark is looked for; PDF readers accept `%PDF-` after some junk (ISO 32000-1, H.3).
_START = 1024


@dataclass(frozen=True, slots=True)
class MediaType:
    """One of the four formats, and the character set that its sender declared, if any."""

    essence: str
    charset: str | None


def recognise(content: bytes, declared: str, *, name: str) -> MediaType:
    """The format of a document; `UnreadableDocument` if it is none that we read."""
    essence, charset = _declared(declared)
    if content.startswith(b"%PDF-"):
        return MediaType(PDF, None)
    if essence in {"", "application/octet-stream"}:
        essence = _sniffed(content, name)
    essence = _ALIASES.get(essence, essence)
    if essence not in {MARKDOWN, HTML, PDF}:
        if not essence.startswith("text/"):
            raise UnreadableDocument(f"{essence} cannot be read: send plain text, Markdown, HTML or PDF.")
        essence = PLAIN
    return MediaType(essence, charset)


def _declared(media_type: str) -> tuple[str, str | None]:
    header = Message()
    header["Content-Type"] = "".join(media_type.split())
    return (header.get_content_type() if media_type.strip() else ""), header.get_content_charset()


def _sniffed(content: bytes, name: str) -> str:
    for mark, what in _FOREIGN.items():
        if content.startswith(mark):
            raise UnreadableDocument(f"This is {what}, which cannot be read: save it as PDF, HTML or text.")
    start = content[:_START]
    if b"%PDF-" in start:
        return PDF
    if start.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return HTML
    return _EXTENSIONS.get(PurePath(name).suffix.lower(), PLAIN)
