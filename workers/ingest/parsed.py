"""What parsing gives: the text of a document, or the reason why there is none."""

from dataclasses import dataclass

from shared.errors import HeadgateError


class UnreadableDocument(HeadgateError):  # noqa: N818 - it names the state of the document, as the message explains
    """No text can be had from this document, and trying again will not change that."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document as text. `media_type` is what it was read as, which may differ from what it was declared to be."""

    title: str | None
    text: str
    media_type: str
