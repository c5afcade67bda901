"""From bytes to text: the charset that is stated, or one of those that Chinese and English texts come in; never by replacing."""

import codecs
import re
from typing import NamedTuple

from data_tools.corpus.readers.item import Unread

INVALID = "invalid bytes"
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([a-zA-Z0-9_.:-]{1,40})", re.IGNORECASE)
_XML = re.compile(rb"^\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([a-zA-Z0-9_.:-]{1,40})")
_META_WITHIN = 4096  # bytes
# What pages say and what browsers take it for: the larger set of which it is a part.
_SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "iso8859-1": "cp1252", "ascii": "cp1252"}
# The most frequent characters of any Chinese text: a wrong charset shows next to none of them.
_FREQUENT = frozenset("的一是不了在人有我他这中大来上个国到说们为和地也时要就可以对生会以及用者治疗病患药血心性症"
                      "這來個國說們為時對會療藥"
                      "後過發體經無於與產學現種從動進還應關長")
_GUESSED = ("gb18030", "big5hkscs")
_LEAST_FREQUENT = 0.08  # of the Han characters; ordinary text has 0.2 and more, the wrong charset under 0.02
_HAN = re.compile("[\u4e00-\u9fff]")


class Decoded(NamedTuple):
    text: str
    charset: str


def decode(data: bytes, stated: str = "", markup: bool = False) -> Decoded | Unread:
    """stated: by a protocol around the data. markup: whether the data may state its charset itself."""
    for mark, charset in _MARKS:
        if data.startswith(mark):
            return _strict(data[len(mark):], charset, len(mark))
    said = _known(stated) or (_known(_in_markup(data)) if markup else "")
    first = _strict(data, "utf-8", 0)
    if isinstance(first, Decoded) and said in ("", "utf-8", "cp1252"):
        return first
    if said and said != "utf-8":
        as_said = _strict(data, said, 0)
        if isinstance(as_said, Decoded) and not _mistaken(as_said.text, said):
            return as_said
        if isinstance(first, Decoded):
            return first
    return _guess(data) or first


def _in_markup(data: bytes) -> str:
    head = data[:_META_WITHIN]
    found = _XML.search(head) or _META.search(head)
    return found[1].decode() if found else ""


def _known(charset: str) -> str:
    """As Python calls it; "" for one that it has not, or that is no charset of text."""
    try:
        info = codecs.lookup(charset.strip().strip("\"'"))
    except (LookupError, ValueError):
        return ""
    return _SUPERSETS.get(info.name, info.name) if info._is_text_encoding else ""


def _strict(data: bytes, charset: str, before: int) -> Decoded | Unread:
    try:
        return Decoded(data.decode(charset), charset)
    except UnicodeDecodeError as error:
        offset = before + error.start
        return Unread(INVALID, f"byte 0x{error.object[error.start]:02x} is no {charset}", {"offset": offset})


def _mistaken(text: str, charset: str) -> bool:
    """Whether a charset of Chinese gave Han characters that no text has, or one of Latin letters hid Chinese."""
    if charset in _GUESSED:
        return len(_HAN.findall(text[:20_000])) >= 20 and _frequent(text) < _LEAST_FREQUENT
    return charset == "cp1252" and _guess(text.encode("cp1252")) is not None


def _guess(data: bytes) -> Decoded | None:
    """The charset of Chinese in which the text has the most frequent characters, if they are enough."""
    tried = [found for charset in _GUESSED if isinstance(found := _strict(data, charset, 0), Decoded)]
    best = max(tried, key=lambda one: _frequent(one.text), default=None)
    return best if best and _frequent(best.text) >= _LEAST_FREQUENT else None


def _frequent(text: str) -> float:
    han = _HAN.findall(text[:20_000])
    return sum(sign in _FREQUENT for sign in han) / len(han) if len(han) >= 4 else 0.0
