"""HTML as a reader sees it: headings, paragraphs, lists, tables and code; no scripts, no navigation, nothing hidden.

Parsing is lexbor's (the HTML5 algorithm). Its time grows with the square of the nesting depth, 0.03 s at the bound
below and a minute at 200,000, hence the bound. A tag with tens of thousands of attributes is as slow; for
that there is the hard time limit of the process.
"""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

from workers.ingest.parsed import UnreadableDocument

#: Open elements inside one another; browsers stop at 512, generated pages are seen with some hundreds.
MOST_NESTED = 5_000

#: What is not prose: code for machines, controls, and the links around a page.
_UNREAD = frozenset(
    {"head", "script", "style", "template", "noscript", "iframe", "object", "svg", "canvas"}
    | {"nav", "button", "select", "textarea"}
)

#: Elements that HTML lets authors leave open (WHATWG HTML 13.1.2.4) or that have no content (13.1.2): they do not nest.
_FLAT = frozenset(
    {"p", "li", "dt", "dd", "option", "optgroup", "tr", "td", "th", "thead", "tbody", "tfoot", "colgroup", "rt", "rp"}
    | {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)

#: Elements set apart by an empty line.
_BLOCKS = (
    *("p", "div", "section", "article", "main", "header", "footer", "aside", "address", "form"),
    *("ul", "ol", "dl", "table", "figure", "blockquote"),
)

#: A page's own word on its encoding; looked for where browsers look (WHATWG HTML 13.2.3.2).
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w:.-]+)", re.IGNORECASE)
_META_WITHIN = 1024

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_SPACE = re.compile(r"\s+")

#: What stands before and after an element's text. Elements not named here leave no mark.
_MARKS: dict[str, tuple[str, str]] = (
    dict.fromkeys(_BLOCKS, ("\n\n", "\n\n"))
    | {f"h{level}": (f"\n\n{'#' * level} ", "\n\n") for level in range(1, 7)}
    | dict.fromkeys(("tr", "dt", "dd", "caption", "figcaption"), ("\n", ""))
    | dict.fromkeys(("td", "th"), ("", " | "))
    | {"li": ("\n- ", ""), "br": ("\n", ""), "hr": ("\n\n", ""), "pre": ("\n\n```\n", "\n```\n\n")}
)


def read_html(source: str) -> tuple[str | None, str]:
    """Title (the page's, else its first main heading) and text."""
    _refuse_deep(source)
    # Without events: with them lexbor copies the chosen option again and again, 20 s for a list of 50,000.
    page = LexborHTMLParser(source, options=LexborDocumentOptions.WO_EVENTS)
    title = page.css_first("title") or page.css_first("h1")
    named = title.text() if title else None
    return named, "".join(_written(page.root)) if page.root else ""


def declared_charset(content: bytes) -> str | None:
    """The encoding that a page declares; one that could not have been read this far is not believed."""
    found = _META.search(content[:_META_WITHIN])
    charset = found[1].decode("ascii", "replace") if found else None
    return None if charset and charset.lower().startswith("utf-16") else charset


def _refuse_deep(source: str) -> None:
    depth = 0
    for closing, tag in _TAG.findall(source):
        if tag.lower() not in _FLAT:
            depth = max(depth - 1, 0) if closing else depth + 1
        if depth > MOST_NESTED:
            raise UnreadableDocument(f"Tags are nested over {MOST_NESTED} deep: close them, or send the text alone.")


def _written(root: LexborNode) -> Iterator[str]:
    """The page's text in pieces; runs of white space count as one space except in preformatted text."""
    fresh, preformatted = True, 0
    for node, entering in _walked(root):
        if node.is_text_node:
            piece = node.text_content or ""
            if not preformatted:
                piece = _SPACE.sub(" ", piece)
                piece = piece.lstrip(" ") if fresh else piece
        else:
            preformatted += (entering or -1) * (node.tag == "pre")
            piece = _mark(node, entering=entering)
        fresh = piece[-1].isspace() if piece else fresh
        yield piece


def _mark(node: LexborNode, *, entering: bool) -> str:
    if node.tag == "img" and entering:
        return node.attributes.get("alt") or ""
    before, after = _MARKS.get(node.tag or "", ("", ""))
    return before if entering else after


def _walked(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """What is read, on the way in and elements again on the way out; without recursion, as depth is the author's."""
    waiting = [(root, True)]
    while waiting:
        node, entering = waiting.pop()
        if node.tag in _UNREAD or "hidden" in node.attributes:
            continue
        yield node, entering
        if entering and node.is_element_node:
            waiting.append((node, False))
            waiting.extend((child, True) for child in reversed(list(node.iter(include_text=True))))
