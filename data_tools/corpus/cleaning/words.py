"""Words that the measures know: medical terms, words of grammar, pairs that no sentence has, and the cues of quality.yaml."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from data_tools.corpus.cleaning.automaton import automaton
from data_tools.corpus.cleaning.pairs import Pairs

MEDICAL, ODD, STOP_WORD, CUE, ODD_BEFORE = 1, 2, 4, 8, 16  # bits of what an English word is
# For bytes of such bits: those without a kind; 1 for those of one.
WITHOUT = {kind: bytes(bits for bits in range(256) if not bits & kind) for kind in (MEDICAL, ODD, STOP_WORD)}
IS_CUE, IS_ODD_BEFORE = (bytes(bool(bits & kind) for bits in range(256)) for kind in (CUE, ODD_BEFORE))
TO_WORDS = bytes(code if chr(code).isalnum() or code >= 128 else 32 for code in range(256)).lower()  # the rest parts words

_ODD_WORD = re.compile(rb"^[^aeiouy\d]{3,}$|[bcdfghjklmnpqrstvwxz]{5}|^.{31,}$|^[b-hj-z]$|\d[a-z]+\d|[a-z]\d+[a-z]")
_MEDICAL_TAILS = (b"itis osis emia aemia ectomy opathy mycin illin azole sartan statin olol umab inib amide idine oma plasty "
                  b"otomy oscopy graphy algia uria penia").split()  # fmt: skip
_STOP_WORDS = frozenset(b"the of and to in is was with for that by are or an a from be this on at as which not have has were you "
                        b"may if can should your it when after most also these their other but than its".split())  # fmt: skip
_AFTER_ARTICLE = b"the a an of is was are were be and to in for with that has have by"
_ODD_AFTER = {
    b"the": _AFTER_ARTICLE, b"an": _AFTER_ARTICLE, b"a": b"the a an of are were be", b"of": b"of is was be", b"is": b"is was be",
    b"was": b"is was be", b"with": b"of was be", b"for": b"of was be",
}  # fmt: skip  (after "a" only what does not follow vitamin A)
ODD_PAIRS_EN = frozenset((one, two) for one, others in _ODD_AFTER.items() for two in others.split())
_ODD_PAIRS_ZH = ("的的 和和 和的 和了 把的 把了 把把 把被 被的 被了 "
                 "被把 被被 与的 与了 把， 被， 和， 与， 把。 被。 和。 与。").split()  # fmt: skip


class WordKinds(dict[bytes, int]):
    """Bits of an English word: medical, odd, of grammar, in a cue, first of odd pairs. Of very many, some are judged again."""

    _MOST = 1 << 17

    def __init__(self, cues: frozenset[bytes]) -> None:
        self._cues, self._terms = cues, frozenset(term.encode() for term in _terms("en"))

    def __missing__(self, word: bytes) -> int:
        medical = word in self._terms or (len(word) > 6 and any(map(word.endswith, _MEDICAL_TAILS)))
        odd = not medical and _ODD_WORD.search(word) is not None
        kinds = MEDICAL * medical + ODD * odd + STOP_WORD * (word in _STOP_WORDS) + CUE * (word in self._cues)
        kinds += ODD_BEFORE * (word in _ODD_AFTER)
        if len(self) < self._MOST:
            self[word] = kinds
        return kinds


class Lists:
    """The words of quality.yaml. cues: {kind: {language: words}}. pairs: of Chinese characters; counted are medical terms, odd
    ones, and those that a cue begins with."""

    def __init__(self, cues: Mapping[str, Mapping[str, Sequence[str]]], listing: re.Pattern[str]) -> None:
        self.listing = listing
        self.cues = {kind: {language: frozenset(words) for language, words in of.items()} for kind, of in cues.items()}
        self._zh, en = (sorted({word for of in cues.values() for word in of[language]}) for language in ("zh", "en"))
        begins = {word[:2] for word in self._zh if len(word) > 1 and max(word[:2]) <= "\uffff"}
        self.pairs = Pairs([{term for term in _terms("zh") if len(term) == 2}, set(_ODD_PAIRS_ZH), begins])
        self._without_pair = [word for word in self._zh if word[:2] not in begins]
        self._find = automaton(self._zh)
        self.with_word: dict[bytes, list[str]] = {}
        for cue in en:
            self.with_word.setdefault(_longest_word(cue), []).append(cue)
        self.words = WordKinds(frozenset(self.with_word))

    def may_have_cues(self, text: str, begun: int) -> bool:
        """begun: how many pairs of a Chinese text a cue begins with."""
        return begun > 0 or any(map(text.__contains__, self._without_pair))

    def chinese_cues(self, text: str) -> frozenset[str]:
        return frozenset(self._zh[number] for number in self._find(text))


def _longest_word(cue: str) -> bytes:
    """By which an English cue is found: the longest is the rarest."""
    return max(cue.encode().translate(TO_WORDS).split(), key=len)


@lru_cache(maxsize=2)
def _terms(language: str) -> frozenset[str]:
    return frozenset((Path(__file__).parent / f"terms_{language}.txt").read_text(encoding="utf-8").split())
