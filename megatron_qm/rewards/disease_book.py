"""Names and codes of diseases in a text, and the places of ICD-10 that they mean."""

import copy
import re
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby

from megatron_qm.rewards import icd
from megatron_qm.rewards.chosen import chosen
from megatron_qm.rewards.disease_parts import names_of, parts_of_diseases
from megatron_qm.rewards.icd import CODE, Lineage, path
from megatron_qm.rewards.modifiers import SIDE, refined
from megatron_qm.rewards.reading.finding import NameTable, find
from megatron_qm.rewards.reading.lexicon import either
from megatron_qm.rewards.reading.lists import joints
from megatron_qm.rewards.reading.mentions import Mention
from megatron_qm.rewards.reading.remembered import remembered
from megatron_qm.rewards.reading.scopes import stances
from megatron_qm.rewards.reading.spans import Span, Stance
from megatron_qm.rewards.spelling import units
from megatron_qm.rewards.wanted import Wanted

_NAMED, KIND_OF = "=", "~"  # before the key of a name: what it means, or what it is a kind of that no table knows
_QUALIFIED = re.compile(rf"(?:\b{either('makes_another', 'en')}[ -]|{either('makes_another', 'zh')}性?)$", re.I)
_BEFORE = 24  # characters before a name in which its qualifier stands
# What is complained of or found, or how an injury came about (chapter XX), which is no diagnosis beside a disease.
_COMPLAINTS = ("R", "V", "W", "X", "Y", "M25.5", "M54.2", "M54.4", "M54.5", "M54.9", "M79.1", "M79.2", "M79.6", "H91.9", "H92.0",
               "H93.1", "K59.0", "K62.5", "K92.0", "K92.1", "L29.9", "N23", "N63", "N92.0", "N94.6", "I95.9")
_NO_COMPLAINTS = ("R57", "R65", "R73", "R95")  # shock, sepsis, prediabetes, sudden infant death


class Book:
    """ICD-10 of one system with a user's names: texts to their places in it."""

    def __init__(self, system: str, names: Mapping[str, str]) -> None:
        self.system = system
        self._user = NameTable(names, units) if names else None  # whose names mean the codes that they are given
        self._tables = [*([self._user] if self._user else []), icd.table(system)]
        self._texts = lru_cache(maxsize=4096)(self._read)  # references, and fields of JSON, say much the same
        self._wanting = lru_cache(maxsize=1024)(self._wanting_codes)
        self._wanted: Wanted | None = None
        self.strays = [code for code in names.values() if path(code, system) is None]

    @classmethod
    def of(cls, system: str, names: Mapping[str, str]) -> "Book":
        return remembered(names, lambda: cls(system, names), system)

    def wanting(self, rights: Sequence[Lineage]) -> "Book":
        """This one, which knows the names of `rights` said in parts as well."""
        return self._wanting(tuple(right[0] for right in rights))

    def _wanting_codes(self, codes: Sequence[str]) -> "Book":
        book = copy.copy(self)
        book._texts = lru_cache(maxsize=64)(book._read)
        names = {name: f"{_NAMED}{code}" for code in codes for name in names_of(code, self.system)}
        book._wanted = Wanted(names, parts_of_diseases(), self._known, self.kind, self._is_open, strict=False)
        return book

    def place(self, code: str) -> Lineage | None:
        return path(code, self.system)

    def kind(self, key: str) -> object:
        """The category: between two names of one there is nothing to choose."""
        place = self.place(bare(key))
        return place[1] if place else key

    def _is_open(self, key: str) -> bool:
        place = self.place(bare(key))
        return place is not None and place[0] in (place[1], f"{place[1]}.9")

    def find(self, sentence: str) -> Iterator[tuple[str, Span]]:
        """Codes and names, in order; a name's key is its code."""
        codes = [(code, span) for code, span in _codes(sentence) if icd.is_code(sentence, code, span, self.system)]
        text = _blanked(sentence, [span for _, span in codes])
        named = list(self._known(text))
        if self._wanted:
            named = self._wanted.among(text, named)
        yield from sorted([*codes, *named], key=lambda one: one[1].start)

    def _known(self, sentence: str) -> Iterator[tuple[str, Span]]:
        yield from ((_key(sentence, code, span), span) for code, span in self._named(sentence))

    def _named(self, sentence: str) -> list[tuple[str, Span]]:
        """Names; of `fracture of the right femur` the longer one that it is without its side."""
        found = list(find(sentence, self._tables))
        if not SIDE.search(sentence):
            return found
        spans = [span for _, span in found]
        others = find(SIDE.sub(lambda side: " " * len(side[0]), sentence), self._tables)
        longer = [one for one in others
                  if one[1] not in spans and all(_within(span, one[1]) or _apart(span, one[1]) for span in spans)]
        kept = [one for one in found if not any(_within(one[1], span) for _, span in longer)]
        return sorted([*kept, *longer], key=lambda one: one[1].start)

    def refined(self, key: str, sentence: str, span: Span) -> Lineage | None:
        """The place of a name with what is said beside it, or of a code."""
        place = self.place(bare(key))
        text = sentence[span.start : span.end]
        if place is None or key[0] != _NAMED or self._user and self._user.key_of(text) is not None:
            return place
        return self.place(refined(place[0], self.system, sentence, span))

    def find_diseases(self, sentence: str) -> Iterator[tuple[str, Span]]:
        """Without the names of what is only complained of."""
        yield from (one for one in self.find(sentence) if not (is_name(one[0]) and _is_complaint(bare(one[0]))))

    def stated(self, item: object) -> list[Lineage | None]:
        """One field of JSON or a reference: None where it is unknown, denied, or its code and name disagree."""
        if isinstance(item, Mapping):
            return [self._both(item.get("code"), item.get("name"))]
        return list(self._texts(item)) if isinstance(item, str) else [None]

    def _both(self, code: object, name: object) -> Lineage | None:
        coded = self._texts(code) if isinstance(code, str) and code.strip() else []
        named = self._texts(name) if isinstance(name, str) and name.strip() else []
        if not coded:
            return named[0] if named else None
        if coded[0] is None or not named:
            return coded[0]
        if named[0] is None:  # a name that nobody knows does not contradict, a denied one does
            return coded[0] if not list(self.find(str(name))) else None
        return coded[0] if coded[0][1] == named[0][1] else None

    def _read(self, text: str) -> Sequence[Lineage | None]:
        """The place that a text names, of each item where it is a list."""
        named = list(self.find_diseases(text)) or list(self.find(text))
        starts = [joint.start for joint in joints(text, [span for _, span in named])]
        states = stances(text, [span for _, span in named])
        mentions = [Mention(key, stance, text, span, 0) for (key, span), stance in zip(named, states, strict=True)]
        counted = (one for one in chosen(mentions, self.kind) if one.stance is Stance.AFFIRMED)
        items = groupby(counted, key=lambda one: bisect(starts, one.span.start))
        return [self.joined(list(found))[0] for _, found in items] or [None]

    def joined(self, mentions: Sequence[Mention]) -> list[Lineage | None]:
        """Codes and the names beside them are one diagnosis if they agree in the category, and a wrong one if they do not. A name
        of a kind that no table knows contradicts a code of another chapter alone."""
        codes = [self.place(one.key) for one in mentions if not is_name(one.key)]
        names = [(self.refined(one.key, one.sentence, one.span), 1 if one.key[0] == _NAMED else 3)
                 for one in mentions if is_name(one.key)]
        if codes and names:
            agree = any(code and name and name[level] == code[level] for code in codes for name, level in names)
            return list(codes) if agree or None in codes else [None]
        return [*codes, *(name for name, _ in names)]


def is_name(key: str) -> bool:
    return key[0] in (_NAMED, KIND_OF)


def bare(key: str) -> str:
    """A key's code."""
    return key.lstrip(_NAMED + KIND_OF)


def _is_complaint(code: str) -> bool:
    return code.startswith(_COMPLAINTS) and not code.startswith(_NO_COMPLAINTS)


def _apart(one: Span, other: Span) -> bool:
    return one.end <= other.start or other.end <= one.start


def _within(inner: Span, outer: Span) -> bool:
    """Whether a span is a part of another one that is longer, or the same."""
    return outer.start <= inner.start and inner.end <= outer.end


def _key(sentence: str, code: str, span: Span) -> str:
    """`viral pneumonia` is a kind of pneumonia, and not the one that `pneumonia` means, where no table knows it."""
    qualified = span.start and _QUALIFIED.search(sentence, max(0, span.start - _BEFORE), span.start)
    return f"{KIND_OF}{code[:3]}" if qualified else f"{_NAMED}{code}"


def _blanked(sentence: str, spans: Sequence[Span]) -> str:
    """With line ends in the place of `spans`."""
    pieces, at = [], 0
    for span in spans:
        pieces += [sentence[at : span.start], "\n" * (span.end - span.start)]
        at = span.end
    return "".join([*pieces, sentence[at:]])


def _codes(sentence: str) -> list[tuple[str, Span]]:
    """What looks like a code, in capitals or not."""
    upper = sentence.upper()
    return [(match[0], Span(*match.span())) for match in CODE.finditer(upper)] if len(upper) == len(sentence) else []
