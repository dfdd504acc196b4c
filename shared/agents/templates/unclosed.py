"""Where markup of a template begins that is never closed.

Jinja says of it only where it could read no further, which may be many lines below. This is asked of templates that
Jinja refused already, and takes time in proportion to their length, since their authors may mean harm.
"""

import re

#: What closes what.
CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}

OPENING = re.compile(r"\{[{%#]")

#: Within markup: text in quotes is passed over.
PIECE = re.compile(r"\{[{%#]|[}%#]\}|'[^'\n]*'|\"[^\"\n]*\"")

RAW, END_OF_RAW = re.compile(r"\{%[-+]?\s*raw\s*[-+]?%\}"), re.compile(r"\{%[-+]?\s*endraw\b")

#: Lines as Jinja counts them.
BREAK = re.compile(r"\r\n|\r|\n")


def unclosed(template: str) -> tuple[int, str] | None:
    """The line, from 1, of the first that is not closed before the next begins, and how it begins; None: all are."""
    at = 0
    while opening := OPENING.search(template, at):
        raw = RAW.match(template, opening.start())
        end = END_OF_RAW.search(template, raw.end()) if raw else None
        if raw and not end:
            return None  # Jinja says of it what there is to say
        after = end.end() if end else _closed(template, opening)
        if after is None:
            return len(BREAK.findall(template, 0, opening.start())) + 1, opening[0]
        at = after
    return None


def _closed(template: str, opening: re.Match[str]) -> int | None:
    """Where it is closed; None where it is not, or something else begins before."""
    if opening[0] == "{#":
        found = template.find("#}", opening.end())
        return found + len("#}") if found >= 0 else None
    for piece in PIECE.finditer(template, opening.end()):
        if piece[0] == CLOSING[opening[0]]:
            return piece.end()
        if piece[0] in CLOSING:
            return None
    return None
