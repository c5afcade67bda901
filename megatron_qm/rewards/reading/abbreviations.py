"""Short forms of the texts of options: initials (`MMR`, `HOCM`, `NAC`) and the beginning of a word (`cipro`)."""

import functools
import re
from collections.abc import Collection, Iterator, Sequence

from megatron_qm.rewards.reading.lexicon import either, entries, words
from megatron_qm.rewards.reading.slips import slip

_WORD = re.compile(r"[A-Za-z]+")
_FUNCTION = re.compile(words("weightless"))
_LONG = 9  # letters of a compound, which may give up to two more: hypertrophic obstructive CardioMyopathy
_MOST_WORDS = 7
_CAPITALS = re.compile(r"[A-Z]{2,6}(?=[is]?(?![A-Za-z0-9]))(?<![a-z0-9].)")
_NO_INITIALS = frozenset(entries("no_initials", "en"))
_NO_BEGINNINGS = frozenset(entries("no_beginning", "en"))
_CHINESE = re.compile("[\u4e00-\u9fff]+")
_BETWEEN = re.compile(f"[^{''.join(entries('around_a_short_form', 'zh'))}]+")
_NEVER_OUT = re.compile(either("never_left_out", "zh"))
_GENERIC = frozenset(entries("noun_of_many_names", "zh"))
_FEWEST_CHINESE, _MOST_CHINESE = 2, 8  # characters
_LONGEST_OF_ALL = 11  # letters of a word that may have another vowel
_VOWELS = frozenset("aeiou")
_FEWEST_LEFT = 3  # letters that a beginning leaves out


@functools.lru_cache(maxsize=4096)
def initials(text: str) -> re.Pattern[str] | None:
    """What matches the initials of a text in lower case, with or without those of its small words; None where it is one word.

    >>> bool(initials("Measles, mumps and rubella").fullmatch("mmr")), bool(initials("ACE inhibitor").fullmatch("acei"))
    (True, True)
    """
    said = [word if word.isupper() and not text.isupper() and len(word) > 1 else word.lower() for word in _WORD.findall(text)]
    if not text.isascii() or not 1 < len(said) <= _MOST_WORDS:
        return None
    return re.compile("".join(_initial(word) for word in said))


def _initial(word: str) -> str:
    if _FUNCTION.fullmatch(word):
        return f"{word[0]}?"
    if word.isupper():  # an abbreviation within the text
        return word.lower()
    return f"{word[0]}[{word[1:]}]{{0,2}}" if len(word) >= _LONG else word[0]


def is_short_form(written: str) -> bool:
    """Whether a word is written as initials are."""
    return _CAPITALS.match(written) is not None and written.lower() not in _NO_INITIALS


@functools.lru_cache(maxsize=4096)
def begins(word: str, known: Collection[str]) -> str:
    """The one word of `known` that `word` is the beginning of; empty where there is none, or several."""
    if len(word) < 4 or word in _NO_BEGINNINGS:
        return ""
    found = [one for one in known if one.startswith(word) and len(one) - len(word) >= _FEWEST_LEFT]
    return found[0] if len(found) == 1 else ""


def slipped(word: str, known: Sequence[str]) -> str:
    """The one long word of `known` that `word` is with a letter too many, one too few, or two that have changed places."""
    found = [one for one in known if one[:2] == word[:2] and abs(len(one) - len(word)) < 2 and _is_slip(word, one)]
    return found[0] if len(found) == 1 else ""


def _is_slip(one: str, other: str) -> bool:
    """Another letter makes another drug; another vowel in a long word is the same one."""
    found = slip(one, other)
    return found is not None and (found.kind != "another" or len(one) >= _LONGEST_OF_ALL and set(found.letters) <= _VOWELS)


def chinese(low: str) -> Iterator[tuple[int, int]]:
    """Where short Chinese words stand alone in a text: `慢阻肺`."""
    for run in _CHINESE.finditer(low):
        yield from ((run.start() + one.start(), run.start() + one.end()) for one in _BETWEEN.finditer(run[0])
                    if _FEWEST_CHINESE <= len(one[0]) <= _MOST_CHINESE)


def shortens(short: str, text: str) -> bool:
    """Whether a Chinese word is characters of a text in their order, from its beginning (`慢阻肺`, of 慢性阻塞性肺疾病, and
    `房颤`, of 心房颤动) or half of it and more to its end (`宫缩乏力`, of 子宫收缩乏力), and leaves out nothing that makes it
    another name. One of two characters does not end with a noun of many names: `脑炎` is no 脑膜炎."""
    two = len(short) == _FEWEST_CHINESE
    begins = short[0] in text[: 2 if two else 1]
    ends = not two and 2 * len(short) >= len(text) and short[-1] == text[-1]
    if two and short[-1] in _GENERIC or not (begins or ends):
        return False
    left_out, at = "", 0
    for mark in text:
        if at < len(short) and mark == short[at]:
            at += 1
        else:
            left_out += mark
    return at == len(short) and not _NEVER_OUT.search(left_out)
