"""A page of HTML: its main text, without navigation, tables as rows `| a | b |`. Chinese pages by the rule of density.py, since
trafilatura leaks navigation on short ones; others by trafilatura."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_tools.corpus.document import Document
from data_tools.corpus.extra import needed
from data_tools.corpus.readers.charset import decode
from data_tools.corpus.readers.density import main_text
from data_tools.corpus.readers.item import EMPTY, NESTED, Item, ReadLimits, Unread, small_file
from megatron_qm.json_types import JsonObject

# libxml2 stops at 256 without a word, and the time that lexbor takes grows by the square of the depth.
DEEPEST = 250
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^>]*?(/?)>")
_UNNESTED = frozenset(  # void, or ended by the next of its kind
    "area base br col embed hr img input link meta param source track wbr p li dt dd option optgroup tr td th thead tbody tfoot "
    "colgroup html head body rt rp".split()
)
_CHINESE = re.compile("[\u3400-\u9fff]")
_LETTERS = re.compile(r"[^\W\d_]")
_CHINESE_SHARE = 0.3  # of the letters
_JUDGED = 200_000  # characters of text that the language is judged by


def read(path: Path, limits: ReadLimits) -> Iterator[Item]:
    data = small_file(path, limits)
    yield data if isinstance(data, Unread) else html_document(data)


def html_document(data: bytes, stated: str = "") -> Document | Unread:
    """stated: charset in the header that came with the page."""
    decoded = decode(data, stated, markup=True)
    if isinstance(decoded, Unread):
        return decoded
    depth = _depth(decoded.text)
    if depth > DEEPEST:
        return Unread(NESTED, f"tags are nested deeper than {DEEPEST}")
    tree = needed("selectolax.lexbor").LexborHTMLParser(decoded.text)
    text = _main_text(tree, decoded.text)
    if not text.strip():
        return Unread(EMPTY, "no main text is found")
    known: JsonObject = {"title": title} if (title := _title(tree)) else {}
    if decoded.charset != "utf-8":
        known["charset"] = decoded.charset
    return Document(text, known)


def _main_text(tree: Any, page: str) -> str:
    for node in tree.css("script, style, noscript, template"):
        node.decompose()
    body = tree.body
    if body is None:
        return ""
    seen = body.text(separator=" ")[:_JUDGED]
    if len(_CHINESE.findall(seen)) > _CHINESE_SHARE * len(_LETTERS.findall(seen)):
        return main_text(body)
    needed("lxml_html_clean")  # without it trafilatura fails with an error about something else
    return needed("trafilatura").extract(page, include_comments=False, include_tables=True) or ""


def _title(tree: Any) -> str:
    node = tree.css_first("title")
    return " ".join(node.text().split())[:300] if node else ""


def _depth(page: str) -> int:
    """Of the tags; it need not be exact, only tell deep ones without parsing."""
    depth = deepest = 0
    if page.count("<") <= DEEPEST:
        return 0
    for closes, name, ended in _TAG.findall(page):
        if ended or name.lower() in _UNNESTED:
            continue
        depth = max(0, depth - 1) if closes else depth + 1
        if depth > deepest:
            deepest = depth
            if deepest > DEEPEST:
                break
    return deepest
