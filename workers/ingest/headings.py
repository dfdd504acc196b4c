"""Headings in a text: Markdown's `# …`, and underlined (or over- and underlined) lines as reStructuredText has them.

Lines between fences are code, where `#` begins a comment. A heading is taken only at the start of a line, so indented
code is safe without fences; a comment at the margin of unfenced code is taken for a heading, which costs a
passage a worse label and nothing else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Characters of the longest line that can be a heading; longer ones are sentences.
_LONGEST = 120

_HEADING = re.compile(
    rf"""
    ^(?: (?P<fence> ```|~~~ ) .*
       | \#{{1,6}}[ \t]+ (?P<marked> \S.{{0,{_LONGEST}}} )
       | (?P<underlined> [^\w\s]?\w.{{0,{_LONGEST}}} ) \n (?P<line> [=*~^"+#-] ) (?P=line){{2,}}[ \t]*
    )$
    """,
    re.MULTILINE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading and where its line begins, in characters from the start of the text."""

    offset: int
    text: str


def headings(text: str) -> Iterator[Heading]:
    """The headings of a text, in order."""
    in_code = False
    for match in _HEADING.finditer(text):
        if match["fence"]:
            in_code = not in_code
        elif not in_code:
            yield Heading(match.start(), (match["marked"] or match["underlined"]).strip().rstrip("#").rstrip())
