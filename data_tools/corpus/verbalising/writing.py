"""Documents about one subject: its facts as sentences of drawn wording, in drawn order, each read back before it is kept.

A sentence is written as people would; where it does not read back (a value with "and" in it, or with the words of another
template), with a wording that tells that there is one object, or with several kept apart by semicolons; then in quotes.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from data_tools.corpus.verbalising.english import article, capital, is_plural, small
from data_tools.corpus.verbalising.phrases import OBJECTS, Part, Slot, Words, tells_number, wording
from data_tools.corpus.verbalising.reader import Fact, Qualifiers, Reader, fold, same
from data_tools.corpus.verbalising.templates import Relation, Templates
from data_tools.corpus.verbalising.triples import LANGUAGES
from data_tools.corpus.verbalising.values import listed, quoted

FORMS = ("plain", "kept apart", "quoted objects", "all quoted")
_APART, _ALL_QUOTED = 1, 3
_WORDINGS = 3  # that are tried in each form
_TRIES = ("plain", "plain", "subject quoted", "all quoted")  # of a whole document
_MOST_OBJECTS = 5  # in one sentence
_SHORT_NAMES = 0.6  # of the sentences that could have one


class Group(NamedTuple):
    """What one sentence tells."""

    relation: Relation
    negated: bool
    qualifiers: Qualifiers
    objects: tuple[str, ...]


@dataclass
class Written:
    """text: None where no draw read back. forms: sentences by the form that they needed. first: those whose first draw read
    back; tries: of the whole document."""

    text: str | None
    forms: Counter[str] = field(default_factory=Counter)
    first: int = 0
    tries: int = 1


class Writer:
    def __init__(self, templates: Templates) -> None:
        self.templates = templates
        self.readers: Mapping[str, Reader] = {language: Reader(templates, language) for language in LANGUAGES}

    def document(self, facts: Sequence[Fact], language: str, draw: random.Random) -> Written:
        """facts: of one subject."""
        subject = facts[0].subject
        for tries, how in enumerate(_TRIES, 1):
            work = _Draft(self, subject, language, draw, how)
            sentences = [work.sentence(group, number) for number, group in enumerate(self._groups(facts, language, draw))]
            text = ("" if language == "zh" else " ").join(filter(None, sentences))
            read = self.readers[language].document(text) if all(sentences) else None
            if read is not None and same(read, facts):
                return Written(text, work.forms, work.first, tries)
        return Written(None, tries=len(_TRIES))

    def _groups(self, facts: Sequence[Fact], language: str, draw: random.Random) -> list[Group]:
        alike: dict[tuple[str, bool, Qualifiers], list[str]] = {}
        for fact in facts:
            alike.setdefault((fact.relation, fact.negated, fact.qualifiers), []).append(fact.object)
        groups = []
        for (name, negated, qualifiers), objects in alike.items():
            relation = self.templates.relation(name, language, negated)
            for some in _cut(objects, relation.lists, draw):
                groups.append(Group(relation, negated, qualifiers, some))
        draw.shuffle(groups)
        return groups


class _Draft:
    """Sentences of one document. how: one of _TRIES."""

    def __init__(self, writer: Writer, subject: str, language: str, draw: random.Random, how: str) -> None:
        self.forms: Counter[str] = Counter()
        self.first = 0
        self._reader, self._names = writer.readers[language], writer.templates.names
        self._fronted = {one.name: one.around(language) for one in writer.templates.qualifiers}
        self._subject, self._language, self._draw, self._how = subject, language, draw, how
        self._kinds: set[str] = set()
        self._left: dict[tuple[str, bool], list[tuple[Part, ...]]] = {}

    def sentence(self, group: Group, number: int) -> str | None:
        """None where none reads back. number: of the sentence in the document, from 0."""
        name = self._name(group.relation.about, number)
        first = True
        for form in range(_ALL_QUOTED if self._how == "all quoted" else 0, len(FORMS)):
            for parts in self._wordings(group, form):
                text = self._written(group, parts, name, form)
                if self._reads_back(text, group):
                    self.forms[FORMS[form]] += 1
                    self.first += first
                    return text
                first = False
        return None

    def _name(self, about: str, number: int) -> str:
        """The subject's own name, or from the second sentence on a short one; of one kind in a document."""
        short = self._names.of(about, self._language)
        usual = number and short and self._how == "plain" and not self._kinds - {about}
        self._kinds.add(about)
        return self._draw.choice(short) if usual and self._draw.random() < _SHORT_NAMES else self._subject

    def _wordings(self, group: Group, form: int) -> Iterator[tuple[Part, ...]]:
        """Those that the document has not used first."""
        phrases = group.relation.phrases(self._language)
        assert phrases is not None  # triples without are refused
        known = phrases.parts[group.negated]
        for _ in range(_WORDINGS):
            left = self._left.setdefault((group.relation.name, group.negated), [])
            if not left:
                left += self._draw.sample(known, len(known))
            fitting = [parts for parts in left if self._fits(parts, group, form)]
            if fitting:
                left.remove(fitting[0])
                yield fitting[0]
            elif others := [parts for parts in known if self._fits(parts, group, form)]:
                yield self._draw.choice(others)

    def _fits(self, parts: tuple[Part, ...], group: Group, form: int) -> bool:
        """A phrase in front needs a wording without one, and a list kept apart a wording that ends with it."""
        fronted = any(key in self._fronted for key, _ in group.qualifiers)
        if fronted and any(isinstance(part, Words) and ("," in part.text or "，" in part.text) for part in parts):
            return False
        if form != _APART:
            return True
        *_, last, stop = parts
        at_end = isinstance(last, Slot) and last.kind in OBJECTS and stop in (Words("."), Words("。"))
        return tells_number(parts) if len(group.objects) == 1 else at_end

    def _written(self, group: Group, parts: tuple[Part, ...], name: str, form: int) -> str:
        objects = self._shown(group.objects, form > _APART)
        qualifiers = self._shown([value for _, value in group.qualifiers], form == _ALL_QUOTED)
        subject = self._shown([name], name == self._subject and (self._how != "plain" or form == _ALL_QUOTED))
        plural = len(group.objects) > 1
        english = self._language == "en"
        words, slots = wording(parts, {"count": plural, "o": plural or english and is_plural(group.objects[0]),
                                       "s": english and is_plural(name)})  # fmt: skip
        values = [subject[0] if slot == "s" else self._objects(objects, slot, form == _APART) for slot in slots]
        body = [words[0], values[0], words[1], values[1], words[2]]
        named = list(zip((key for key, _ in group.qualifiers), qualifiers, strict=True))
        return self._qualified(body, named)

    def _shown(self, values: Sequence[str], quotes: bool) -> list[str]:
        return [quoted(value, self._language) if quotes else value for value in values]

    def _objects(self, objects: Sequence[str], slot: str, apart: bool) -> str:
        if slot.startswith("a ") and self._language == "en":
            objects = [article(value) + value for value in objects]
        return listed(objects, self._language, slot.endswith("or"), apart, self._draw.random() < 0.5)

    def _qualified(self, body: list[str], qualifiers: list[tuple[str, str]]) -> str:
        """The first qualifier that has words of its own in front, the others in brackets behind."""
        fronted = next((pair for pair in qualifiers if pair[0] in self._fronted), None)
        if fronted:
            before, after = self._fronted[fronted[0]]
            first = small(body[0]) if self._language == "en" else body[0]
            body = [before, fronted[1], after, first, *body[1:]]
        behind = [pair for pair in qualifiers if pair != fronted]
        text = "".join(body)
        if behind and self._language == "zh":
            text = text[:-1] + "（" + "；".join(f"{name}：{value}" for name, value in behind) + "）。"
        elif behind:
            text = text[:-1] + " (" + "; ".join(f"{name}: {value}" for name, value in behind) + ")."
        return capital(text) if self._language == "en" else text

    def _reads_back(self, text: str, group: Group) -> bool:
        best = self._reader.sentence(text, self._subject)
        if best is None:
            return False
        told = (best.relation, best.negated, sorted(map(fold, best.objects)), best.qualifiers)
        return told == (group.relation.name, group.negated, sorted(map(fold, group.objects)), group.qualifiers)


def _cut(objects: Sequence[str], lists: bool, draw: random.Random) -> Iterator[tuple[str, ...]]:
    """Into sentences' worth."""
    objects = draw.sample(objects, len(objects))
    start = 0
    while start < len(objects):
        size = draw.randint(1, _MOST_OBJECTS) if lists else 1
        yield tuple(objects[start : start + size])
        start += size
