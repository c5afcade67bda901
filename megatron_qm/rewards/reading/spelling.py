"""Words and numbers for a loose comparison: British and American spelling, plurals, possessives, `2.0` and `2`."""

import functools
import re
from typing import NamedTuple

from megatron_qm.rewards.reading.lexicon import lower, words

_TOKEN = re.compile(r"\d+(?:\.\d+)?|[^\W\d_\u4e00-\u9fff]+|[\u4e00-\u9fff]|[≥≤<>%]")
_POSSESSIVE = re.compile(r"['’]s(?!\w)")
_WEIGHTLESS = re.compile(words("weightless"))
_SPELLINGS = tuple((re.compile(british), american) for british, american in (
    ("ae|oe", "e"), ("our(?=s|$)", "or"), ("is(?=ation|e$|ed$|es$|ing$)", "iz"), ("ys(?=e|ing)", "yz"), ("sulph", "sulf"),
    ("tre(?=s?$)", "ter"), ("ll", "l"), ("leuc", "leuk"), ("gramme", "gram"), ("(?<=[a-rt-z])(?<!u)(?<!i)s$", ""),
    ("(?<=[a-z]{5})ly$", ""),
))
_NUMBERS = {word: str(number) for number, word in enumerate(
    "two three four five six seven eight nine ten eleven twelve".split(), start=2)}
_ROUTES = {"im": "intramuscular", "iv": "intravenous", "sc": "subcutaneous", "po": "oral"}
_SHORTEST = 4  # of a word whose spelling is folded


class Token(NamedTuple):
    """[start, end) of a text."""

    word: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """Of a text, without those of no weight (articles, `of`, `and`, the s of a possessive)."""
    low = lower(text)
    if "'s" in low or "’s" in low:
        low = _POSSESSIVE.sub("  ", low)
    found = (Token(folded(match[0]), match.start(), match.end()) for match in _TOKEN.finditer(low))
    return [one for one in found if one.word]


@functools.lru_cache(maxsize=16384)
def folded(word: str) -> str:
    """Empty where it is of no weight."""
    if word[0].isdigit():
        return f"{float(word):g}" if len(word) < 8 else word
    if _WEIGHTLESS.fullmatch(word):
        return ""
    if word in _NUMBERS:
        return _NUMBERS[word]
    if len(word) < _SHORTEST:
        return _ROUTES.get(word, word)
    for british, american in _SPELLINGS:
        word = british.sub(american, word)
    return word
