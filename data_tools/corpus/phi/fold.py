"""Full-width letters and signs, and Latin letters with marks, as ASCII, one character for one: places stay what they are."""

import re
import unicodedata

_SIGNS = "＠．－／＃＋＿＊　\u00a0\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_FOLDED = "@.-/#+_*  -------"
_LETTERS = [chr(code) for first, last in ("０９", "ＡＺ", "ａｚ") for code in range(ord(first), ord(last) + 1)]
_BARE = {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ı": "i", "ß": "s", "ð": "d", "æ": "a", "œ": "o", "þ": "t"}
_MARKED = _BARE | {
    chr(code): base
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00))
    if (base := unicodedata.normalize("NFD", chr(code))[0]).isascii() and base.isalpha()
}
_TABLE = str.maketrans(
    "".join(_LETTERS) + _SIGNS + "".join(_MARKED),
    "".join(chr(ord(letter) - 0xFEE0) for letter in _LETTERS) + _FOLDED + "".join(_MARKED.values()),
)
_WIDE = re.compile(f"[{''.join(_LETTERS)}{_SIGNS}{''.join(_MARKED)}]")


def fold(text: str) -> str:
    """As long as `text`. Commas, colons and brackets stay: patterns know both widths of them."""
    return text.translate(_TABLE) if not text.isascii() and _WIDE.search(text) else text
