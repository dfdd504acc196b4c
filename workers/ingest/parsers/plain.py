"""Plain text is its own text; its title is the heading it begins with, if it begins with one."""

from workers.ingest.headings import headings


def read_plain(text: str) -> tuple[str | None, str]:
    """Title and text."""
    first = next(headings(text), None)
    opens = first is not None and not any(character.isalnum() for character in text[: first.offset])
    return (first.text if first and opens else None), text
