"""Pages: the order of what stands on them, PDF with and without text, pictures."""

import random
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from data_tools.corpus.document import Document
from data_tools.corpus.readers import ocr, pdf, scan
from data_tools.corpus.readers.item import At, Item, ReadLimits, Unread
from data_tools.corpus.readers.layout import Piece, in_reading_order, straightened
from data_tools.corpus.readers.paragraphs import text_of

HIGH = 10.0  # of a line
NO_PDF = "pip install -e '.[ocr]'"


def column(left: float, width: float, top: float, words: Sequence[str]) -> list[Piece]:
    """A line each, all but the last as wide as the column."""
    return [Piece(left, top + 15 * at, left + width * (0.4 if at == len(words) - 1 else 0.97), top + 15 * at + HIGH, word)
            for at, word in enumerate(words)]  # fmt: skip


def row(top: float, cells: dict[float, str]) -> list[Piece]:
    return [Piece(left, top, left + 6.0 * len(word), top + HIGH, word) for left, word in cells.items()]


def names(letter: str, count: int) -> list[str]:
    return [f"{letter}{number}" for number in range(count)]


def read(pieces: list[Piece]) -> list[str]:
    random.Random(1).shuffle(pieces)
    return [piece.text for line in in_reading_order(pieces) for piece in line.pieces]


TITLE = [Piece(100, 20, 480, 36, "title")]
TABLE = [*row(300, {50: "a1", 250: "a2", 450: "a3"}), *row(315, {50: "b1", 250: "b2", 450: "b3"})]
IN_TABLE = ["a1", "a2", "a3", "b1", "b2", "b3"]


@pytest.mark.parametrize("shift", [0, 4, 7])
@pytest.mark.parametrize("slope", [0.0, 0.035, -0.035])
def test_two_columns_are_read_one_after_the_other(shift: float, slope: float) -> None:
    """Also where their lines stand at other heights, and on a page that lies askew."""
    pieces = TITLE + column(50, 230, 60, names("l", 9)) + column(310, 230, 60 + shift, names("r", 9))
    askew = straightened(pieces, -slope)
    assert read(straightened(askew, slope)) == ["title", *names("l", 9), *names("r", 9)]


def test_three_columns() -> None:
    pieces = [piece for at, letter in enumerate("abc") for piece in column(50 + 180 * at, 160, 60, names(letter, 8))]
    assert read(pieces) == [*names("a", 8), *names("b", 8), *names("c", 8)]


def test_what_crosses_both_columns_parts_them() -> None:
    pieces = [*column(50, 230, 60, names("l", 6)), *column(310, 230, 60, names("r", 6)), Piece(50, 200, 540, 212, "across"),
              *column(50, 230, 230, names("m", 6)), *column(310, 230, 230, names("s", 6))]  # fmt: skip
    assert read(pieces) == [*names("l", 6), *names("r", 6), "across", *names("m", 6), *names("s", 6)]


def test_a_wide_table_below_two_columns_is_read_row_by_row() -> None:
    pieces = column(50, 230, 60, names("l", 9)) + column(310, 230, 60, names("r", 9)) + TABLE
    assert read(pieces) == [*names("l", 9), *names("r", 9), *IN_TABLE]


def test_a_table_on_a_page_of_one_column_is_no_column() -> None:
    pieces = column(50, 490, 60, names("l", 9)) + TABLE
    lines = in_reading_order(pieces)
    assert text_of(lines).split("\n")[-2:] == ["| a1 | a2 | a3 |", "| b1 | b2 | b3 |"]


def test_lines_that_fill_their_column_are_a_paragraph() -> None:
    pieces = column(50, 230, 60, ["one two", "three four", "five."]) + column(50, 230, 120, ["six seven", "eight."])
    assert text_of(in_reading_order(pieces)) == "one two three four five.\nsix seven eight."


@pytest.mark.parametrize(("lines", "whole"), [
    (["用药期间", "应当观察。"], "用药期间应当观察。"), (["inflam-", "mation is"], "inflammation is"),
    (["COX-", "2 is"], "COX- 2 is"), (["每日 100", "mg 口服"], "每日 100 mg 口服"),
])  # fmt: skip
def test_how_lines_are_joined(lines: list[str], whole: str) -> None:
    pieces = [Piece(50, 60 + 15 * at, 280, 70 + 15 * at, line) for at, line in enumerate(lines)]
    assert text_of(in_reading_order(pieces)) == whole


# PDF, written here


def pdf_bytes(pages: Sequence[bytes], resources: bytes = b"", more: Sequence[bytes] = (), trailer: bytes = b"") -> bytes:
    """pages: what is drawn on each. more: objects from number 100 on."""
    kids = b" ".join(b"%d 0 R" % (10 + 2 * at) for at in range(len(pages)))
    objects = {1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(pages)),
               3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"}  # fmt: skip
    for at, drawn in enumerate(pages):
        objects[10 + 2 * at] = (b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents %d 0 R"
                                b"/Resources<</Font<</F 3 0 R>>%s>>>>" % (11 + 2 * at, resources))  # fmt: skip
        objects[11 + 2 * at] = b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn)
    objects |= dict(enumerate(more, 100))
    data, places = b"%PDF-1.7\n", {}
    for number, value in objects.items():
        places[number] = len(data)
        data += b"%d 0 obj\n%s\nendobj\n" % (number, value)
    table = b"".join(b"%d 1\n%010d 00000 n \n" % (number, place) for number, place in places.items())
    end = b"trailer<</Size 200/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (trailer, len(data))
    return data + b"xref\n0 1\n0000000000 65535 f \n" + table + end


def drawn(pieces: Sequence[tuple[float, float, str]]) -> bytes:
    return b"\n".join(b"BT /F 10 Tf %.1f %.1f Td (%s) Tj ET" % (x, y, word.encode()) for x, y, word in pieces)


def items(reader: Any, path: Path, limits: ReadLimits | None = None) -> list[Item]:
    return [item for item in reader.read(path, limits or ReadLimits()) if not isinstance(item, At)]


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(data)
    return path


def two_columns() -> tuple[bytes, list[str]]:
    left = [f"Left line {at} says that aspirin is taken daily" for at in range(8)]
    right = [f"Right line {at} says that bleeding was seen twice" for at in range(8)]
    pieces = [piece for at in range(8) for piece in ((50.0, 700.0 - 14 * at, left[at]), (320.0, 697.0 - 14 * at, right[at]))]
    return drawn(pieces), [" ".join(left), " ".join(right)]


def test_the_text_layer_of_two_columns(tmp_path: Path) -> None:
    pytest.importorskip("pypdfium2", reason=NO_PDF)
    page, said = two_columns()
    pages = [page, drawn([(50, 700, "The second page.")])]
    path = written(tmp_path, pdf_bytes(pages, more=[b"<</Title(On aspirin)>>"], trailer=b"/Info 100 0 R"))
    assert items(pdf, path) == [Document("\n".join([*said, "The second page."]), {"title": "On aspirin", "pages": 2})]


@pytest.mark.parametrize(("data", "reason"), [
    (b"%PDF-1.7\n" + bytes(range(256)) * 20, "damaged"),
    (pdf_bytes([b""])[:200], "damaged"),
    (pdf_bytes([b""], trailer=b"/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>" % (b"11" * 32, b"22" * 32)),
     "encrypted"),
    (pdf_bytes([b""]), "no text"),
])  # fmt: skip
def test_a_pdf_that_cannot_be_read(tmp_path: Path, data: bytes, reason: str) -> None:
    pytest.importorskip("pypdfium2", reason=NO_PDF)
    (found,) = items(pdf, written(tmp_path, data))
    assert isinstance(found, Unread) and found.reason == reason


PICTURE = b"<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/Length 1>>stream\n" \
          b"0\nendstream"
A_SCAN = b"q 600 0 0 800 0 0 cm /I Do Q\n"


@pytest.mark.parametrize("note", ["", "Scanned by L. 17"])
def test_a_page_that_is_a_picture_is_recognised(tmp_path: Path, note: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pypdfium2", reason=NO_PDF)
    monkeypatch.setattr(scan, "recognise", lambda image: ocr.Recognised(f"{image.shape}", 0.9))
    data = pdf_bytes([A_SCAN + drawn([(20, 20, note)]), drawn([(50, 700, "A page with text.")])],
                     b"/XObject<</I 100 0 R>>", [PICTURE])  # fmt: skip
    path = written(tmp_path, data)
    assert items(pdf, path, ReadLimits(dpi=72)) == [
        Document("(800, 600, 3)\nA page with text.", {"pages": 2, "confidence": 0.9, "ocr_pages": [1]})]  # fmt: skip

    lost, found = items(pdf, path, ReadLimits(ocr=False))
    assert lost == Unread("no text layer", "and --no-ocr is given", {"page": 1})
    assert found == Document("A page with text.", {"pages": 2, "lost_pages": [1]})

    lost, found = items(pdf, path, ReadLimits(min_confidence=0.95))
    assert isinstance(lost, Unread) and (lost.reason, lost.at) == ("illegible", {"page": 1})

    lost, found = items(pdf, path, ReadLimits(dpi=600, max_pixels=1_000_000))
    assert isinstance(lost, Unread) and (lost.reason, lost.at) == ("too large", {"page": 1})


def test_letters_without_meaning_of_a_font_that_is_not_there(tmp_path: Path) -> None:
    """They can be neither read nor drawn: a picture of them would be blank."""
    pytest.importorskip("pypdfium2", reason=NO_PDF)
    private = b"/Differences[65/uniE000/uniE001/uniE002]"
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Nowhere/Encoding<</Type/Encoding%s>>/ToUnicode 101 0 R>>" % private
    table = b"1 beginbfrange <41> <43> <E000> endbfrange"
    cmap = b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00> <FF> endcodespacerange %s endcmap" % table
    objects = [font, b"<</Length %d>>stream\n%s\nendstream" % (len(cmap), cmap)]
    data = pdf_bytes([b"BT /G 10 Tf 50 700 Td (ABCABCABC) Tj ET"], b"", objects).replace(b"/F 3 0 R", b"/G 100 0 R")
    found = items(pdf, written(tmp_path, data))
    assert isinstance(found[0], Unread) and (found[0].reason, found[0].at) == ("font not embedded", {"page": 1})


# Pictures


def png(width: int, height: int, rows: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    data = zlib.compress((b"\0" + b"\xff" * ((width + 7) // 8)) * rows)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_a_huge_picture_is_not_unpacked(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason=NO_PDF)
    found = items(scan, written(tmp_path, png(60_000, 60_000, 1)))
    assert isinstance(found[0], Unread) and found[0].reason == "too large" and found[0].at == {"page": 1}
    assert not any(isinstance(one, Document) for one in found)


def test_a_picture_that_is_cut(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason=NO_PDF)
    found = items(scan, written(tmp_path, png(400, 400, 400)[:60]))
    assert isinstance(found[0], Unread) and found[0].reason in ("damaged", "cannot be read") and found[0].at == {"page": 1}


def test_frames_are_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = pytest.importorskip("PIL.Image", reason=NO_PDF)
    monkeypatch.setattr(scan, "recognise", lambda page: ocr.Recognised(str(page.shape), 0.8))
    frames = [image.new("L", (40 + at, 30), 255) for at in range(3)]
    frames[0].save(tmp_path / "a.tiff", save_all=True, append_images=frames[1:])
    assert items(scan, tmp_path / "a.tiff") == [
        Document("(30, 40, 3)\n(30, 41, 3)\n(30, 42, 3)", {"pages": 3, "confidence": 0.8, "ocr_pages": [1, 2, 3]})]  # fmt: skip


def test_a_stamp_goes_and_the_print_below_it_stays() -> None:
    numpy = pytest.importorskip("numpy")
    page = numpy.full((4, 4, 3), 255, numpy.uint8)
    page[1], page[2], page[1, 2], page[3, 3] = (20, 20, 20), (214, 40, 40), (17, 3, 3), (40, 40, 200)
    cleaned = ocr.without_stamps(page)
    assert (cleaned[2] == 255).all() and (cleaned[1] == page[1]).all() and (cleaned[3] == page[3]).all()


def test_recognised_text_of_a_picture(tmp_path: Path) -> None:
    for name in ("rapidocr", "onnxruntime"):
        pytest.importorskip(name, reason=NO_PDF)
    image, draw, font = (pytest.importorskip(f"PIL.{name}") for name in ("Image", "ImageDraw", "ImageFont"))
    page = image.new("RGB", (700, 120), "white")
    draw.Draw(page).text((40, 40), "Aspirin 100 mg daily", "black", font=font.load_default(36))
    page.save(tmp_path / "a.jpg", quality=95)
    (found,) = items(scan, tmp_path / "a.jpg")
    assert isinstance(found, Document) and found.text == "Aspirin 100 mg daily"
    assert found.known["pages"] == 1 and found.known["ocr_pages"] == [1] and float(str(found.known["confidence"])) > 0.9
