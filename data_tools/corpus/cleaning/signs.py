"""What each sign of a text may need, by one table look-up: most texts need nothing, and this says so at some 3 ns a character."""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from data_tools.corpus.cleaning.utf16 import UNITS, units_of


class Need:
    """Bits, in plain whole numbers: a text needs what any of its signs needs."""

    MOJIBAKE = 1  # has signs without which no text is mojibake: ask ftfy
    COMPOSE = 2  # may not be in NFC
    REMOVE = 4  # has controls or signs without a width
    LINE = 8  # ends lines otherwise than by \n
    SPACE = 16  # has spaces that are not U+0020
    SIGN = 32  # has signs that stand for others: see SIGNS
    TRADITIONAL = 64  # has Han characters that OpenCC may change
    ASTRAL = 128  # has surrogates: pairs, or halves that are no text


# No other meaning, or none that a text of Chinese or English needs: controls, zero width, direction, annotation, non-characters.
INVISIBLE = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufdd0-\ufdef\ufeff\ufff9-\ufffc\ufffe\uffff"
)
ASTRAL_INVISIBLE = "\ud800-\udfff\U000e0000-\U000e007f"  # lone halves of pairs, and tags that nobody sees
LINE_ENDS = "\r\v\f\x1c-\x1e\x85\u2028\u2029"
SPACES = "\x1f\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"

# Signs that stand for others. The micro sign becomes the Greek letter: Chinese character sets hold only the letter, Unicode
# prefers it, and NFC itself takes ohm, kelvin and angstrom to letters in the same way; so a unit has one spelling, one token.
# Ligatures, and the private signs by which PDFs write their Symbol font: a lost ">=" turns a dose's meaning round.
SIGNS = {
    "\u00b5": "\u03bc",
    "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "st", "\ufb06": "st",
    "\uf0a3": "≤", "\uf0b3": "≥", "\uf0b1": "±", "\uf0b4": "×", "\uf0b0": "°", "\uf0b7": "•", "\uf0a7": "•", "\uf0d8": "•",
    "\uf061": "α", "\uf062": "β", "\uf067": "γ", "\uf06d": "\u03bc", "\uf0ae": "→", "\uf0ad": "↑", "\uf0af": "↓",
}  # fmt: skip

# UTF-8 that was read as something else shows lead bytes: letters of Latin, Greek or Cyrillic, or these; and C1 controls, U+FFFD.
_MOJIBAKE = "\x80-\x9f\u00a4\u00a6\u00a8\u00aa\u00ac\u00af\u00b8\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u04ff" \
            "\u201a\u201e\u2020\u2021\u2030\u221a\u2248\u25a0-\u25ff\u2500-\u259f\ufffd"  # fmt: skip


@lru_cache(maxsize=2)
def needs_table(traditional: str) -> npt.NDArray[np.uint8]:
    """Need of each UTF-16 unit. traditional: characters that OpenCC is asked about."""
    table = np.zeros(UNITS, np.uint8)
    table[sorted(_composing())] |= np.uint8(Need.COMPOSE)
    for signs, need in ((_MOJIBAKE, Need.MOJIBAKE), (INVISIBLE, Need.REMOVE), (LINE_ENDS, Need.LINE), (SPACES, Need.SPACE),
                        ("\ud800-\udfff", Need.ASTRAL)):  # fmt: skip
        for first, last in _ranges(signs):
            table[first : last + 1] |= np.uint8(need)
    table[[ord(sign) for sign in SIGNS]] |= np.uint8(Need.SIGN)
    table[[ord(sign) for sign in traditional]] |= np.uint8(Need.TRADITIONAL)
    return table


def needs_of(texts: Sequence[str], table: npt.NDArray[np.uint8]) -> list[int]:
    """Of each text what any of its signs needs."""
    units = units_of(texts)
    asked = np.append(table[units.values], np.uint8(0))  # so that an empty text at the end begins somewhere
    found: list[int] = np.where(units.starts < units.ends, np.bitwise_or.reduceat(asked, units.starts), 0).tolist()
    return found


def _ranges(signs: str) -> Iterable[tuple[int, int]]:
    """Of a text as it stands between the brackets of a pattern, without escapes."""
    at = 0
    while at < len(signs):
        last = at + 2 if signs[at + 1 : at + 2] == "-" else at
        yield ord(signs[at]), ord(signs[last])
        at = last + 1


def _composing() -> set[int]:
    """Code points that NFC changes, or that may join the one before them."""
    found = set()
    for code in (*range(0xD800), *range(0xE000, UNITS)):
        sign = chr(code)
        parts = unicodedata.decomposition(sign)
        if unicodedata.combining(sign) or unicodedata.normalize("NFC", sign) != sign:
            found.add(code)
        if parts and not parts.startswith("<"):
            found.update(int(part, 16) for part in parts.split()[1:])  # the second of a pair
    return {code for code in found if code < UNITS} | set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
