"""What the quality rules measure of a text. Each measure is worked out when a rule asks for it, and once."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from data_tools.corpus.cleaning import scripts
from data_tools.corpus.cleaning.words import CUE, MEDICAL, ODD, ODD_PAIRS_EN, STOP_WORD, TO_WORDS, Lists

_GRAM_ZH, _GRAM_EN = 5, 4  # characters, words
_MOST = 20_000  # characters or words that repeats are looked for in
_CUT_OFF = re.compile(r"(\.{3,}|…+|read more|continue reading|\[详细\]|\[\.\.\.\]|查看全文|查看更多|阅读全文|展开全部"
                      r"|read the full (article|story)|full article)\W*$", re.IGNORECASE)  # fmt: skip
_CODE = re.compile(r"[{}]|;\s*\n|</?[a-z]+[ >/]|\(\)|\)\.|&[a-z]+;|[\"'],|==?[\"']|\|\|", re.IGNORECASE)
_CODE_SIGNS = ("{", "</", "()", "&", ";\n", "==")
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

    def __init__(self, text: str, language: str, removed: Mapping[str, int], lists: Lists) -> None:
        self.text, self.chinese, self._lists = text, language == "zh", lists
        self._removed = removed

    @Measure
    def _counts(self) -> list[int]:
        return scripts.counts(self.text)

    @Measure
    def size(self) -> int:
        """Signs that show."""
        return max(1, sum(self._counts) - self._counts[scripts.SPACE] - self._counts[scripts.LINE])

    @Measure
    def letters(self) -> int:
        return sum(self._counts[: scripts.OTHER_LETTER + 1])

    @Measure
    def _pairs(self) -> list[int]:
        return self._lists.pairs.found(self.text)

    @Measure
    def _word_kinds(self) -> bytes:
        """Of each word."""
        return bytes(map(self._lists.words.__getitem__, self._words))

    def _share_of_words(self, kind: int) -> float:
        kinds = self._word_kinds
        return sum([kinds.count(one) for one in range(2 * CUE) if one & kind]) / max(1, self.words)

    @Measure
    def _han(self) -> int:
        return max(1, sum(self._counts[: scripts.HAN_RARE + 1]))

    @Measure
    def latin(self) -> float:
        """Of letters."""
        return (self._counts[scripts.LATIN] + self._counts[scripts.LATIN_ACCENTED]) / max(1, self.letters)

    @Measure
    def garbage(self) -> float:
        return self._counts[scripts.GARBAGE] / self.size

    @Measure
    def lone_accents(self) -> float:
        counts = self._counts
        accents = counts[scripts.LATIN_ACCENTED]
        return (accents + counts[scripts.SYMBOL]) / self.size if accents > counts[scripts.LATIN] / 8 else 0.0

    @Measure
    def digits(self) -> float:
        return self._counts[scripts.DIGIT] / max(1, self._counts[scripts.DIGIT] + self.letters)

    @Measure
    def symbols(self) -> float:
        counts = self._counts
        return (counts[scripts.SYMBOL] + counts[scripts.PUNCTUATION] + counts[scripts.STOP] + counts[scripts.GARBAGE]) / self.size

    @Measure
    def rare_han(self) -> float:
        return self._counts[scripts.HAN_RARE] / self._han

    @Measure
    def function_words(self) -> float:
        return self._counts[scripts.HAN_FUNCTION] / self._han

    @Measure
    def stops(self) -> int:
        return self._counts[scripts.STOP]

    @Measure
    def code(self) -> float:
        if not any(sign in self.text for sign in _CODE_SIGNS):
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
        return self._counts[scripts.LINE] + 1 if self._counts[scripts.LINE] < 2 else len(self._lines)

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
        return 1 if _CUT_OFF.search(self.text[-60:]) else 0

    @Measure
    def _words(self) -> list[bytes]:
        return self.text.lower().encode("utf-8", "surrogatepass").translate(TO_WORDS).split()

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
        return 100 * sum(map(self._lists.medical.__contains__, self._pairs)) / self._han

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
            found, size = sum(map(self._lists.odd.__contains__, self._pairs)), self._han
        else:
            found, size = sum(map(ODD_PAIRS_EN.__contains__, zip(self._words, self._words[1:], strict=False))), max(1, self.words)
        return 100 * found / size if found >= _FEWEST_ODD else 0.0

    @Measure
    def _candidates(self) -> frozenset[str]:
        """Cues of all kinds that the text has."""
        lists, text = self._lists, self._lowered
        if self.chinese:
            begun = lists.begun.keys() & set(self._pairs)
            maybe = [*lists.single_signs, *(word for number in begun for word in lists.begun[number])]
        else:
            words = {word for word, kind in zip(self._words, self._word_kinds, strict=True) if kind & CUE}
            maybe = [cue for word in words for cue in lists.with_word[word]]
        return frozenset(word for word in maybe if word in text)

    def _cues(self, kind: str) -> list[str]:
        there = self._candidates
        return [word for word in self._lists.cues[kind]["zh" if self.chinese else "en"] if word in there] if there else []

    @Measure
    def _lowered(self) -> str:
        return self.text if self.chinese else self.text.lower()

    def _density(self, kind: str) -> float:
        text = self._lowered
        return 100 * sum([text.count(word) for word in self._cues(kind)]) / max(1, self._han if self.chinese else self.words)

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


NAMES = frozenset(name for name, value in vars(Measures).items() if isinstance(value, Measure) and name[0] != "_")
