"""Readers: what each kind of file gives, and that what cannot be read costs itself only."""

import gzip
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from data_tools.corpus.document import Document
from data_tools.corpus.readers import html, insert, text, warc
from data_tools.corpus.readers.charset import Decoded, decode
from data_tools.corpus.readers.formats import Format, format_of
from data_tools.corpus.readers.html import html_document
from data_tools.corpus.readers.item import At, Item, ReadLimits, Unread
from data_tools.corpus.readers.warc_records import next_record

ZH = "阿司匹林用于预防心肌梗死，患者每日服用一次，并应当观察是否有出血的症状。"
TRADITIONAL = "阿司匹林用於預防心肌梗死，患者每日服用一次，並應當觀察是否有出血的症狀。"
LIMITS = ReadLimits()


def items(read: Any, path: Path, *more: Any) -> list[Item]:
    return [item for item in read(path, LIMITS, *more) if not isinstance(item, At)]


def document(item: object) -> Document:
    assert isinstance(item, Document), item
    return item


# Charsets


@pytest.mark.parametrize(("said", "charset"), [(ZH, "gb18030"), (TRADITIONAL, "big5"), (ZH, "utf-8"), (TRADITIONAL, "utf-16")])
def test_charsets_of_chinese_are_told_without_being_stated(said: str, charset: str) -> None:
    found = decode((said * 3).encode(charset))
    assert isinstance(found, Decoded) and found.text == said * 3


@pytest.mark.parametrize(("stated", "true"), [
    ("gb2312", "gb18030"), ("iso-8859-1", "gb18030"), ("utf-8", "gb18030"), ("iso-8859-1", "utf-8"), ("gbk", "utf-8"),
    ("big5", "gb18030"), ("nonsense", "big5"),
])  # fmt: skip
def test_a_page_that_states_its_charset_wrongly_is_read_right(stated: str, true: str) -> None:
    said = TRADITIONAL if true == "big5" else ZH
    found = decode(f"<meta charset={stated}><p>{said * 3}".encode(true), markup=True)
    assert isinstance(found, Decoded) and said in found.text


def test_what_a_page_states_holds_for_letters_that_nothing_else_tells() -> None:
    found = decode("<meta charset='iso-8859-1'><p>Sjögren".encode("latin-1"), markup=True)
    assert isinstance(found, Decoded) and "Sjögren" in found.text


def test_bytes_of_no_charset_are_named_by_their_place() -> None:
    found = decode(b"plain words " * 3 + b"\xff\xfe and so on")
    assert isinstance(found, Unread) and found.at == {"offset": 36} and "0xff" in found.detail


def test_text_keeps_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert items(text.read, path) == [Document("one\ntwo\nthree\n")]


def test_a_file_with_one_huge_line_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "line.txt"
    with open(path, "wb") as stream:
        stream.write(b"a" * 70_000)
        stream.truncate(1 << 40)
    (found,) = items(text.read, path)
    assert isinstance(found, Unread) and found.reason == "too large" and "1,099,511,627,776" in found.detail


# HTML

MENU = "".join(f"<li><a href=/{name}>{name}</a>" for name in ("首页", "疾病大全，从这里找起", "药品说明书", "关于我们"))
RELATED = "".join(f"<li><a href=/r{number}>第{number}种药物应该怎么吃，听医生怎么说</a>" for number in range(6))
FRAMES = {
    "semantic": "<nav><ul>{menu}</ul></nav><main><h1>阿司匹林</h1>{body}</main><aside><ul>{related}</ul></aside>"
                "<footer>版权所有</footer>",
    "classes": "<div class='top-nav'><ul>{menu}</ul></div><div id=main><h1>阿司匹林</h1>{body}</div>"
               "<div class=sidebar>{related}</div><div class='foot'>版权所有 京ICP备1号</div>",
    "bare": "<div><ul>{menu}</ul></div><div><div><h1>阿司匹林</h1>{body}<p>相关阅读：</p><ul>{related}</ul></div></div>"
            "<div>版权所有 某某网 <a>联系我们</a></div>",
    "layout table": "<table><tr><td><ul>{menu}</ul></td><td><h1>阿司匹林</h1>{body}</td></tr><tr><td>{related}</td></tr></table>",
    "breadcrumb": "<ul>{menu}</ul><div>当前位置：<a>首页</a> &gt; <a>药品</a> &gt; 正文</div><h1>阿司匹林</h1>{body}"
                  "<ul>{related}</ul>",
}  # fmt: skip


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("paragraphs", [1, 2, 12])
def test_navigation_of_a_chinese_page_is_left_out_and_its_text_is_whole(frame: str, paragraphs: int) -> None:
    pytest.importorskip("selectolax", reason="pip install -e '.[corpus]'")
    said = [f"第{number}段：{ZH}" for number in range(paragraphs)]
    body = "".join(f"<p>{one}</p>" for one in said)
    page = FRAMES[frame].format(menu=MENU, related=RELATED, body=body)
    found = document(html_document(f"<html><title>药</title><body>{page}</body></html>".encode()))
    assert found.text.split("\n") == ["阿司匹林", *said]
    assert found.known == {"title": "药"}


def test_a_link_in_a_sentence_stays_and_tables_are_rows() -> None:
    pytest.importorskip("selectolax", reason="pip install -e '.[corpus]'")
    page = f"<p>{ZH}<p>见<a href=x>心肌梗死</a>一节，请医生决定用量。<table><tr><th>剂量<th>用途<tr><td>100mg<td>预防</table>"
    found = document(html_document(page.encode()))
    assert found.text.split("\n") == [ZH, "见心肌梗死一节，请医生决定用量。", "| 剂量 | 用途 |", "| 100mg | 预防 |"]


def english(body: str = "") -> str:
    said = "".join(f"<p>Aspirin is used to reduce pain, fever and inflammation in group {number} of the patients.</p>"
                   for number in range(6))  # fmt: skip
    return f"<html><body><nav><a href=x>Home page</a></nav><article><h1>Aspirin</h1>{said}{body}</article></body></html>"


def test_an_english_page_goes_to_trafilatura() -> None:
    for name in ("trafilatura", "lxml_html_clean", "selectolax"):
        pytest.importorskip(name, reason="pip install -e '.[corpus]'")
    table = "<table><tr><td>Age</td><td>Dose</td></tr><tr><td>9</td><td>5</td></tr></table>"
    found = document(html_document(english(table).encode()))
    assert "group 5" in found.text and "| Age | Dose |" in found.text and "Home page" not in found.text


@pytest.mark.parametrize("tag", ["div", "b", "ul"])
def test_tags_nested_too_deep_are_told_before_any_parser_sees_them(tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "needed", lambda _: pytest.fail("parsed"))
    found = html_document((f"<html><body>{f'<{tag}>' * 100_000}x" + f"</{tag}>" * 100_000).encode())
    assert isinstance(found, Unread) and found.reason == "nested too deep"


def test_paragraphs_that_are_not_closed_are_not_nested() -> None:
    assert html._depth("<p>a<br><li>b<td>" * 10_000) == 0
    assert html._depth("<div><span>a</span></div>" * 10_000) == 2


# WARC


def record(url: str, body: bytes, kind: str = "text/html", more: str = "", type: str = "response", status: int = 200) -> bytes:
    block = f"HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\n{more}\r\n".encode() + body
    head = (f"WARC/1.0\r\nWARC-Type: {type}\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2020-01-02T03:04:05Z\r\n"
            f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n")  # fmt: skip
    return head.encode() + block + b"\r\n\r\n"


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


GOOD = [record(f"http://e/{number}", f"第{number}页。{ZH}".encode(), "text/plain") for number in range(3)]


@pytest.fixture(params=["plain", "gz"])
def packed(request: pytest.FixtureRequest) -> Any:
    pytest.importorskip("warcio", reason="pip install -e '.[corpus]'")
    return gzip.compress if request.param == "gz" else bytes


def warc_of(tmp_path: Path, parts: list[bytes]) -> Path:
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(parts))
    return path


def test_pages_have_their_address_date_and_place(packed: Any, tmp_path: Path) -> None:
    others = [record("http://e/p", b"\x89PNG", "image/png"), record("http://e/q", b"q", type="request"),
              record("http://e/gone", b"gone", status=404)]  # fmt: skip
    last = record("http://e/gb", ZH.encode("gbk"), "text/plain; charset=GBK")
    parts = [packed(one) for one in (GOOD[0], *others, GOOD[1], last)]
    path = warc_of(tmp_path, parts)
    found = [document(item) for item in items(warc.read, path)]
    assert [one.text for one in found] == [f"第0页。{ZH}", f"第1页。{ZH}", ZH]
    assert found[1].known == {"url": "http://e/1", "date": "2020-01-02T03:04:05Z",
                              "origin": {"offset": sum(map(len, parts[:4]))}}  # fmt: skip


BAD = {
    "a bomb in the page": (record("http://e/b", bomb(64 << 20), "text/plain", "Content-Encoding: gzip\r\n"), "too large"),
    "nonsense": (b"no record at all\r\n\r\n", "damaged"),
    "bytes of no charset": (record("http://e/u", b"words \xff\xfe words", "text/plain"), "invalid bytes"),
    "zero bytes": (record("http://e/u", b"words \0 words", "text/plain"), "no text format"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_record_costs_itself_only(packed: Any, tmp_path: Path, bad: str) -> None:
    path = warc_of(tmp_path, [packed(GOOD[0]), packed(BAD[bad][0]), packed(GOOD[1]), packed(GOOD[2])])
    found = items(warc.read, path)
    assert [one.text[:3] for one in found if isinstance(one, Document)] == ["第0页", "第1页", "第2页"]
    assert [(one.reason, one.at) for one in found if isinstance(one, Unread)] == [(BAD[bad][1], {"offset": len(packed(GOOD[0]))})]


def test_a_member_that_unpacks_to_far_more_is_passed_without_unpacking_it(tmp_path: Path) -> None:
    pytest.importorskip("warcio", reason="pip install -e '.[corpus]'")
    head = record("http://e/b", b"", "text/plain").split(b"Content-Length")[0] + b"Content-Length: 99999999999\r\n\r\n"
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    member = packer.compress(head + b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    member += b"".join(packer.compress(b"a" * (1 << 20)) for _ in range(40)) + packer.flush()
    path = warc_of(tmp_path, [gzip.compress(GOOD[0]), member, gzip.compress(GOOD[1])])
    found = items(warc.read, path)
    assert [one.reason if isinstance(one, Unread) else one.text[:3] for one in found] == ["第0页", "too large", "第1页"]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_warc_that_is_cut_gives_what_it_has_and_says_where(packed: Any, tmp_path: Path, share: float) -> None:
    last = packed(record("http://e/x", ZH.encode() * 9, "text/plain"))
    path = warc_of(tmp_path, [packed(GOOD[0]), last[: int(len(last) * share)]])
    first, cut = items(warc.read, path)
    assert document(first).text == f"第0页。{ZH}"
    assert isinstance(cut, Unread) and cut.reason in ("cut", "damaged") and cut.at == {"offset": len(packed(GOOD[0]))}


def test_reading_goes_on_behind_any_byte(packed: Any, tmp_path: Path) -> None:
    parts = [packed(one) for one in GOOD]
    path = warc_of(tmp_path, parts)
    starts = [0, len(parts[0]), len(parts[0]) + len(parts[1])]
    with open(path, "rb") as stream:
        for at in range(0, sum(map(len, parts)), 7):
            assert next_record(stream, at) == next((start for start in starts if start >= at), None)
    assert len(items(warc.read, path, 1)) == 2


# Drug inserts

SPL = """<?xml version="1.0"?><document xmlns="urn:hl7-org:v3"><title>ASPIRIN tablet</title><effectiveTime value="20200102"/>
<setId root="abc"/><component><structuredBody><component><section><subject><manufacturedProduct><manufacturedProduct>
<name>Bay</name>
<asEntityAsGeneric><genericMedicine><name>aspirin</name></genericMedicine></asEntityAsGeneric></manufacturedProduct>
</manufacturedProduct></subject></section></component><component><section><code code="34067-9"/><title>INDICATIONS</title><text>
<paragraph>For <content styleCode="bold">pain</content> and fever.</paragraph><list><item>one</item><item>two</item></list>
<table><tbody><tr><td>Age</td><td>Dose</td></tr></tbody></table></text><component><section><title>Children</title>
<text>None <sub>at</sub> all.</text></section></component></section></component></structuredBody></component></document>"""


def test_a_structured_product_label() -> None:
    pytest.importorskip("lxml", reason="pip install -e '.[corpus]'")
    found = document(insert.insert_document(SPL.encode()))
    assert found.text.endswith("INDICATIONS\nFor pain and fever.\none\ntwo\n| Age | Dose |\nChildren\nNone at all.")
    assert found.known == {"title": "ASPIRIN tablet", "name": "Bay", "generic": "aspirin", "set_id": "abc", "year": 2020,
                           "codes": ["34067-9"], "type": "drug insert"}  # fmt: skip


def test_a_plain_insert() -> None:
    pytest.importorskip("lxml", reason="pip install -e '.[corpus]'")
    data = "<insert><通用名称>阿司匹林</通用名称><name>拜阿司匹灵</name><section title='适应症'>预防血栓。</section></insert>"
    known = {"title": "拜阿司匹灵", "name": "拜阿司匹灵", "generic": "阿司匹林", "type": "drug insert"}
    assert insert.insert_document(data.encode()) == Document("适应症\n预防血栓。", dict(known))


@pytest.mark.parametrize("data", [
    '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">' + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><insert><section title='x'>&j;</section></insert>",
    "<insert>" + "<section>" * 100_000, "<insert><section title='x'>a</section>", "<insert>&file;</insert>",
])  # fmt: skip
def test_xml_that_would_cost_too_much_or_is_broken(data: str) -> None:
    pytest.importorskip("lxml", reason="pip install -e '.[corpus]'")
    found = insert.insert_document(b"<?xml version='1.0'?>" + data.encode())
    assert isinstance(found, Unread) and found.reason in ("damaged", "no text")


# Formats


def png(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(8000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("data", "name"), [
    (b"%PDF-1.7\n", "pdf"), (b"\n\n%PDF-1.7\n", "pdf"), (png(1, 1), "png"), (b"\xff\xd8\xff\xe0", "jpeg"), (b"II*\0aaaa", "tiff"),
    (GOOD[0], "warc"), (gzip.compress(GOOD[0]), "warc"), (SPL.encode(), "xml"), (b"<insert><name>a</name></insert>", "xml"),
    (b"<!DOCTYPE html><p>x", "html"), (b"<?xml version='1.0'?><html xmlns='x'><p>x", "html"), ("<html>".encode("utf-16"), "html"),
    (b"BMI <br> and words", "text"), (b"words < more", "text"), (ZH.encode("gbk"), "text"),
])  # fmt: skip
def test_the_format_is_told_by_what_a_file_holds(tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / "file.dat"
    path.write_bytes(data)
    found = format_of(path)
    assert isinstance(found, Format) and found.name == name


@pytest.mark.parametrize("data", [b"", b" \n", b"PK\x03\x04\0\0", gzip.compress(b"text"), b"\0\1\2\3", b"BZh91AY&SY"])
def test_what_no_reader_reads_is_said(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(data)
    assert isinstance(format_of(path), Unread)
