"""XML of drug inserts: FDA's Structured Product Labels, or a plain form; the text by sections, each under its title.

The plain form: any root with `name` and `generic` (also in Chinese), and `section` elements with a title of their own, as
attribute or element, which hold text, further sections and tables.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_tools.corpus.document import Document
from data_tools.corpus.extra import needed
from data_tools.corpus.readers.item import DAMAGED, EMPTY, Item, ReadLimits, Unread, small_file
from megatron_qm.json_types import JsonObject

SPL = "{urn:hl7-org:v3}"
_NAMES = ("name", "商品名称", "商品名", "药品名称")
_GENERICS = ("generic", "genericName", "通用名称", "通用名")
_APART = frozenset(("section", "component", "title", "table", "name", "generic"))  # with lines of their own
_PARAGRAPHS = frozenset(("paragraph", "item", "p", "caption", "list", "footnote", "li", "text", "excerpt", "highlight"))
_ROWS = frozenset(("tr", "row"))
_CELLS = frozenset(("td", "th", "cell", "entry"))


def read(path: Path, limits: ReadLimits) -> Iterator[Item]:
    data = small_file(path, limits)
    yield data if isinstance(data, Unread) else insert_document(data)


def insert_document(data: bytes) -> Document | Unread:
    etree = needed("lxml.etree")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True,
                             remove_pis=True)  # fmt: skip
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        return Unread(DAMAGED, str(error)[:200], {"line": error.lineno or 1})
    known = _of_spl(root) if root.tag == f"{SPL}document" else _of_plain(root)
    sections = _top_sections(root)
    text = "\n\n".join(filter(None, ("\n".join(_section(section)) for section in sections)))
    if not text:
        return Unread(EMPTY, "no section with text is found")
    known["type"] = "drug insert"
    return Document(text, known)


def _of_spl(root: Any) -> JsonObject:
    v3 = {"v3": "urn:hl7-org:v3"}

    def one(path: str) -> str:
        found = root.xpath(path, namespaces=v3)
        return _words(found[0] if isinstance(found[0], str) else "".join(found[0].itertext())) if found else ""

    generics = [_words("".join(node.itertext())) for node in root.xpath("//v3:genericMedicine/v3:name", namespaces=v3)]
    date = one("v3:effectiveTime/@value")
    codes = dict.fromkeys(str(code) for code in root.xpath("//v3:section/v3:code/@code", namespaces=v3))
    return _given({
        "title": one("v3:title")[:300], "name": one("//v3:manufacturedProduct/v3:manufacturedProduct/v3:name"),
        "generic": ", ".join(dict.fromkeys(filter(None, generics))), "set_id": one("v3:setId/@root"),
        "year": int(date[:4]) if re.match(r"[12][0-9]{3}", date) else None, "codes": list(codes)})  # fmt: skip


def _of_plain(root: Any) -> JsonObject:
    def one(names: tuple[str, ...]) -> str:
        return next((_words("".join(node.itertext())) for node in root if _tag(node) in names), "")

    name = one(_NAMES)
    return _given({"title": name, "name": name, "generic": one(_GENERICS)})


def _given(known: JsonObject) -> JsonObject:
    return {key: value for key, value in known.items() if value}


def _top_sections(root: Any) -> list[Any]:
    return [node for node in root.iter() if _tag(node) == "section"
            and not any(_tag(above) == "section" for above in node.iterancestors())]


def _section(section: Any) -> list[str]:
    title = _words(section.get("title") or next(("".join(node.itertext()) for node in section if _tag(node) == "title"), ""))
    lines = _lines(section)
    return [title, *lines] if title and lines else lines


def _lines(node: Any) -> list[str]:
    """Of what is in it: paragraphs, rows of tables, inner sections. lxml allows no tree deeper than 256."""
    lines: list[str] = []
    held = node.text or ""
    for child in node:
        tag = _tag(child)
        if tag in _ROWS:
            cells = [_words("".join(cell.itertext())) for cell in child if _tag(cell) in _CELLS]
            inner: list[str] | None = [f"| {' | '.join(cells)} |"] if any(cells) else []
        elif tag == "section":
            inner = _section(child)
        elif tag == "title":
            inner = []
        else:
            inner = _lines(child) if _is_block(child) else None
        if inner is None:
            held += "".join(child.itertext()) if tag != "br" else "\n"
        else:
            lines += [*_paragraphs(held), *inner]
            held = ""
        held += child.tail or ""
    return [*lines, *_paragraphs(held)]


def _is_block(node: Any) -> bool:
    return any(_tag(one) in _APART or _tag(one) in _PARAGRAPHS or _tag(one) in _ROWS for one in node.iter())


def _paragraphs(text: str) -> list[str]:
    return [words] if (words := _words(text)) else []


def _words(text: str) -> str:
    return " ".join(text.split())


def _tag(node: Any) -> str:
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""
