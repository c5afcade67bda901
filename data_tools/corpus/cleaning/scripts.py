"""How many signs of each class texts have, by one table look-up and one count."""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from data_tools.corpus.cleaning.utf16 import UNITS, units_of

# Classes of signs; the first ones are of letters.
HAN, HAN_FUNCTION, HAN_RARE, LATIN, LATIN_ACCENTED, KANA, HANGUL, CYRILLIC, ARABIC, OTHER_LETTER = range(10)
DIGIT, SPACE, LINE, STOP, PUNCTUATION, SYMBOL, GARBAGE, ASTRAL = range(10, 18)
_COUNT = 18

# Characters that sentences are held together with and that names, lists and key words do without.
_FUNCTION = "的了是在不和有为与可及以于或应而被对由从但如也并其时此后者个则且将就这我会要能所等该您你没吗给把让很都还做去"
_STOPS = "。！？；….!?;"
_PUNCTUATION = (
    "，、：,:“”‘’\"'()（）《》〈〉【】[]「」『』—–-－~～·•/／%％‰+＋=＝<>＜＞≤≥±×÷°℃"
    "′″→↑↓*＊#＃&_＿|｜{}@①②③④⑤⑥⑦⑧⑨⑩ⅠⅡⅢⅣⅤⅥ²³¹⁰⁴⁵⁶⁷⁸⁹⁻⁺₀₁₂₃₄μµ"
)
_BLOCKS = (  # (first, last, class) of what the name of a category does not tell
    (0x3041, 0x30FA, KANA), (0x31F0, 0x31FF, KANA), (0x1100, 0x11FF, HANGUL), (0x3130, 0x318F, HANGUL), (0xAC00, 0xD7A3, HANGUL),
    (0x0400, 0x052F, CYRILLIC), (0x0600, 0x06FF, ARABIC), (0xFF66, 0xFFDC, GARBAGE), (0xE000, 0xF8FF, GARBAGE),
    (0xD800, 0xDFFF, ASTRAL), (0x2500, 0x259F, GARBAGE), (0xFFFD, 0xFFFF, GARBAGE), (0x80, 0x9F, GARBAGE),
)  # fmt: skip


@lru_cache(maxsize=1)
def classes() -> npt.NDArray[np.uint8]:
    """Class of each UTF-16 unit."""
    table = np.full(UNITS, SYMBOL, np.uint8)
    for code in range(UNITS):
        table[code] = _by_category(chr(code), code)
    for first, last, which in _BLOCKS:
        table[first : last + 1] = which
    _mark_han(table)
    for signs, which in ((_PUNCTUATION, PUNCTUATION), (_STOPS, STOP), (" \u3000\t", SPACE), ("\n", LINE),
                         (_FUNCTION, HAN_FUNCTION)):  # fmt: skip
        table[[ord(sign) for sign in signs]] = which
    return table


def counts_of(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """A row for each text, by class."""
    units = units_of(texts)
    kinds = units.owners()  # changed where it stands: a text may be long
    kinds *= _COUNT
    kinds += classes()[units.values]
    return np.bincount(kinds, minlength=_COUNT * len(texts)).reshape(len(texts), _COUNT)


def _by_category(sign: str, code: int) -> int:
    category = unicodedata.category(sign)
    if category.startswith("L"):
        if sign.isascii():
            return LATIN
        return LATIN_ACCENTED if code < 0x250 or 0x1E00 <= code < 0x1F00 else OTHER_LETTER
    if category == "Nd":
        return DIGIT
    if category.startswith("M"):
        return OTHER_LETTER
    if category in ("Zs", "Zl", "Zp"):
        return SPACE
    return GARBAGE if category in ("Cc", "Cn", "Co") else SYMBOL


def _mark_han(table: npt.NDArray[np.uint8]) -> None:
    """Rare: in neither half of GB 2312 nor in the first of Big5, that is, in no ordinary text, simplified or traditional."""
    for first, last in ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF)):
        table[first : last + 1] = HAN_RARE
    usual = _two_bytes("gb2312", range(0xB0, 0xF8), range(0xA1, 0xFF)) + _two_bytes("big5", range(0xA4, 0xC7), range(0x40, 0xFF))
    han = [ord(sign) for sign in usual if "\u4e00" <= sign <= "\u9fff"]
    table[[*han, *map(ord, _MEDICAL_RARE)]] = HAN


# Of chemistry and anatomy, where neither has them.
_MEDICAL_RARE = (
    "脲鞣癀羧羟肼腙巯砜脒胍噻呋唑喹啶吡嗪咪嘧嘌呤吲哚酰酞酯醚醛酮苷萘蒽菲苊甾萜胨胰蛋腘髂跖趾骶腓髋髌胛肱尺桡髁踝睑"
    "翳眦眵疳痧疸瘘痿瘰疬癥瘕噁䏡嘚铥镥钆钇铟锶锝氡氙氪氘氚炔烯烷烃胂脎腈硒碲砷膦鏻锍噤㖞䏝"
)


def _two_bytes(encoding: str, high: range, low: range) -> str:
    return "".join(bytes((one, two)).decode(encoding, "ignore") for one in high for two in low)
