"""Disease diagnosis: ICD-10 codes and names, credited by how far down the hierarchy they agree."""
# ruff: noqa: E501  Chinese characters count twice

import re
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from megatron_qm.rewards import icd
from megatron_qm.rewards.icd import CODE, LEVELS, Lineage, path
from megatron_qm.rewards.metadata import Metadata, table_of, word_of
from megatron_qm.rewards.outcome import Outcome, Scored, Status, Unscored
from megatron_qm.rewards.reading.clean import answer_part
from megatron_qm.rewards.reading.finding import NameTable, find
from megatron_qm.rewards.reading.json_parts import Duplicates, json_values
from megatron_qm.rewards.reading.lists import joints
from megatron_qm.rewards.reading.mentions import Mention, Prose, affirmed, names_any
from megatron_qm.rewards.reading.remembered import remembered
from megatron_qm.rewards.reading.spans import Span, Stance
from megatron_qm.rewards.spelling import simplified, units

CREDIT = (1.0, 0.5, 0.2, 0.1)  # the same code, category, block, chapter
_CODE_KEYS = ("code", "icd", "icd10", "icd-10", "icd_10", "icd_code", "编码", "icd编码", "icd10_code")
_NAME_KEYS = ("name", "disease", "diagnosis", "诊断", "疾病", "名称", "诊断名称", "disease_name", "final_diagnosis", "principal_diagnosis")
_LIST_KEYS = ("diagnoses", "diagnosis", "diseases", "诊断", "codes", "answer", "icd", "答案", "疾病", "code", "list", "name", "icd10", "disease",
              "final_diagnosis", "principal_diagnosis", "primary", "principal", "main", "secondary", "primary_diagnosis", "secondary_diagnoses",
              "secondary_diagnosis", "主诊断", "次诊断", "diagnosis_list", "最终诊断", "主要诊断", "次要诊断")
_MOST_ITEMS = 50
_APART = re.compile(r"[,;、+/\n]|\band\b|[和及与伴并]")  # between two diagnoses


def diagnosis(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
    """`reference`: a code, a name, or a list of them (or {"code"|"name"|"diagnoses": ...}), the principal one first.

    metadata: `system` "who" (default) or "cm"; `names` {name: code} of the user; `score` "list" (default: F1 of
    hierarchical credit) or "top1" (credit of the first diagnosis against the first reference).
    A wrong code beside a right name is a wrong diagnosis, not half of one. Parts: top1, precision, recall, f1,
    contradictions, invalid.
    """
    book = Book.of(word_of(metadata, "system", "who"), table_of(metadata, "names"))
    if book.strays:
        return Unscored(f"metadata.names: {book.strays[0]!r} is no code of ICD-10 ({book.system})")
    named = [one for item in _items_of(reference) for one in book.stated(item)]
    rights = [right for right in named if right is not None]
    if not rights or len(rights) < len(named):
        return Unscored(f"the reference {reference!r} names something that is not in ICD-10 ({book.system})")
    given = list(dict.fromkeys(_given(response, book)))
    if len(given) > _MOST_ITEMS:
        return _nothing(f"{len(given)} diagnoses: no list, a catalogue", "rejected")
    if not given:
        return _nothing("no diagnosis could be read", "rejected" if names_any(response, book.find) else "unread")
    return _score(given, rights, word_of(metadata, "score", "list"))


def _nothing(why: str, reading: Status) -> Scored:
    parts = {"top1": 0.0, "precision": 0.0, "recall": 0.0, "f1": 0.0, "contradictions": 0.0, "invalid": 1.0}
    return Scored(0.0, parts, why, reading)


def _score(given: Sequence[Lineage | None], rights: Sequence[Lineage], mode: str) -> Scored:
    top1 = credit(given[0], rights[0])
    total = sum(_matched(given, rights))
    precision, recall = total / len(given), total / len(rights)
    f1 = 2 * precision * recall / (precision + recall) if total else 0.0
    parts = {"top1": top1, "precision": precision, "recall": recall, "f1": f1, "invalid": 0.0,
             "contradictions": float(sum(item is None for item in given))}
    level = LEVELS[CREDIT.index(top1)] if top1 else "nothing"
    return Scored(top1 if mode == "top1" else f1, parts, f"the first diagnosis agrees in: {level}; {len(given)} given")


def _matched(given: Sequence[Lineage | None], rights: Sequence[Lineage]) -> Iterator[float]:
    """Credits of the best assignment of diagnoses to references. Credit falls with the distance in a tree, so that taking the
    closest pair first is best (an exchange argument)."""
    pairs = sorted(((credit(one, right), n, m) for n, one in enumerate(given) for m, right in enumerate(rights)),
                   key=lambda pair: (-pair[0], pair[1], pair[2]))
    used_n: set[int] = set()
    used_m: set[int] = set()
    for value, n, m in pairs:
        if value and n not in used_n and m not in used_m:
            used_n.add(n)
            used_m.add(m)
            yield value


def credit(given: Lineage | None, right: Lineage) -> float:
    if given is None:
        return 0.0
    return next((value for value, one, other in zip(CREDIT, given, right, strict=True) if one == other), 0.0)


def warm(system: str) -> None:
    """ICD-10 of WHO takes half a second, ICD-10-CM seven (rewards/warm.py)."""
    icd.table(system or "who")


class Book:
    """ICD-10 of one system with a user's names: texts to their places in it."""

    def __init__(self, system: str, names: Mapping[str, str]) -> None:
        self.system = system
        self._tables = [*([NameTable(names, units)] if names else []), icd.table(system)]
        self.strays = [code for code in names.values() if path(code, system) is None]

    @classmethod
    def of(cls, system: str, names: Mapping[str, str]) -> "Book":
        return remembered(names, lambda: cls(system, names), system)

    def place(self, code: str) -> Lineage | None:
        return path(code, self.system)

    def find(self, sentence: str) -> Iterator[tuple[str, Span]]:
        """Codes and names, in order; a name's key is its code."""
        codes = [(code, span) for code, span in _codes(sentence) if icd.is_code(sentence, code, span, self.system)]
        named = [(f"={key}", span) for key, span in find(_blanked(sentence, [span for _, span in codes]), self._tables)]
        yield from sorted([*codes, *named], key=lambda one: one[1].start)

    def stated(self, item: object) -> list[Lineage | None]:
        """One field of JSON or a reference: None where it is unknown, denied, or its code and name disagree."""
        if isinstance(item, Mapping):
            return [self._both(item.get("code"), item.get("name"))]
        return self._texts(item) if isinstance(item, str) else [None]

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

    def _texts(self, text: str) -> list[Lineage | None]:
        """The place that a text names, of each item where it is a list."""
        named = list(self.find(text))
        starts = [joint.start for joint in joints(text, [span for _, span in named])]
        items = groupby(affirmed(text, named), key=lambda one: bisect(starts, one[1].start))
        return [self.joined(list(found))[0] for _, found in items] or [None]

    def joined(self, found: Sequence[tuple[str, Span]]) -> list[Lineage | None]:
        """Codes and the names beside them are one diagnosis if they agree in the category, and a wrong one if they do not."""
        codes = [self.place(key) for key, _ in found if not key.startswith("=")]
        names = [self.place(key[1:]) for key, _ in found if key.startswith("=")]
        if codes and names:
            agree = [code for code in codes if code and any(name and name[1] == code[1] for name in names)]
            return list(codes) if agree or None in codes else [None]
        return [*codes, *names]


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


def _items_of(value: object) -> list[object]:
    """A JSON value's diagnoses in their order: strings and {"code", "name"} objects."""
    if isinstance(value, list):
        return [item for one in value for item in _items_of(one)]
    if isinstance(value, Mapping):
        if isinstance(value, Duplicates) and value.twice:
            return [None]
        folded = {str(key).strip().casefold().replace(" ", "_"): inner for key, inner in value.items()}
        code = next((folded[key] for key in _CODE_KEYS if isinstance(folded.get(key), str)), None)
        name = next((folded[key] for key in _NAME_KEYS if isinstance(folded.get(key), str)), None)
        if code or name:
            deeper = [inner for key, inner in folded.items() if key in _LIST_KEYS and isinstance(inner, list | Mapping)]
            return [{"code": code, "name": name}, *(item for inner in deeper for item in _items_of(inner))]
        return [item for key, inner in folded.items() if key in _LIST_KEYS for item in _items_of(inner)]
    return [value] if isinstance(value, str) else []


def _given(response: str, book: Book) -> Iterator[Lineage | None]:
    """Every diagnosis that a response states: those of its JSON if there is any, else those of its prose."""
    text = simplified(answer_part(response) or "")
    if not text:
        return
    values, around = json_values(text)
    listed = [items for value in values if (items := _items_of(value))]
    found = [[one for item in items[: _MOST_ITEMS + 1] for one in book.stated(item)] for items in listed]
    if len(found) > 1 and any(set(one) != set(found[0]) for one in found):
        yield None  # several objects: which of them is the answer?
        return
    prose = Prose(around, book.find)
    prose.mentions = [_own_history(one) for one in prose.mentions]
    yield from found[0] if found else ()
    yield from _joined(prose.answer(beside_fields=bool(found)), book)


def _joined(found: Sequence[Mention], book: Book) -> Iterator[Lineage | None]:
    for group in _groups(found, book):
        yield from book.joined([(one.key, one.span) for one in group])


def _own_history(mention: Mention) -> Mention:
    """Somebody's history is no diagnosis, but ICD-10 has codes for histories, which begin with Z."""
    histories = mention.stance is Stance.ELSEWHERE and mention.key.lstrip("=").startswith("Z")
    return replace(mention, stance=Stance.AFFIRMED) if histories else mention


def _groups(found: Sequence[Mention], book: Book) -> Iterator[list[Mention]]:
    """A code and the name that stands beside it, with no more than a bracket, a colon or a few blanks between them."""
    group: list[Mention] = []
    for mention in found:
        if group and not _beside(group, mention, book):
            yield group
            group = []
        group.append(mention)
    if group:
        yield group


def _beside(group: Sequence[Mention], mention: Mention, book: Book) -> bool:
    """A comma may stand between a name and its own code: `Asthma, J45.9`."""
    last = group[-1]
    if last.place != mention.place or last.key.startswith("=") == mention.key.startswith("=") or len(group) > 2:
        return False
    between = last.sentence[last.span.end : mention.span.start].strip()
    if between == ",":
        one, other = book.place(last.key.lstrip("=")), book.place(mention.key.lstrip("="))
        return bool(one and other and one[1] == other[1])
    return len(between) <= 12 and not _APART.search(between)
