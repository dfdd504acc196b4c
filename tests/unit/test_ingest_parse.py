"""Documents of every format become text; what is no text is refused with a sentence that helps."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.ingest.parse import MOST_BYTES, MOST_CHARACTERS, parse
from workers.ingest.parsed import UnreadableDocument

PAGE = """<!doctype html><html><head><title>Pay &amp; leave</title><style>p{color:red}</style></head>
<body><nav>Home</nav><h1>Leave</h1><p>Ask  your
lead<b>er</b>.</p><script>alert(1)</script>
<ul><li>sick<li>annual</ul><table><tr><th>days<th>who<tr><td>25<td>all</table>
<pre>x = 1
  y = 2</pre><p hidden>secret<svg><style>a{}</style></svg></p><img src=a.png alt="a calendar"></body></html>"""

MARKDOWN = """# Deploy

Run *it* with [care](http://example.org).

```sh
# not a heading
make up
```

| key | value |
|-----|-------|
| a   | b     |

<script>alert(1)</script>
"""


def text_of(content: bytes, media_type: str = "text/plain", name: str = "notes.txt") -> str:
    return parse(content, media_type, name=name).text


def test_html_keeps_what_a_reader_sees() -> None:
    page = parse(PAGE.encode(), "text/html; charset=utf-8", name="leave.html")
    assert page.title == "Pay & leave"
    assert page.text == (
        "# Leave\n\nAsk your leader.\n\n- sick\n- annual\n\ndays | who |\n25 | all |\n\n"
        "```\nx = 1\n  y = 2\n```\n\na calendar"
    )


def test_markdown_keeps_headings_tables_and_code() -> None:
    document = parse(MARKDOWN.encode(), "text/markdown", name="deploy.md")
    assert document.title == "Deploy"
    assert document.text == (
        "# Deploy\n\nRun it with care.\n\n```\n# not a heading\nmake up\n\n```\n\nkey | value |\na | b |"
    )


def test_markdown_takes_its_title_from_the_front_matter() -> None:
    document = parse(b'---\ntags: x\ntitle: "House rules"\n---\n# First\n\ntext', "text/markdown", name="rules.md")
    assert (document.title, document.text) == ("House rules", "# First\n\ntext")


@pytest.mark.parametrize("opening", ["Rules\n*****", "=====\nRules\n=====", "# Rules #"])
def test_plain_text_takes_its_title_from_the_heading_it_opens_with(opening: str) -> None:
    assert parse(f"{opening}\n\nNo running.\n".encode(), "text/plain", name="a").title == "Rules"
    assert parse(f"Preface.\n\n{opening}\n".encode(), "text/plain", name="a").title is None


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"<!DOCTYPE HTML><p>x", "", "text/html"),
        (b"# x", "a.MD", "text/markdown"),
        (b"x", "a", "text/plain"),
        (b"<p>x", "a.htm", "text/html"),
    ],
)
@pytest.mark.parametrize("declared", ["", "application/octet-stream"])
def test_undeclared_format_is_found_by_bytes_then_by_name(
    content: bytes, name: str, expected: str, declared: str
) -> None:
    assert parse(content, declared, name=name).media_type == expected


@pytest.mark.parametrize("media_type", ["text/csv", "text/x-python", "TEXT/PLAIN ; charset=UTF-8"])
def test_other_kinds_of_text_are_read_as_plain(media_type: str) -> None:
    assert text_of(b"a,b", media_type) == "a,b"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "cp1252"])
def test_text_is_read_in_the_encoding_it_is_written_in(encoding: str) -> None:
    text = "Die Größe der Straße beträgt zwölf Meter, schöne Grüße aus Köln."
    assert text_of(text.encode(encoding)) == text


def test_text_that_several_encodings_explain_is_read_in_the_most_common() -> None:
    text = "Zürich größe naïve café " * 20  # reads as well as cp1250, with another letter for the ï
    assert text_of(text.encode("cp1252")) == text.strip()


def test_declared_charset_wins_over_a_guess() -> None:
    assert text_of("Привет".encode("koi8-r"), "text/plain; charset=koi8-r") == "Привет"
    assert text_of("Grüße".encode(), "text/plain; charset=no-such-charset") == "Grüße"


def test_html_charset_of_the_page_wins_over_a_guess() -> None:
    assert text_of('<meta charset="iso-8859-2"><p>Kőrösi'.encode("iso-8859-2"), "text/html") == "Kőrösi"


@pytest.mark.parametrize("word", ["Grüße", "Gruße"])
def test_html_that_calls_itself_utf_16_in_ascii_is_not_believed(word: str) -> None:
    assert text_of(f'<meta charset="utf-16"><p>{word}'.encode(), "text/html") == word


def test_declared_latin_1_keeps_the_quotation_marks_of_windows() -> None:
    assert text_of("“so”".encode("cp1252"), "text/plain; charset=iso-8859-1") == "“so”"


def test_damaged_utf8_keeps_its_sound_letters() -> None:
    assert text_of("Grüße aus Köln, schöne, größte Öfen, überall ".encode() + b"\xff.").startswith("Grüße aus Köln")


def test_what_cannot_be_stored_or_seen_is_removed() -> None:
    assert text_of("a\x00b soft\xadware o\ufb03ce\r\nzero\u200bwidth\u2028end ".encode()) == (
        "ab software office\nzerowidth\nend"
    )
    assert text_of(b"<p>a&#xD800;&#0;b", "text/html").encode().decode("utf-8").startswith("a")


@given(
    st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))),
    st.sampled_from(["text/plain", "text/markdown", "text/html", "application/pdf", "text/plain; charset=utf-16", ""]),
)
def test_any_bytes_become_text_that_can_be_stored_or_are_refused(content: bytes, media_type: str) -> None:
    with suppress(UnreadableDocument):
        text = text_of(content, media_type)
        assert text.encode()
        assert "\x00" not in text


@pytest.mark.parametrize(
    ("content", "media_type", "reason"),
    [
        (b"", "text/plain", "no text"),
        (b" \n\t\x00", "", "no text"),
        (b"<script>x</script>", "text/html", "no text"),
        (bytes(range(256)) * 40, "text/plain", "binary"),
        (b"\x00\x01\x02\x03" * 1000, "text/markdown", "binary"),
        (b"PK\x03\x04...", "", "zip archive"),
        (b"\x89PNG\r\n", "application/octet-stream", "picture"),
        (b"x", "application/msword", "send plain text"),
        (b"<div>" * 200_000 + b"x", "text/html", "nested"),
        (b"a" * (MOST_CHARACTERS + 1), "text/plain", "split it"),
        (b"a" * (MOST_BYTES + 1), "application/pdf", "split it"),
    ],
)
def test_unreadable_document_is_refused_with_the_reason(content: bytes, media_type: str, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason):
        parse(content, media_type, name="thing")


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"word " * 200_000, "text/plain"),
        (b"a" * (1 << 20), "text/plain"),
        (b"a" + b"\n" * 200_000 + b"b", "text/plain"),
        ((b"# " + b" " * 5000) * 200 + b"x", "text/plain"),
        (b"```\n" * 200_000 + b"x", "text/plain"),
        (b"x <b>y</b>" * 100_000, "text/html"),
        (b"<p>x" * 250_000, "text/html"),
        (b"<" * (1 << 20) + b" x", "text/html"),
        (b"<select>" + b"<option>x" * 50_000 + b"</select>x", "text/html"),
        (b"[" * 50_000 + b"x", "text/markdown"),
        (b"> " * 50_000 + b"x\n\ny", "text/markdown"),
    ],
    ids=lambda value: value[:9].decode() if isinstance(value, bytes) else value,
)
def test_megabyte_of_anything_is_parsed_within_seconds(content: bytes, media_type: str) -> None:
    started = time.process_time()
    text_of(content, media_type)
    assert time.process_time() - started < 10
