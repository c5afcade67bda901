"""The main text of a Chinese page, by the share of its text that is links.

1. What is made for finding one's way (nav, footer, forms, and blocks that are called so) goes.
2. From the body down, as long as one child holds most of the sentences, that child is the main part.
3. In it a block goes whose text is mostly links, and a short line in front of one (`related articles:`).
"""

import re
from dataclasses import dataclass, field
from typing import Any

_GONE = frozenset("script style noscript template nav header footer aside form iframe button select input textarea svg canvas "
                  "object embed video audio map menu dialog head".split())  # fmt: skip
_KEPT_HEADER = frozenset(("article", "main", "section"))  # a header in these holds the title
_BLOCKS = frozenset(
    "p div section article main table ul ol li dl dt dd h1 h2 h3 h4 h5 h6 blockquote pre figure figcaption center address "
    "fieldset details summary tr td th tbody thead tfoot caption header hr body".split()
)
_CALLED = re.compile(
    r"(?<![a-z])(nav|navbar|navi|menu|topbar|bread-?crumbs?|crumbs?|footer|foot|copyright|sidebar|side|aside|related|relate|"
    r"recommend|share|sharing|comments?|pager|pagination|page-?nav|hot|rank|ranking|toolbar|tags?|login|search|banner|advert|ads?|"
    r"friend-?links?|links)(?![a-z])"
)
_PAGE_PARTS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "table", "article", "section"))
_SENTENCE = re.compile("[。！？；：，、]")
_LINKS = 0.4  # share of links from which a block is no text
_MOST = 0.75  # of the sentences of a block, that makes a child the main part
_SHORT = 24  # signs of a line that only introduces links
_SHORT_LINE = re.compile(  # a whole line that is of the page and not of its text
    r"(首页|上一[篇页条].*|下一[篇页条].*|返回(顶部|首页|列表)|版权所有.*|copyright.*|©.*|.*ICP[备证].*|分享(到|至)?.*|扫一扫.*|"
    r"责任编辑.*|打印本页|关闭窗口|收藏本[站页]|(当前|您的?)位置.*|相关(阅读|推荐|文章|链接|新闻).*|热门(文章|推荐|标签).*|"
    r"阅读(次数|量)?[:：]?\s*\d*|点击(数|量)?[:：]?\s*\d*|登录|注册|登录\s*[|/]?\s*注册|友情链接.*|网站地图|联系我们|关于我们)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Block:
    """Of an element: signs of its text without spaces, of its links, of its sentences outside of links, and what is in it."""

    tag: str
    signs: int = 0
    links: int = 0
    sentences: int = 0
    parts: list["str | _Block"] = field(default_factory=list)

    @property
    def of_links(self) -> bool:
        return self.signs > 0 and self.links > _LINKS * self.signs


def main_text(body: Any) -> str:
    """body: a node of selectolax. Tags are not nested deeper than html.DEEPEST: this goes down by calling itself."""
    block = _measured(body, in_link=False, in_article=False)
    while True:
        inner = [part for part in block.parts if isinstance(part, _Block)]
        child = max(inner, key=lambda part: part.sentences, default=None)
        if child is None or child.tag in ("tr", "td", "th", "tbody", "p", "li") or child.sentences < _MOST * block.sentences:
            break
        if child.sentences == 0:
            break
        block = _with_heading(block, child)
        if block is not child:
            break
    return "\n".join(line for line in _lines(block) if not _SHORT_LINE.fullmatch(line))


def _with_heading(block: _Block, child: _Block) -> _Block:
    """The child, unless a heading stands beside it: then the two belong together."""
    beside = any(isinstance(part, _Block) and part.tag in ("h1", "h2", "h3") and not part.of_links for part in block.parts)
    return block if beside else child


def _measured(node: Any, in_link: bool, in_article: bool) -> _Block:
    block = _Block(node.tag)
    child = node.child
    while child is not None:
        if child.tag == "-text":
            _add_text(block, child.text_content or "", in_link)
        elif child.tag == "br":
            block.parts.append("\n")
        elif not child.tag.startswith(("-", "!")) and not _is_gone(child, in_article):
            inner = _measured(child, in_link or child.tag == "a", in_article or child.tag in _KEPT_HEADER)
            _add_inner(block, inner)
        child = child.next
    return block


def _add_text(block: _Block, text: str, in_link: bool) -> None:
    text = re.sub(r"\s+", " ", text)
    signs = len(text) - text.count(" ")
    block.signs += signs
    block.links += signs if in_link else 0
    block.sentences += 0 if in_link or not _SENTENCE.search(text) else signs
    block.parts.append(text)


def _add_inner(block: _Block, inner: _Block) -> None:
    block.signs += inner.signs
    block.links += inner.links
    block.sentences += inner.sentences
    if inner.tag in _BLOCKS:
        block.parts.append(inner)
    else:
        block.parts += inner.parts


def _is_gone(node: Any, in_article: bool) -> bool:
    if node.tag in _GONE:
        return not (node.tag == "header" and in_article)
    attributes = node.attributes
    if "hidden" in attributes or "display:none" in (attributes.get("style") or "").replace(" ", "").lower():
        return True
    if node.tag not in ("div", "ul", "ol", "section", "table", "p", "span", "dl"):
        return False
    return any(_CALLED.search(name.lower()) for key in ("class", "id", "role") if (name := attributes.get(key)))


def _lines(block: _Block) -> list[str]:
    """Of the text in it, without blocks of links and what introduces them."""
    if block.tag == "table":
        return _rows(block)
    lines: list[str] = []
    held = ""
    for part in block.parts:
        if isinstance(part, str):
            held += part
            continue
        lines += _text_lines(held)
        held = ""
        if not part.of_links:
            lines += _lines(part)
        elif part.tag in ("ul", "ol", "div", "dl") and lines and _introduces(lines[-1]):
            lines.pop()
    return lines + _text_lines(held)


def _introduces(line: str) -> bool:
    return len(line) <= _SHORT and not line.startswith("|") and not _SENTENCE.search(line.rstrip(":："))


def _text_lines(text: str) -> list[str]:
    return [line for line in (" ".join(line.split()) for line in text.split("\n")) if line]


def _rows(table: _Block) -> list[str]:
    """`| a | b |` a row; a table that only lays out a page, with one cell a row or blocks of text in its cells, is no table."""
    rows = list(_rows_in(table))
    if all(len(row) < 2 for row in rows) or any(_lays_out(cell) for row in rows for cell in row):
        return [line for row in rows for cell in row if not cell.of_links for line in _lines(cell)]
    texts = [[" ".join(_lines(cell)) for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in texts if any(row)]


def _lays_out(cell: _Block) -> bool:
    """Whether the cell is a part of the page: with headings or tables of its own, or a text of many lines."""
    inner = [part for part in cell.parts if isinstance(part, _Block)]
    return any(part.tag in _PAGE_PARTS or _lays_out(part) for part in inner) or len(_lines(cell)) > 5


def _rows_in(block: _Block) -> list[list[_Block]]:
    rows: list[list[_Block]] = []
    for part in block.parts:
        if isinstance(part, _Block) and part.tag == "tr":
            rows.append([cell for cell in part.parts if isinstance(cell, _Block)])
        elif isinstance(part, _Block) and part.tag != "table":
            rows += _rows_in(part) if part.tag in ("tbody", "thead", "tfoot") else [[part]]
    return rows
