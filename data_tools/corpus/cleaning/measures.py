"""What the quality rules measure of a text. Each measure is worked out when a rule asks for it, and once."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from data_tools.corpus.cleaning import scripts
from data_tools.corpus.cleaning.pairs import Pairs

_GRAM_ZH, _GRAM_EN = 5, 4  # characters, words
_MOST = 20_000  # characters or words that repeats are looked for in
_CUT_OFF = re.compile(r"(\.{3,}|…+|read more|continue reading|\[详细\]|\[\.\.\.\]|查看全文|查看更多|阅读全文|展开全部"
                      r"|read the full (article|story)|full article)\W*$", re.IGNORECASE)  # fmt: skip
_CODE = re.compile(r"[{}]|;\s*\n|</?[a-z]+[ >/]|\(\)|\)\.|&[a-z]+;|[\"'],|==?[\"']|\|\|", re.IGNORECASE)
_CODE_SIGNS = ("{", "</", "()", "&", ";\n", "==")
_ODD_WORD = re.compile(rb"^[^aeiouy\d]{3,}$|[bcdfghjklmnpqrstvwxz]{5}|^.{31,}$|^[b-hj-z]$|\d[a-z]+\d|[a-z]\d+[a-z]")
_MEDICAL_TAILS = frozenset(b"itis osis emia aemia ectomy opathy mycin illin azole sartan statin olol umab inib amide idine oma plasty "
                           b"otomy oscopy graphy algia uria penia".split())  # fmt: skip
_ODD_PAIRS_ZH = "的的 和和 和的 和了 把的 把了 把把 把被 被的 被了 被把 被被 与的 与了 把， 被， 和， 与， 把。 被。 和。 与。".split()
_FEWEST_ODD, _FEWEST_CODE = 3, 5  # fewer are slips, or what a text quotes
_STOP_WORDS = frozenset(b"the of and to in is was with for that by are or an a from be this on at as which not have has were you may if "
                        b"can should your it when after most also these their other but than its".split())  # fmt: skip
_BEFORE_NOUNS = b"the a an".split()
_AFTER_VERBS = b"the a an of is was are were be and to in for with that has have by".split()
_ODD_PAIRS_EN = frozenset((one, two) for one in _BEFORE_NOUNS for two in _AFTER_VERBS) | frozenset(
    (one, two) for one in (b"of", b"is", b"with", b"for", b"was", b"and") for two in (b"of", b"is", b"was", b"be")
    if (one, two) not in {(b"and", b"is"), (b"and", b"was"), (b"is", b"of"), (b"was", b"of"), (b"and", b"of"), (b"and", b"be"),
                          (b"with", b"is"), (b"for", b"is")})  # fmt: skip
_TO_WORDS = bytes(code if chr(code).isalnum() or code >= 128 else 32 for code in range(256)).lower()
_BULLETS = "-•*·●■◆○▪►▶–—"
_MEDICAL, _ODD, _STOP_WORD, _CUE = 1, 2, 4, 8


class Measure:
    """A property that is worked out once: as functools.cached_property of Python 3.12, for 3.11's takes a lock each time."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self._work, self._name = work, work.__name__

    def __get__(self, measures: Any, owner: object) -> Any:
        value = measures.__dict__[self._name] = self._work(measures)
        return value


class WordKinds(dict[bytes, int]):
    """Bits of an English word: medical, odd, of grammar, in a cue. A word is judged once; strange ones are not remembered for ever."""

    _MOST = 1 << 17

    def __init__(self, cues: frozenset[bytes]) -> None:
        self._cues, self._terms = cues, frozenset(term.encode() for term in _terms("en"))

    def __missing__(self, word: bytes) -> int:
        medical = word in self._terms or (len(word) > 6 and any(map(word.endswith, _MEDICAL_TAILS)))
        odd = not medical and _ODD_WORD.search(word) is not None
        kinds = _MEDICAL * medical + _ODD * odd + _STOP_WORD * (word in _STOP_WORDS) + _CUE * (word in self._cues)
        if len(self) < self._MOST:
            self[word] = kinds
        return kinds


class Lists:
    """The words of quality.yaml. cues: {kind: {language: words}}"""

    def __init__(self, cues: Mapping[str, Mapping[str, Sequence[str]]], listing: re.Pattern[str]) -> None:
        self.cues, self.listing = cues, listing
        zh = [word for of in cues.values() for word in of["zh"]]
        self.pairs = Pairs([*_terms("zh"), *zh, *_ODD_PAIRS_ZH])
        self.medical = {number for number, pair in enumerate(self.pairs.named) if pair in _terms("zh")}
        self.odd = {number for number, pair in enumerate(self.pairs.named) if pair in _ODD_PAIRS_ZH}
        begun: dict[str, list[str]] = {}
        for word in dict.fromkeys(zh):
            begun.setdefault(word[:2], []).append(word)
        self.begun = {number: begun[pair] for number, pair in enumerate(self.pairs.named) if pair in begun}
        self.with_word: dict[bytes, list[str]] = {}
        for cue in dict.fromkeys(word for of in cues.values() for word in of["en"]):
            self.with_word.setdefault(_longest_word(cue), []).append(cue)
        self.single_signs = [word for word in dict.fromkeys(zh) if len(word) < 2]
        self.words = WordKinds(frozenset(self.with_word))


def _longest_word(cue: str) -> bytes:
    """By which an English cue is found: the longest is the rarest."""
    return max(cue.encode().translate(_TO_WORDS).split(), key=len)


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
        return sum([kinds.count(one) for one in range(2 * _CUE) if one & kind]) / max(1, self.words)

    @Measure
    def _han(self) -> int:
        return max(1, sum(self._counts[: scripts.HAN_RARE + 1]))

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
        return self.text.lower().encode("utf-8", "surrogatepass").translate(_TO_WORDS).split()

    @Measure
    def words(self) -> int:
        return len(self._words)

    @Measure
    def mean_word(self) -> float:
        return len(b"".join(self._words)) / max(1, self.words)

    @Measure
    def stop_words(self) -> float:
        return self._share_of_words(_STOP_WORD)

    @Measure
    def repeated_words(self) -> float:
        return 1 - len(set(self._words)) / max(1, self.words)

    @Measure
    def repeated_characters(self) -> float:
        return 1 - len(set(self.text)) / len(self.text)

    @Measure
    def odd_words(self) -> float:
        return self._share_of_words(_ODD)

    @Measure
    def domain(self) -> float:
        """Medical terms in 100 Han characters, or in 100 words."""
        if not self.chinese:
            return 100 * self._share_of_words(_MEDICAL)
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
            found, size = sum(map(_ODD_PAIRS_EN.__contains__, zip(self._words, self._words[1:], strict=False))), max(1, self.words)
        return 100 * found / size if found >= _FEWEST_ODD else 0.0

    @Measure
    def _candidates(self) -> frozenset[str]:
        """Cues of all kinds that the text has."""
        lists, text = self._lists, self._lowered
        if self.chinese:
            maybe = [word for number in lists.begun.keys() & set(self._pairs) for word in lists.begun[number]] + lists.single_signs
        else:
            words = {word for word, kind in zip(self._words, self._word_kinds, strict=True) if kind & _CUE}
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


@lru_cache(maxsize=2)
def _terms(language: str) -> frozenset[str]:
    return frozenset((Path(__file__).parent / f"terms_{language}.txt").read_text(encoding="utf-8").split())
