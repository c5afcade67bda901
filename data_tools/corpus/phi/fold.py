"""Full-width letters, digits and signs as their ASCII ones, character for character, so that places stay what they are."""

import re

_SIGNS = "＠．－／＃＋＿＊　\u00a0\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_FOLDED = "@.-/#+_*  -------"
_LETTERS = [chr(code) for first, last in ("０９", "ＡＺ", "ａｚ") for code in range(ord(first), ord(last) + 1)]
_TABLE = str.maketrans("".join(_LETTERS) + _SIGNS, "".join(chr(ord(letter) - 0xFEE0) for letter in _LETTERS) + _FOLDED)
_WIDE = re.compile(f"[{''.join(_LETTERS)}{_SIGNS}]")


def fold(text: str) -> str:
    """As long as `text`. Commas, colons and brackets stay: patterns know both widths of them."""
    return text.translate(_TABLE) if not text.isascii() and _WIDE.search(text) else text
