"""The words without which a step of the reader has nothing to say: a pattern is run only where one of its words stands.

They are taken from the entries of the lexicon that the pattern is made of, so that no list of them can grow old. To look up all
words of a sentence takes a tenth of a search for a pattern.
"""

import functools
import re
import sys
from collections.abc import Collection, Iterator, Sequence

from megatron_qm.rewards.reading.lexicon import entries, holds, words

_BLANKED = "".join(mark if mark.isalnum() or mark == "_" else " " for mark in map(chr, range(128)))
_LETTERS = re.compile(r"[a-z0-9]*")
_SPECIAL = frozenset("\\[](){}.^$*+?|_")  # in patterns
_BEYOND_ASCII = re.compile(r"\[([\u0080-\uffff])[\u0080-\uffff]*\](?![?*{])")  # any of these; one stands for all
_REPEATS = frozenset("?*{")
_GROUP = "(?:"
_GLANCES = ("(?!", "(?=", "(?<!", "(?<=")
_SHORT = 500  # characters


class Cues:
    """Of patterns that begin with an English entry of a category, at the beginning of a word.

    whole: categories whose entries end with a word as well. begun: those that may go on within it. anywhere: those that may begin
    within one. signs: those whose other entries count as well, where they may stand in ASCII. more: other patterns.

    >>> Cues(["does_not"]).stand_in("it isn't so"), Cues(["does_not"]).stand_in("it is so")
    (True, False)
    """

    def __init__(self, whole: Sequence[str], begun: Sequence[str] = (), anywhere: Sequence[str] = (),
                 signs: Sequence[str] = (), more: Sequence[str] = ()) -> None:
        found = {one for categories, closed in ((whole, True), (begun, False)) for category in categories
                 for entry in entries(category, "en") for one in beginnings(entry, closed)}
        found |= {(max(one, _piece(entry), key=len), False) for category in anywhere for entry in entries(category, "en")
                  for one, _ in beginnings(entry)}
        found |= {one for pattern in more for one in beginnings(pattern)}
        found |= {one for category in signs for language in ("zh", "signs") for entry in entries(category, language)
                  for one in beginnings(entry, closed=False)}
        self._words = frozenset(word for word, closed in found if closed)
        self._begin = tuple(sorted(word for word, closed in found if not closed and word.isascii()))

    def stand_in(self, low: str) -> bool:
        """Whether one may stand in an ASCII text in lower case: False is certain."""
        return not self._words.isdisjoint(words_in(low)) or holds(low, self._begin)

    def first_in(self, low: str) -> int:
        """Where the first that may stand in such a text does, or before that; -1 where there is none."""
        if holds(low, self._begin):
            return 0
        for word in words_in(low):
            if word in self._words:
                return low.find(word)
        return -1


class Words:
    """Any of the words of categories, in texts in lower case: a pattern, which is run where one may stand."""

    def __init__(self, *categories: str) -> None:
        self.pattern = "|".join(map(words, categories))
        self._pattern = re.compile(self.pattern)
        self._cues = Cues(categories, signs=categories)

    def _may(self, low: str) -> bool:
        return not low.isascii() or self._cues.stand_in(low)

    def search(self, low: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        return self._pattern.search(low, start, end) if self._may(low) else None

    def finditer(self, low: str) -> Iterator[re.Match[str]]:
        return self._pattern.finditer(low) if self._may(low) else iter(())


def words_in(low: str) -> Collection[str]:
    """Of an ASCII text: what a pattern knows as words."""
    return _remembered(low) if len(low) <= _SHORT else _words_in(low)


def _words_in(low: str) -> Collection[str]:
    return low.translate(_BLANKED).split()


_remembered = functools.lru_cache(maxsize=256)(_words_in)  # a sentence is asked for several kinds of words


def beginnings(pattern: str, closed: bool = True) -> Iterator[tuple[str, bool]]:
    """The first words of what a pattern may match in an ASCII text, or a piece of it, each with whether it is a whole word.
    closed: whether a word ends with the pattern.

    >>> sorted(beginnings("(?:rul(?:e|ed)|stopp?ed) out")), list(beginnings("chang[ei]"))
    ([('rule', True), ('ruled', True), ('stoped', True), ('stopped', True)], [('chang', False)])
    """
    for one in _alternatives(pattern):
        yield from _beginnings(one, "", closed)


def _beginnings(pattern: str, said: str, closed: bool) -> Iterator[tuple[str, bool]]:
    pattern = _without_glances(pattern)
    letters = _LETTERS.match(pattern)
    end = letters.end() if letters else 0
    word, rest = said + pattern[:end], _without_glances(pattern[end:])
    if end and rest.startswith("?"):
        for one in (word, word[:-1]):
            yield from _beginnings(rest[1:].removeprefix("?"), one, closed)
    elif end and rest.startswith(("*", "+", "{")):
        yield word[:-1], False
    elif rest.startswith(_GROUP) and (group := _group(rest)):
        inside, behind = rest[len(_GROUP) : group - 1], rest[group:]
        optional = behind.startswith("?")
        if behind.startswith(("*", "+", "{")):
            yield word, False
            return
        for one in (*_alternatives(inside), *([""] if optional else [])):
            yield from _beginnings(one + behind.removeprefix("?"), word, closed)
    elif not word and rest.startswith(r"\b"):
        yield from _beginnings(rest[2:], "", closed)
    elif not word:
        beyond = _BEYOND_ASCII.match(rest)
        yield (beyond[1] if beyond else rest[0] if _is_sign(rest) else _piece(rest)), False
    else:
        yield word, closed if not rest else _is_sign(rest) or rest.startswith(r"\b")


def _is_sign(pattern: str) -> bool:
    """Whether it begins with a character that is in no word of ASCII, and stands for itself."""
    sign = pattern[:1]
    return sign != "" and not (sign.isascii() and sign.isalnum()) and sign not in _SPECIAL and pattern[1:2] not in _REPEATS


def _piece(pattern: str) -> str:
    """Letters that stand in whatever a pattern of no alternatives matches; empty where it cannot be told."""
    pattern, count = re.sub(r"\{[^}]*\}", "*", re.sub(r"\\.|\[[^\]]*\]", "|", pattern)), 1
    while count:
        pattern, count = re.subn(r"\([^()]*\)", "|", pattern)
    return max(re.findall(r"[a-z0-9 \u0080-\uffff]+(?![a-z0-9 \u0080-\uffff?*+{])", pattern), key=len, default="")


def _without_glances(pattern: str) -> str:
    """Without what only looks ahead or back: it takes none of the text."""
    while pattern.startswith(_GLANCES):
        pattern = pattern[_group(pattern) :]
    return pattern


def _alternatives(pattern: str) -> list[str]:
    """What stands between the bars that are in no group."""
    depth, found, last = 0, [], 0
    for at, mark in enumerate(pattern):
        depth += (mark == "(") - (mark == ")")
        if mark == "|" and not depth:
            found.append(pattern[last:at])
            last = at + 1
    return [*found, pattern[last:]]


def _group(pattern: str) -> int:
    """Where the group ends that a pattern begins with."""
    depth = 0
    for at, mark in enumerate(pattern):
        depth += (mark == "(") - (mark == ")")
        if not depth:
            return at + 1
    return 0
