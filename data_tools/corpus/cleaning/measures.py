"""What the quality rules measure of a text. Each measure is worked out when a rule asks for it, and once."""

import re
from collections.abc import Callable, Mapping
from itertools import compress
from typing import Any, Generic, TypeVar

from data_tools.corpus.cleaning.counted import counted, rows_of
from data_tools.corpus.cleaning.words import (
    IS_CUE,
    IS_ODD_BEFORE,
    MEDICAL,
    ODD,
    ODD_PAIRS_EN,
    STOP_WORD,
    TO_WORDS,
    WITHOUT,
    Lists,
)

_GRAM_ZH, _GRAM_EN = 5, 4  # characters, words
_MOST = 20_000  # characters or words that repeats are looked for in
_CUT_OFF = re.compile(r"(\.{3,}|…+|read more|continue reading|\[详细\]|\[\.\.\.\]|查看全文|查看更多|阅读全文|展开全部"
                      r"|read the full (article|story)|full article)\W*$", re.IGNORECASE)  # fmt: skip
_CODE = re.compile(r"[{}]|;\s*\n|</?[a-z]+[ >/]|\(\)|\)\.|&[a-z]+;|[\"'],|==?[\"']|\|\|", re.IGNORECASE)
_CUT_OFF_CUES = ("...", "…", "read", "full", "详细", "查看", "阅读", "展开")  # one of them is in all that _CUT_OFF finds
_CODE_SIGNS = ("{", "</", "()", "&", ";\n", "==")
_CODE_BEGINS = ("{", "}", ";", "<", "()", ").", "&", '",', "',", "=", "||")  # what all that _CODE finds begins with, or has
T = TypeVar("T")
_FEWEST_ODD, _FEWEST_CODE = 3, 5  # fewer are slips, or what a text quotes
_BULLETS = "-•*·●■◆○▪►▶–—"


class Measure(Generic[T]):
    """A property that is worked out once: as functools.cached_property of Python 3.12, for 3.11's takes a lock each time."""

    def __init__(self, work: Callable[[Any], T]) -> None:
        self._work, self._name = work, work.__name__

    def __get__(self, measures: Any, owner: object) -> T:
        value = self._work(measures)
        measures.__dict__[self._name] = value
        return value


class Measures:
    """Of one text, in one language: zh, or another whose words stand between spaces."""

    # Of the signs of many texts at once (counted.py). Not for rules: han, line_ends, and pairs of Chinese characters.
    size: int
    letters: int
    stops: int
    latin: float
    garbage: float
    lone_accents: float
    digits: float
    symbols: float
    rare_han: float
    function_words: float
    han: int
    line_ends: int
    medical_pairs: int
    odd_pairs_zh: int
    begun_cues: int

    def __init__(
        self, text: str, language: str, removed: Mapping[str, int], lists: Lists, known: Mapping[str, float] | None = None
    ) -> None:
        """known: what counted.py says of the text."""
        self.text, self.chinese, self._lists = text, language == "zh", lists
        self._removed = removed
        self.__dict__.update(known or rows_of(counted([text], [self.chinese], lists))[0])
        if not removed:
            self.__dict__.update(_NOTHING_REMOVED)
        if self.chinese and not lists.may_have_cues(text, self.begun_cues):
            self.__dict__.update(_NO_CUES)

    @Measure
    def _word_kinds(self) -> bytes:
        """Of each word."""
        return bytes(map(self._lists.words.__getitem__, self._words))

    def _share_of_words(self, kind: int) -> float:
        return len(self._word_kinds.translate(None, WITHOUT[kind])) / max(1, self.words)

    @Measure
    def code(self) -> float:
        if not any(map(self.text.__contains__, _CODE_SIGNS)) or sum(map(self.text.count, _CODE_BEGINS)) < _FEWEST_CODE:
            return 0.0
        found = len(_CODE.findall(self.text))
        return found / self.size if found >= _FEWEST_CODE else 0.0

    @Measure
    def removed_boilerplate(self) -> float:
        return self._share_removed("boilerplate")

    @Measure
    def removed_repeated(self) -> float:
        return self._share_removed("repeated")

    def _share_removed(self, kind: str) -> float:
        """Of what the document had before cleaning."""
        if kind not in self._removed:
            return 0.0
        return self._removed[kind] / max(1, sum(self._removed.values()) + len(self.text))

    @Measure
    def _lines(self) -> list[str]:
        return [line for line in self.text.split("\n") if line.strip()]

    @Measure
    def lines(self) -> int:
        return self.line_ends + 1 if self.line_ends < 2 else len(self._lines)

    @Measure
    def stops_per_line(self) -> float:
        return self.stops / max(1, self.lines)

    @Measure
    def repeated_lines(self) -> float:
        """By characters."""
        different = set(self._lines)
        if len(different) == len(self._lines):
            return 0.0
        return 1 - sum(map(len, different)) / max(1, sum(map(len, self._lines)))

    @Measure
    def bullets(self) -> float:
        return sum(line.lstrip()[0] in _BULLETS for line in self._lines) / max(1, len(self._lines))

    @Measure
    def listing_lines(self) -> float:
        found = self._lists.listing.search
        return sum(1 for line in self._lines if len(line) < 120 and found(line)) / max(1, len(self._lines))

    @Measure
    def line_length(self) -> float:
        return len(self.text) / max(1, len(self._lines))

    @Measure
    def cut_off(self) -> int:
        tail = self.text[-60:]
        lowered = tail.lower()
        return 1 if any(map(lowered.__contains__, _CUT_OFF_CUES)) and _CUT_OFF.search(tail) else 0

    @Measure
    def _words(self) -> list[bytes]:
        return self._lowered.encode("utf-8", "surrogatepass").translate(TO_WORDS).split()

    @Measure
    def words(self) -> int:
        return len(self._words)

    @Measure
    def mean_word(self) -> float:
        return len(b"".join(self._words)) / max(1, self.words)

    @Measure
    def stop_words(self) -> float:
        return self._share_of_words(STOP_WORD)

    @Measure
    def repeated_words(self) -> float:
        return 1 - len(set(self._words)) / max(1, self.words)

    @Measure
    def repeated_characters(self) -> float:
        return 1 - len(set(self.text)) / max(1, len(self.text))

    @Measure
    def odd_words(self) -> float:
        return self._share_of_words(ODD)

    @Measure
    def domain(self) -> float:
        """Medical terms in 100 Han characters, or in 100 words."""
        if not self.chinese:
            return 100 * self._share_of_words(MEDICAL)
        return 100 * self.medical_pairs / self.han

    @Measure
    def repeated_grams(self) -> float:
        if self.chinese:
            text = self.text[:_MOST]
            count = max(1, len(text) - _GRAM_ZH + 1)
            return 1 - len({text[at : at + _GRAM_ZH] for at in range(count)}) / count
        words = self._words[:_MOST]
        return 1 - len(set(zip(words, words[1:], words[2:], words[3:], strict=False))) / max(1, len(words) - _GRAM_EN + 1)

    @Measure
    def odd_pairs(self) -> float:
        """In 100 Han characters, or in 100 words."""
        if self.chinese:
            found, size = self.odd_pairs_zh, self.han
        else:
            pairs = zip(self._words, self._words[1:], strict=False)
            maybe = compress(pairs, self._word_kinds.translate(IS_ODD_BEFORE))
            found, size = sum(map(ODD_PAIRS_EN.__contains__, maybe)), max(1, self.words)
        return 100 * found / size if found >= _FEWEST_ODD else 0.0

    @Measure
    def _all_cues(self) -> frozenset[str]:
        """Of all kinds."""
        lists = self._lists
        if self.chinese:
            return lists.chinese_cues(self.text)
        words = set(compress(self._words, self._word_kinds.translate(IS_CUE)))
        text = self._lowered
        return frozenset(cue for word in words for cue in lists.with_word[word] if cue in text)

    def _cues(self, kind: str) -> frozenset[str]:
        return self._all_cues & self._lists.cues[kind]["zh" if self.chinese else "en"]

    @Measure
    def _lowered(self) -> str:
        return self.text.lower()

    def _density(self, kind: str) -> float:
        text = self.text if self.chinese else self._lowered
        return 100 * sum([text.count(word) for word in self._cues(kind)]) / max(1, self.han if self.chinese else self.words)

    @Measure
    def gambling_cues(self) -> int:
        return len(self._cues("gambling"))

    @Measure
    def advert_cues(self) -> int:
        return len(self._cues("advert"))

    @Measure
    def advert_density(self) -> float:
        return self._density("advert")

    @Measure
    def comment_cues(self) -> int:
        return len(self._cues("comment"))

    @Measure
    def comment_density(self) -> float:
        return self._density("comment")

    @Measure
    def account_cues(self) -> int:
        return len(self._cues("account"))

    @Measure
    def search_density(self) -> float:
        return self._density("search")


# What needs no work where cleaning took nothing out, and where no cue is in the text.
_NOTHING_REMOVED = {"removed_boilerplate": 0.0, "removed_repeated": 0.0}
_NO_CUES = {name: 0 for name, value in vars(Measures).items()
            if isinstance(value, Measure) and name.endswith(("_cues", "_density"))}
_INNER = {"han", "line_ends", "medical_pairs", "odd_pairs_zh", "begun_cues"}
NAMES = frozenset(name for name, value in vars(Measures).items() if isinstance(value, Measure) and name[0] != "_")
NAMES |= Measures.__annotations__.keys() - _INNER
