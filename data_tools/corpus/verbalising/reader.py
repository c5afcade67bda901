"""From sentences back to facts: fixed words as anchors, and what stands between them. Knows the templates and no triple.

A sentence may fit several templates, where values hold words of templates: the reading with the most fixed words wins. What
stands in quotes is one value, whatever it holds.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from data_tools.corpus.verbalising.phrases import Shape, shapes
from data_tools.corpus.verbalising.templates import Relation, Templates

_FIRST_MARK = 0xE000  # private characters stand for what is quoted; no value holds any
_MOST_MARKS = 6000
_QUOTED = {"en": re.compile("“[^“”]*”|«[^«»]*»|「[^「」]*」"), "zh": re.compile("“[^“”]*”|『[^『』]*』|「[^「」]*」")}
_END = {"en": re.compile(r"\.(?=\s|$)"), "zh": re.compile("。")}
_BRACKETS = {
    "en": re.compile(r"^(.*) \(([^()]*: [^()]*)\)(\.)$", re.S),
    "zh": re.compile(r"^(.*)（([^（）]*：[^（）]*)）(。)$", re.S),
}
_SEMICOLONS = {"en": re.compile(r"; (?:and |or )?"), "zh": re.compile("；")}
_SEPARATED = {
    "en": {False: (", and ", ", ", " and "), True: (", or ", ", ", " or ")},
    "zh": {False: ("以及", "、", "和"), True: ("以及", "、", "或")},
}  # by whether they are alternatives
_ARTICLE = re.compile(r"^an? ")
_MOST_SUBJECTS = 20  # that a first sentence may be tried with
_MOST_SENTENCES = 12  # that one may be spread over, where values hold full stops

Qualifiers = tuple[tuple[str, str], ...]


class Fact(NamedTuple):
    subject: str
    relation: str
    object: str
    negated: bool
    qualifiers: Qualifiers


@dataclass(frozen=True)
class Reading:
    """Of one sentence. weight: characters that were fixed words."""

    relation: str
    negated: bool
    subject: str
    objects: tuple[str, ...]
    qualifiers: Qualifiers
    weight: int
    about: str


@dataclass(frozen=True)
class _Anchors:
    """words: the first folded."""

    relation: Relation
    negated: bool
    shape: Shape
    words: tuple[str, str, str]
    weight: int


@dataclass(frozen=True)
class _Parsed:
    """Of a text from some sentence on."""

    weight: int
    first: Reading | None
    rest: "_Parsed | None"

    @property
    def readings(self) -> list[Reading]:
        found, at = [], self
        while at.first is not None and at.rest is not None:
            found.append(at.first)
            at = at.rest
        return found


class Masked(NamedTuple):
    """A text with a mark in the place of each quoted value."""

    text: str
    values: Sequence[str]

    def value(self, text: str) -> str:
        """As it was; without quotes where it is nothing but a quoted one."""
        if len(text) == 1 and self._at(text) is not None:
            return self.values[ord(text) - _FIRST_MARK][1:-1]
        return "".join(self._at(one) or one for one in text) if self.values else text

    def _at(self, mark: str) -> str | None:
        place = ord(mark) - _FIRST_MARK
        return self.values[place] if 0 <= place < len(self.values) else None


class Reader:
    """Of one language."""

    def __init__(self, templates: Templates, language: str) -> None:
        self._language = language
        self._names = {
            about: frozenset(map(fold, templates.names.of(about, language))) for about in ("disease", "drug", "test", "other")
        }
        self._qualifiers = [(one.name, *one.around(language)) for one in templates.qualifiers]
        self._anchors = list(_anchors(templates, language))

    def document(self, text: str) -> list[Fact] | None:
        """The facts of a text about one subject, in their order; None where some part of it is no sentence that is known."""
        masked = self.mask(text)
        ends = [match.end() for match in _END[self._language].finditer(masked.text)]
        if not ends or ends[-1] != len(masked.text):
            return None
        spans = _Spans(self, masked, ends)
        parsed = [(subject, found) for subject in spans.subjects() if (found := self._parsed(spans, subject))]
        if not parsed:
            return None
        subject, found = max(parsed, key=lambda one: one[1].weight)
        return [
            Fact(subject, one.relation, value, one.negated, one.qualifiers) for one in found.readings for value in one.objects
        ]

    def sentence(self, text: str, subject: str) -> Reading | None:
        """Of the readings of one sentence about `subject` that with the most fixed words."""
        masked = self.mask(text)
        return self._about(self.readings(masked, masked.text), subject)

    def mask(self, text: str) -> Masked:
        values: list[str] = []

        def mark(match: re.Match[str]) -> str:
            if len(values) == _MOST_MARKS:
                return match.group()
            values.append(match.group())
            return chr(_FIRST_MARK + len(values) - 1)

        return Masked(_QUOTED[self._language].sub(mark, text), values)

    def _parsed(self, spans: "_Spans", subject: str) -> _Parsed | None:
        """The whole text as sentences about `subject`: those with the most fixed words, so that no value swallows a sentence."""
        count = len(spans.ends)
        best: list[_Parsed | None] = [None] * count + [_Parsed(0, None, None)]
        for number in range(count - 1, -1, -1):
            for last in range(number, min(number + _MOST_SENTENCES, count)):
                rest = best[last + 1]
                reading = rest and self._about(spans.readings(number, last), subject)
                if rest and reading:
                    weight, here = reading.weight + rest.weight, best[number]
                    if here is None or weight > here.weight:
                        best[number] = _Parsed(weight, reading, rest)
        return best[0]

    def _about(self, readings: Sequence[Reading], subject: str) -> Reading | None:
        wanted = fold(subject)
        return next((one for one in readings if fold(one.subject) == wanted or fold(one.subject) in self._names[one.about]), None)

    def readings(self, masked: Masked, text: str) -> list[Reading]:
        """All of one sentence, that with the most fixed words first."""
        found = [
            reading
            for qualifiers, weight, rest in self._qualified(masked, text)
            for reading in self._plain(masked, rest, qualifiers, weight)
        ]
        return sorted(found, key=lambda reading: -reading.weight)

    def _qualified(self, masked: Masked, text: str) -> Iterator[tuple[Qualifiers, int, str]]:
        """(qualifiers, weight of the words around them, the sentence without them), all ways in which it can be read."""
        behind: list[tuple[Qualifiers, int, str]] = [((), 0, text)]
        match = _BRACKETS[self._language].match(text)
        if match and (named := self._named(masked, match.group(2))):
            behind.append((named, 4 * len(named), match.group(1) + match.group(3)))
        for qualifiers, weight, rest in behind:
            yield qualifiers, weight, rest
            for name, before, after in self._qualifiers:
                if rest.startswith(before):
                    for place in _places(rest, after, len(before)):
                        value = masked.value(rest[len(before) : place])
                        if _is_value(value):
                            fronted = tuple(sorted((*qualifiers, (name, value))))
                            yield fronted, weight + len(before) + len(after), rest[place + len(after) :]

    def _named(self, masked: Masked, inside: str) -> Qualifiers:
        """Of "name: value; name: value"; nothing where it is something else."""
        semicolon, colon = ("；", "：") if self._language == "zh" else ("; ", ": ")
        pairs = [one.partition(colon) for one in inside.split(semicolon)]
        if not all(name and mark and _is_value(value) for name, mark, value in pairs):
            return ()
        return tuple(sorted((masked.value(name), masked.value(value)) for name, _, value in pairs))

    def _plain(self, masked: Masked, text: str, qualifiers: Qualifiers, weight: int) -> Iterator[Reading]:
        folded = fold(text)
        for anchors in self._anchors:
            before, between, after = anchors.words
            if between not in text or not (text.endswith(after) and folded.startswith(before)):
                continue
            for place in _places(text, between, len(before), len(text) - len(after)):
                told = (text[len(before) : place], text[place + len(between) : len(text) - len(after)])
                values = dict(zip(anchors.shape.slots, told, strict=True))
                subject = masked.value(values.pop("s"))
                ((slot, listed),) = values.items()
                objects = self._objects(listed, slot, anchors) if _is_value(subject) else []
                if objects:
                    yield Reading(
                        anchors.relation.name,
                        anchors.negated,
                        subject,
                        tuple(map(masked.value, objects)),
                        qualifiers,
                        anchors.weight + weight,
                        anchors.relation.about,
                    )

    def _objects(self, text: str, slot: str, anchors: _Anchors) -> list[str]:
        """Nothing where the text cannot be what the words around it say."""
        plural = anchors.shape.plural
        parts = [text] if not anchors.relation.lists or plural is False else self._split(text, slot)
        if slot.startswith("a "):
            parts = [_ARTICLE.sub("", part) for part in parts]
        if plural and len(parts) < 2 or not all(map(_is_value, parts)):
            return []
        return parts

    def _split(self, text: str, slot: str) -> list[str]:
        """By semicolons, where there are some; else by commas, and by a single "and" where none stands behind a comma."""
        semicolons = _SEMICOLONS[self._language].split(text)
        if len(semicolons) > 1:
            return semicolons
        strong, comma, weak = _SEPARATED[self._language][slot.endswith("or")]
        head, strongly, last = text.rpartition(strong)
        if not strongly:
            return [part for some in text.split(comma) for part in some.split(weak)]
        return [*head.split(comma), last]


class _Spans:
    """The readings of some sentences' worth of a text, each made once."""

    def __init__(self, reader: Reader, masked: Masked, ends: Sequence[int]) -> None:
        self.ends = ends
        self._reader, self._masked = reader, masked
        self._starts = [0, *(_after(masked.text, end) for end in ends)]
        self._found: dict[tuple[int, int], list[Reading]] = {}

    def readings(self, first: int, last: int) -> list[Reading]:
        if (first, last) not in self._found:
            text = self._masked.text[self._starts[first] : self.ends[last]]
            self._found[first, last] = self._reader.readings(self._masked, text)
        return self._found[first, last]

    def subjects(self) -> Iterator[str]:
        """What the text may be about, by its first sentence."""
        seen: set[str] = set()
        for last in range(min(len(self.ends), _MOST_SENTENCES)):
            for reading in self.readings(0, last):
                if fold(reading.subject) not in seen and len(seen) < _MOST_SUBJECTS:
                    seen.add(fold(reading.subject))
                    yield reading.subject


def fold(text: str) -> str:
    """What is equal whether or not it begins a sentence."""
    return text[:1].lower() + text[1:]


def _anchors(templates: Templates, language: str) -> Iterator[_Anchors]:
    for relation in templates.relations:
        phrases = relation.phrases(language)
        for negated, phrasings in phrases.parts.items() if phrases else ():
            for parts in phrasings:
                for shape in shapes(parts):
                    before, between, after = shape.words
                    yield _Anchors(relation, negated, shape, (fold(before), between, after), sum(map(len, shape.words)))


def _places(text: str, words: str, start: int, end: int | None = None) -> Iterator[int]:
    place = text.find(words, start, end)
    while place >= 0:
        yield place
        place = text.find(words, place + 1, end)


def _after(text: str, end: int) -> int:
    """Where the next sentence begins."""
    while end < len(text) and text[end].isspace():
        end += 1
    return end


def _is_value(text: str) -> bool:
    return bool(text) and text == text.strip()


def same(one: Collection[Fact], other: Collection[Fact]) -> bool:
    """Whether the facts are the same, in any order, each as often."""
    return sorted(map(_key, one)) == sorted(map(_key, other))


def _key(fact: Fact) -> tuple[object, ...]:
    return fold(fact.subject), fact.relation, fold(fact.object), fact.negated, fact.qualifiers
