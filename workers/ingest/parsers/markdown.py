"""Markdown is read as the HTML it stands for: its raw HTML, tables and code then need no second set of rules.

CommonMark with tables. Dense markup takes about 3 s a megabyte, prose 0.6 s; no input was found that takes more
than 7 s a megabyte.
"""

import re

from markdown_it import MarkdownIt

from workers.ingest.parsers.html import read_html

#: The block of settings some tools put before the first line; not prose, except for its title.
_FRONT_MATTER = re.compile(r"\A---\n((?:[^\n]*\n){0,100}?)---\n")
_TITLE = re.compile(r"^title:[ \t]*[\"']?(.{1,300}?)[\"']?[ \t]*$", re.MULTILINE)


def read_markdown(text: str) -> tuple[str | None, str]:
    """Title (from the front matter, else the first heading of the highest level) and text."""
    front = _FRONT_MATTER.match(text)
    named = _TITLE.search(front[1]) if front else None
    body = text[front.end() :] if front else text
    title, plain = read_html(MarkdownIt("commonmark").enable("table").render(body))
    return (named[1] if named else title), plain
