"""The text of a PDF, page by page, by pypdf.

A PDF is a program that draws: a small file can unpack to gigabytes or draw the same form a million times, so pages,
unpacked bytes, CPU time and characters are all bounded. pypdf has no closed list of what it raises on a broken
file; the list here is what its code can raise. Text comes in the order in which the file draws it; columns and tables
may come out interleaved, and a scanned page has no text at all.
"""

import logging
import struct
import zlib
from io import BytesIO
from time import thread_time
from typing import Any

from pypdf import PasswordType, PdfReader, apply_configuration
from pypdf.errors import DependencyError, DeprecationError, LimitReachedError, PyPdfError

from workers.ingest.parsed import UnreadableDocument

#: Pages; the longest manuals (a processor's instruction set) have some 5,000.
MOST_PAGES = 6_000

#: Seconds of CPU that one file may take; 100 pages of prose take half a second. Measured and not counted, since
#: one operation may be a letter or a form within forms within forms, each with a font to be read anew.
MOST_SECONDS = 30.0

#: Bytes that one stream may unpack to; a page of prose has 10 kB, a map 5 MB. pypdf's own bound is 75 MB.
_MOST_UNPACKED = 20_000_000

#: Forms (stamps, tiles, figures) drawn on one page; pypdf leaves the rest undrawn. Its own bound is 5,000.
_MOST_FORMS = 500

#: What pypdf lets through when a file is broken: a missing key, a wrong type, a bad number, a loop, a damaged stream,
#: a name that it no longer knows (and calls deprecated).
_BROKEN = (
    PyPdfError,
    DeprecationError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def read_pdf(content: bytes, *, most_characters: int) -> tuple[str | None, str]:
    """Title (from the file's own description) and text."""
    # It logs a line for each oddity, and a hostile file has millions; what matters is raised.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    limits = apply_configuration(
        zlib_maximum_output_length=_MOST_UNPACKED, xform_maximum_invocations_per_extraction=_MOST_FORMS
    )
    try:
        with limits:
            return _read(content, most_characters)
    except DependencyError as error:
        raise _locked() from error
    except LimitReachedError as error:
        raise UnreadableDocument("This PDF unpacks to more than we take: split it, or print it to PDF anew.") from error
    except _BROKEN as error:
        raise UnreadableDocument(f"This PDF is damaged ({error}): open it and save or print it to PDF anew.") from error


def _read(content: bytes, most_characters: int) -> tuple[str | None, str]:
    reader = PdfReader(BytesIO(content))
    if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
        raise _locked()
    if (pages := len(reader.pages)) > MOST_PAGES:
        raise UnreadableDocument(f"This PDF has {pages} pages, more than the {MOST_PAGES} we take: split it.")
    patience = _Patience()
    texts: list[str] = []
    for page in reader.pages:
        texts.append(page.extract_text(visitor_operand_before=patience.ask))
        patience.ask()
        if (most_characters := most_characters - len(texts[-1])) < 0:
            raise UnreadableDocument("This PDF holds more text than we take: split it.")
    title = reader.metadata.title if reader.metadata else None
    return title, "\n\n".join(texts)


def _locked() -> UnreadableDocument:
    return UnreadableDocument("This PDF is protected by a password or encryption: save it without protection.")


class _Patience:
    """Asked before each drawing operation, and after each page too: pypdf swallows what is raised inside a form."""

    def __init__(self) -> None:
        self._until = thread_time() + MOST_SECONDS

    def ask(self, *_operation: Any) -> None:
        if thread_time() > self._until:
            raise UnreadableDocument("This PDF draws far more than its pages can show: print it to PDF anew.")
