"""Disease diagnosis: ICD-10 codes and names, credited by how far down the hierarchy they agree."""
# ruff: noqa: E501  Chinese characters count twice

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from megatron_qm.rewards import icd
from megatron_qm.rewards.beside import labelled_codes, with_their_codes, without_aliases
from megatron_qm.rewards.chosen import chosen, not_withdrawn
from megatron_qm.rewards.disease_book import KIND_OF, Book, bare, is_name
from megatron_qm.rewards.icd import LEVELS, Lineage
from megatron_qm.rewards.metadata import Metadata, table_of, word_of
from megatron_qm.rewards.modifiers import names_a_place_more
from megatron_qm.rewards.outcome import Outcome, Scored, Status, Unscored
from megatron_qm.rewards.overruled import behind_fields, overruled
from megatron_qm.rewards.reading.clean import answer_part
from megatron_qm.rewards.reading.json_parts import Duplicates, json_values
from megatron_qm.rewards.reading.lexicon import holds
from megatron_qm.rewards.reading.mentions import Mention, names_any
from megatron_qm.rewards.reading.spans import Find, Stance
from megatron_qm.rewards.reading.traditional import simplified
from megatron_qm.rewards.stated import Diagnoses

CREDIT = (1.0, 0.5, 0.2, 0.1)  # the same code, category, block, chapter
_CODE_KEYS = ("code", "icd", "icd10", "icd-10", "icd_10", "icd_code", "编码", "icd编码", "icd10_code")
_NAME_KEYS = ("name", "disease", "diagnosis", "诊断", "疾病", "名称", "诊断名称", "disease_name", "final_diagnosis", "principal_diagnosis")
_LIST_KEYS = ("diagnoses", "diagnosis", "diseases", "诊断", "codes", "answer", "icd", "答案", "疾病", "code", "list", "name", "icd10", "disease",
              "final_diagnosis", "principal_diagnosis", "primary", "principal", "main", "secondary", "primary_diagnosis", "secondary_diagnoses",
              "secondary_diagnosis", "主诊断", "次诊断", "diagnosis_list", "最终诊断", "主要诊断", "次要诊断")
_KNOWN_KEYS = frozenset((*_CODE_KEYS, *_NAME_KEYS, *_LIST_KEYS))
_PLAIN_KEYS = ("code", "name", "diagnoses")
_MOST_ITEMS = 50
_APART = re.compile(r"[,;、+/\n]|\band\b|[和及与伴并]")  # between two diagnoses
_SHORT = re.compile(r"\b(vs|i\.e|e\.g)\.(?=[\s,])", re.I)  # whose stop ends no sentence
_BROKEN = re.compile(r"#(?=\s?(?:(?:left|right|[lr]) )?(?:nof|neck of femur)\b)|(?<=[a-z] )#(?=\s*(?:$|[.,;)]))", re.I | re.M)
_SHORTENED = ("vs.", "i.e.", "e.g.")
_NEAR, _FAR = 12, 40  # characters between a name and a code of any category, or of its own
_ROW = re.compile(r"^[ \t]*\|[ \t]*([^|\n]{1,40}?)[ \t]*\|[ \t]*([^|\n]{1,200}?)[ \t]*\|?[ \t]*$", re.M)  # of two cells


def diagnosis(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
    """`reference`: a code, a name, or a list of them (or {"code"|"name"|"diagnoses": ...}), the principal one first.

    metadata: `system` "who" (default) or "cm"; `names` {name: code} of the user; `score` "list" (default: F1 of
    hierarchical credit) or "top1" (credit of the first diagnosis against the first reference).
    A wrong code beside a right name is a wrong diagnosis, not half of one, and so is one of the reference that is denied. Parts: top1, precision, recall, f1,
    contradictions, invalid.
    """
    book = Book.of(word_of(metadata, "system", "who"), table_of(metadata, "names"))
    if book.strays:
        return Unscored(f"metadata.names: {book.strays[0]!r} is no code of ICD-10 ({book.system})")
    if stray := next(_stray(reference), None):
        return Unscored(stray)
    named = [one for item in _items_of(reference) for one in book.stated(item)]
    rights = [right for right in named if right is not None]
    if not rights or len(rights) < len(named):
        return Unscored(f"the reference {reference!r} names something that is not in ICD-10 ({book.system})")
    book = book.wanting(rights)
    given = _given(response, book)
    if len(given) > _MOST_ITEMS:
        return _nothing(f"{len(given)} diagnoses: no list, a catalogue", "rejected")
    if not given:
        return _nothing("no diagnosis could be read", "rejected" if names_any(response, book.find) else "unread")
    given = [_as_open(one, rights, book.system) for one in given]
    missing = [right for right in rights if len(rights) > 1 and all(one is None or one[1] != right[1] for one in given)]
    given += [None] * len(_denied(response, book, missing) if missing else ())
    return _score(given, rights, word_of(metadata, "score", "list"))


def _as_open(given: Lineage | None, rights: Sequence[Lineage], system: str) -> Lineage | None:
    """The reference that leaves open where a disease is, of which `given` says where."""
    same = [right for right in rights if given and given != right and given[1] == right[1]]
    return next((right for right in same if given and names_a_place_more(right[0], given[0], system)), given)


def _denied(response: str, book: Book, missing: Sequence[Lineage]) -> set[str]:
    """The categories of `missing` that a response names only to deny them: that is wrong, and not just left out."""
    prose = Diagnoses(_plain(answer_part(response) or ""), book.find_diseases)
    said = [(place[1], one.stance) for one in prose.mentions if (place := book.place(bare(one.key)))]
    affirmed = {category for category, stance in said if stance not in (Stance.DENIED, Stance.ELSEWHERE)}
    return {right[1] for right in missing} & {category for category, _ in said} - affirmed


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
    """ICD-10 of WHO takes most of a second, ICD-10-CM seven (rewards/warm.py)."""
    icd.table(system or "who")


def _items_of(value: object) -> list[object]:
    """A JSON value's diagnoses in their order: strings and {"code", "name"} objects."""
    if isinstance(value, list):
        return [item for one in value for item in _items_of(one)]
    if isinstance(value, Mapping):
        if isinstance(value, Duplicates) and value.twice:
            return [None]
        folded = {_folded(key): inner for key, inner in value.items()}
        code = next((folded[key] for key in _CODE_KEYS if isinstance(folded.get(key), str)), None)
        name = next((folded[key] for key in _NAME_KEYS if isinstance(folded.get(key), str)), None)
        if code or name:
            deeper = [inner for key, inner in folded.items() if key in _LIST_KEYS and isinstance(inner, list | Mapping)]
            return [{"code": code, "name": name}, *(item for inner in deeper for item in _items_of(inner))]
        return [item for key, inner in folded.items() if key in _LIST_KEYS for item in _items_of(inner)]
    return [value] if isinstance(value, str) else []


def _stray(reference: object) -> Iterator[str]:
    """What of a reference would not be read."""
    if isinstance(reference, list):
        for one in reference:
            yield from _stray(one)
    elif isinstance(reference, Mapping):
        for key, value in reference.items():
            if _folded(key) not in _KNOWN_KEYS:
                yield f"the key {str(key)!r:.60} of the reference is not read: known are {', '.join(_PLAIN_KEYS)}; leave it out"
            yield from _stray(value)
    elif reference is not None and not isinstance(reference, str):
        yield f"the reference holds {reference!r:.60}, which is no diagnosis: give a code or a name as text"


def _folded(key: object) -> str:
    return str(key).strip().casefold().replace(" ", "_")


def _given(response: str, book: Book) -> list[Lineage | None]:
    """Every diagnosis that a response states: those of its JSON if there is any, else those of its prose."""
    text = not_withdrawn(_plain(answer_part(response) or ""))
    values, around = json_values(text)
    listed = [items for value in values if (items := _items_of(value))]
    found = [[one for item in items[: _MOST_ITEMS + 1] for one in book.stated(item)] for items in listed]
    if len(found) > 1 and any(set(one) != set(found[0]) for one in found):
        return [None]  # several objects: which of them is the answer?
    fields = found[0] if found else []
    if fields and overruled(behind_fields(text), fields, book):
        return [None]
    prose = _joined(_answer(around, book, book.find_diseases, bool(found)), book)
    if not fields and not prose:
        prose = _joined(_answer(around, book, book.find, bool(found)), book)
    return [None] if overruled(around, prose, book) else list(_finest([*fields, *prose]))


def _plain(text: str) -> str:
    text = simplified(text)
    if "|" in text:
        text = _ROW.sub(r"\1: \2", text)
    if "#" in text:
        text = _BROKEN.sub("fracture ", text)
    return _SHORT.sub(r"\1 ", text) if holds(text.lower(), _SHORTENED) else text


def _answer(text: str, book: Book, find: Find, beside_fields: bool) -> list[Mention]:
    prose = Diagnoses(text, find)
    named = without_aliases(with_their_codes(prose.mentions, book.kind, is_name))
    prose.mentions = _chosen([_own_history(one) for one in named], book)
    return prose.answer(beside_fields=beside_fields)


def _chosen(mentions: Sequence[Mention], book: Book) -> list[Mention]:
    """Those on a condition are weighed as well: `if ..., X; otherwise Y` chooses neither. Otherwise they stay what they are."""
    weighed = chosen([replace(one, stance=Stance.AFFIRMED) if one.stance is Stance.ON_CONDITION else one for one in mentions],
                     book.kind)
    return [replace(new, stance=old.stance) if old.stance is Stance.ON_CONDITION and new.stance is Stance.AFFIRMED else new
            for old, new in zip(mentions, weighed, strict=True)]


def _finest(given: Sequence[Lineage | None]) -> Iterator[Lineage | None]:
    """Each once; and what is said without more (`diabetes`) is the same as what is said of it in full (`diabetic ketoacidosis`)."""
    finer = {one[1] for one in given if one and not _is_unspecified(one)}
    yield from (one for one in dict.fromkeys(given) if one is None or not (one[1] in finer and _is_unspecified(one)))


def _is_unspecified(place: Lineage) -> bool:
    return place[0] in (place[1], f"{place[1]}.9")


def _joined(found: Sequence[Mention], book: Book) -> list[Lineage | None]:
    """What names and codes mean together. A code that stands apart and is no code of any of the names contradicts one of them."""
    codes = labelled_codes(found, is_name)
    if not codes or len(codes) > _MOST_ITEMS:
        return _of_names(found, book)
    stated = [book.place(one.key) for one in codes]
    named = _of_names([one for one in found if one not in codes], book)
    kinds = {place for one in found if one.key[0] == KIND_OF and (place := book.place(bare(one.key)))}
    finer = [next((code for code in stated if _agree(code, name, kinds)), None) for name in named]
    strays = [code for code in stated if not any(_agree(code, name, kinds) for name in named)]
    more = [code for code in stated if code not in (*strays, *finer)]
    contradicted = [n for n, code in enumerate(finer) if code is None][: len(strays)]
    given = [None if n in contradicted else finer[n] or name for n, name in enumerate(named)]
    return [*given, *more, *strays[len(contradicted) :]]


def _agree(code: Lineage | None, name: Lineage | None, kinds: Collection[Lineage]) -> bool:
    """kinds: of those that no table knows, which agree with a code of their chapter."""
    return code is not None and name is not None and (code[1] == name[1] or name in kinds and code[3] == name[3])


def _of_names(found: Sequence[Mention], book: Book) -> list[Lineage | None]:
    """A code says which of its category the names are that have none of their own."""
    groups = [(any(not is_name(one.key) for one in group), book.joined(group)) for group in _groups(found, book)]
    coded = {place[1] for has_code, places in groups if has_code for place in places if place}
    return [place for has_code, places in groups for place in places if has_code or not (place and place[1] in coded)]


def _own_history(mention: Mention) -> Mention:
    """Somebody's history is no diagnosis, but ICD-10 has codes for histories, which begin with Z."""
    histories = mention.stance is Stance.ELSEWHERE and bare(mention.key).startswith("Z")
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
    """A comma may stand between a name and its own code: `Asthma, J45.9`, and a few words: `Myocardial infarction of ... (I21.1)`."""
    last = group[-1]
    if last.place != mention.place or is_name(last.key) == is_name(mention.key) or len(group) > 2:
        return False
    between = last.sentence[last.span.end : mention.span.start].strip()
    its_own = book.kind(last.key) == book.kind(mention.key)
    return its_own and between == "," or len(between) <= (_FAR if its_own else _NEAR) and not _APART.search(between)
