"""PDF files, sound and hostile; made here, since no two broken ones are alike."""

import random
import zlib
from contextlib import suppress

import pytest
from fpdf import FPDF
from fpdf.enums import AccessPermission

from workers.ingest.parse import parse
from workers.ingest.parsed import UnreadableDocument
from workers.ingest.parsers import pdf as pdf_parser


def a_pdf(*pages: str, title: str | None = None, password: str | None = None) -> bytes:
    document = FPDF()
    document.set_font("Helvetica")
    if title:
        document.set_title(title)
    if password is not None:
        document.set_encryption("owner", password, permissions=AccessPermission.none())
    for page in pages:
        document.add_page()
        document.multi_cell(0, text=page)
    return bytes(document.output())


def drawing(stream: bytes, *, form: bytes = b"") -> bytes:
    """A one-page PDF with a content stream of our own, and a form `/F` that can draw itself no further."""
    packed = [zlib.compress(part) for part in (stream, form)]
    font = b"/Font<</A<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<<%b/XObject<</F 5 0 R>>>>>>" % font,
        b"<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(packed[0]), packed[0]),
        b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<<%b>>"
        b"/Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (font, len(packed[1]), packed[1]),
    ]
    body = b"%PDF-1.4\n" + b"".join(b"%d 0 obj%b\nendobj\n" % item for item in enumerate(objects, start=1))
    return body + b"trailer<</Root 1 0 R/Size 6>>\nstartxref\n0\n%%EOF"


def refusal(content: bytes) -> str:
    with pytest.raises(UnreadableDocument) as refused:
        parse(content, "application/pdf", name="file.pdf")
    return str(refused.value)


def test_pdf_gives_the_text_of_its_pages_and_its_title() -> None:
    document = parse(a_pdf("One page.", "Another page.", title="A book"), "application/pdf", name="book.pdf")
    assert (document.title, document.text) == ("A book", "One page.\n\nAnother page.")


@pytest.mark.parametrize("declared", ["", "application/octet-stream", "text/plain", "application/x-pdf"])
def test_pdf_is_known_by_its_first_bytes_whatever_it_is_called(declared: str) -> None:
    assert parse(a_pdf("text"), declared, name="file").media_type == "application/pdf"


def test_pdf_that_anyone_may_open_is_read_though_it_is_encrypted() -> None:
    assert parse(a_pdf("open", password=""), "application/pdf", name="a").text == "open"


def test_pdf_with_a_password_is_refused() -> None:
    assert "without protection" in refusal(a_pdf("secret", password="secret"))


def test_pdf_without_text_is_refused_as_a_scan() -> None:
    assert "OCR" in refusal(a_pdf(""))


@pytest.mark.parametrize("keep", [5, 20, 200, 600])
def test_pdf_cut_short_is_refused(keep: int) -> None:
    assert refusal(a_pdf("text")[:keep])


def test_pdf_with_damaged_bytes_is_read_or_refused_and_nothing_else() -> None:
    sound, dice = a_pdf("some text", title="t"), random.Random(7)
    for _ in range(150):
        broken = bytearray(sound)
        for _ in range(dice.randint(1, 30)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        with suppress(UnreadableDocument):
            parse(bytes(broken), "application/pdf", name="a")


def test_pdf_with_a_name_of_long_ago_is_refused() -> None:
    assert "damaged" in refusal(drawing(b"BT /A 9 Tf (x) Tj ET").replace(b"/FlateDecode", b"/Fl"))


def test_pdf_of_many_oddities_writes_no_log(caplog: pytest.LogCaptureFixture) -> None:
    parse(a_pdf("text").replace(b"/WinAnsiEncoding", b"/WinAnsiUnheardOf"), "", name="a")
    assert not caplog.records


def test_pdf_with_too_many_pages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_parser, "MOST_PAGES", 2)
    assert "3 pages" in refusal(a_pdf("a", "b", "c"))


def test_pdf_that_unpacks_to_gigabytes_is_refused() -> None:
    assert "unpacks" in refusal(drawing(b" " * 60_000_000))


@pytest.mark.parametrize(
    ("page", "form"),
    [
        (b"BT /A 9 Tf " + b"(x) Tj " * 200_000 + b"ET", b""),
        (b"/F Do " * 400, b"BT /A 9 Tf " + b"(x) Tj " * 1000 + b"ET"),
        (b"/F Do " * 400, b"BT [[" + b"(x)" * 10_000 + b"]] TJ ET"),
        (b"/F Do", b"BT /A 9 Tf " + b"(x) Tj " * 100_000 + b"ET"),
        (b"/F Do " * 400, b"1 0 0 1 2 2 cm " * 1000),
    ],
    ids=["text", "forms", "nested arrays", "last form", "lines"],
)
def test_pdf_that_draws_without_end_is_refused(page: bytes, form: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_parser, "MOST_SECONDS", 0.2)
    assert "draws" in refusal(drawing(page, form=form))


def test_pdf_with_too_much_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.ingest.parse.MOST_CHARACTERS", 100)
    assert "more text" in refusal(a_pdf("word " * 50))
