"""Rational drug use: the set of drugs, with dose and route where the reference has them; a contraindicated drug scores 0."""
# ruff: noqa: E501  Chinese characters count twice

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from megatron_qm.rewards.doses import Dose, dose_in, doses_in, route_in, without_denied_routes
from megatron_qm.rewards.drug_fields import DOSE_KEY, LIST_KEYS, NAME_KEYS, ROUTE_KEY, faults_in
from megatron_qm.rewards.drug_names import DrugNames, parts_of
from megatron_qm.rewards.metadata import Metadata, table_of, words_of
from megatron_qm.rewards.outcome import Outcome, Scored, Status, Unscored
from megatron_qm.rewards.reading.json_parts import json_values
from megatron_qm.rewards.reading.lexicon import words
from megatron_qm.rewards.reading.lists import pieces
from megatron_qm.rewards.reading.mentions import Mention, Prose, Sentence, names_any
from megatron_qm.rewards.reading.recommended import answer_text, recommended, withdrawn_in
from megatron_qm.rewards.reading.records import answers, folded, named_by_keys, records_in
from megatron_qm.rewards.reading.spans import Stance

_GOES_UNANSWERED = re.compile(words("goes_unanswered"))
_MOST = 50
_EMPTY = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "dose": 0.0, "route": 0.0, "contraindicated": 0.0}


class _Drug(NamedTuple):
    """key: the generic name, or the name as it stands where no table knows it. doses: of one amount, one in each unit."""

    key: str
    doses: tuple[Dose, ...] = ()
    route: str | None = None


def drugs(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
    """`reference`: drug names, or {"name", "dose", "route"} objects, or {"drugs": [...]}.

    metadata: `contraindicated` (names that must not be given), `names` {name: generic} of the user. A reference drug that
    no table knows is compared by its normalised name. A drug whose dose or route is not the reference's counts half for
    each that is wrong (both wrong: nothing). Value: F1 of what is left.
    """
    names = DrugNames.of(table_of(metadata, "names"))
    if fault := next(faults_in(reference, names), None):
        return Unscored(fault)
    rights = {item.key: item for item in _items(reference, names, names.key)}
    if not rights or "" in rights:
        return Unscored(f"the reference {reference!r} names no drug")
    banned = {names.key(name) for name in words_of(metadata, "contraindicated")}
    given, around = _given(prompt, response, names.knowing({*rights, *banned}))
    if struck := sorted({part for item in (*given, *around) for part in (item.key, *parts_of(item.key))} & banned):
        return Scored(0.0, {**_EMPTY, "contraindicated": 1.0, "invalid": 0.0}, f"contraindicated here: {', '.join(struck)}")
    if not given or len(given) > _MOST:
        reading: Status = "rejected" if given or names_any(response, names.find) else "unread"
        return Scored(0.0, {**_EMPTY, "invalid": 1.0}, f"{len(given)} drugs could be read", reading)
    return _score(given, rights)


def warm(system: str) -> None:
    """The shipped names (rewards/warm.py)."""
    DrugNames.of({})


def _score(given: Sequence[_Drug], rights: Mapping[str, _Drug]) -> Scored:
    found: dict[str, list[_Drug]] = {}
    for item in given:
        found.setdefault(item.key, []).append(item)
    _as_asked(found, rights)
    hits = {key: items for key, items in found.items() if key in rights}
    dose = {key: _agrees_in_dose(rights[key].doses, [item.doses for item in items]) for key, items in hits.items()}
    route = {key: _agrees(rights[key].route, [item.route for item in items]) for key, items in hits.items()}
    credit = sum((dose[key] + route[key]) / 2 for key in hits)
    precision, recall = credit / len(found), credit / len(rights)
    f1 = 2 * precision * recall / (precision + recall) if credit else 0.0
    parts = {**_EMPTY, "precision": precision, "recall": recall, "f1": f1, "invalid": 0.0,
             "dose": sum(dose.values()) / max(1, len(hits)), "route": sum(route.values()) / max(1, len(hits))}
    return Scored(f1, parts, f"{len(hits)} of {len(rights)} drugs, {len(found)} given")


def _as_asked(found: dict[str, list[_Drug]], rights: Mapping[str, _Drug]) -> None:
    """A combination and its parts are the same: where the reference has the one and the response the other, the former is counted."""
    for key in [*found]:
        if key not in rights and (parts := parts_of(key)) and {*parts} <= {*rights}:
            for part in parts:
                found.setdefault(part, []).extend(found[key])
            del found[key]
    for key in rights:
        own = {*parts_of(key)} - {*rights}
        if own and (key in found or own <= {*found}):
            found.setdefault(key, []).extend(item for part in sorted(own & {*found}) for item in found.pop(part))


def _agrees(wanted: object, said: Collection[object]) -> bool:
    """Whether what is said at all is what is wanted; a drug may be named again without its dose."""
    stated = {one for one in said if one is not None}
    return wanted is None or stated == {wanted}


def _agrees_in_dose(wanted: Sequence[Dose], said: Collection[Sequence[Dose]]) -> bool:
    """In the unit of what is wanted: `2 mg/kg = 140 mg` is either."""
    if not wanted:
        return True
    stated = {dose for doses in said for dose in doses}
    return {dose for dose in stated if dose.unit == wanted[0].unit} == {wanted[0]}


def _items(value: object, names: DrugNames, key: Callable[[str], str]) -> list[_Drug]:
    if isinstance(value, str):
        listed = pieces(value, [span for _, span in names.find(value)])
        return [_Drug(key(piece), doses_in(piece), route_in(piece)) for piece in listed]
    if isinstance(value, list):
        return [item for one in value for item in _items(one, names, key)]
    return _fields(folded(value), names, key) if isinstance(value, Mapping) else []


def _fields(record: Mapping[str, object], names: DrugNames, key: Callable[[str], str]) -> list[_Drug]:
    """The drug that an object is about, and those in its fields that list drugs, or say that they are the answer."""
    key_of_name = next((one for one in NAME_KEYS if isinstance(record.get(one), str)), None)
    name = record[key_of_name] if key_of_name else None
    found = _named(str(name), record, names, key) if name else []
    for one, inner in record.items():
        if one != key_of_name and LIST_KEYS.search(one):
            found += _items(inner, names, key)
        elif records := records_in(inner):
            found += [item for each in records for item in _fields(folded(each), names, key)]
        elif one != key_of_name and answers(one):
            found += [item for item in _items(inner, names, key) if item.key in names]
    return found or [_Drug(key(one), *_dosed(record[one])) for one in named_by_keys(record) if one in names]


def _named(name: str, record: Mapping[str, object], names: DrugNames, key: Callable[[str], str]) -> list[_Drug]:
    dose, route = (next((str(value) for one, value in record.items() if value and said.search(one)), None)
                   for said in (DOSE_KEY, ROUTE_KEY))
    if dose is None and route is None:
        return _items(name, names, key)
    dose, route = dose or name, route or name
    return [_Drug(key(name), doses_in(dose), route_in(route))]


def _dosed(value: object) -> tuple[tuple[Dose, ...], str | None]:
    """Of {"aspirin": "100 mg by mouth"}."""
    text = value if isinstance(value, str) else ""
    return doses_in(text), route_in(text)


def _given(prompt: str, response: str, names: DrugNames) -> tuple[list[_Drug], list[_Drug]]:
    """The drugs that are the answer (of the JSON if there is any, else of the prose), and all that the prose gives: a
    contraindicated one cannot hide there."""
    text = without_denied_routes(answer_text(prompt, response, names.find))
    if not text:
        return [], []
    values, around = json_values(text)
    listed = [items for value in values if (items := _items(value, names, names.affirmed_key))]
    prose = Prose(around, names.find)
    answer, stated = recommended(prose, beside_fields=bool(listed), prescribes=lambda text: dose_in(text) is not None)
    withdrawn = withdrawn_in(prose.mentions)
    dosed = [item for item in _prescribed(prose.affirmed) if (item.doses or item.route) and item.key not in withdrawn]
    later = [item for item in _prescribed(_if_this_fails(prose)) if item.doses and item.key not in withdrawn]
    everywhere = [*dosed, *later, *(_Drug(one.key) for one in stated)]
    if len(listed) > 1 and any({item.key for item in items} != {item.key for item in listed[0]} for items in listed):
        return [], everywhere
    fields = [item for items in listed[:1] for item in items if item.key]
    return [*fields, *_prescribed(answer, prose.sentences)], everywhere


def _if_this_fails(prose: Prose) -> list[Mention]:
    """What is prescribed for the case that the rest does not help: it is part of the plan, as `if he has no asthma` is not."""
    return [one for one in prose.mentions if one.stance in (Stance.ON_CONDITION, Stance.SUPPOSED)
            and _GOES_UNANSWERED.search(prose.sentences[one.place].low, 0, one.span.start)]


def _prescribed(found: Sequence[Mention], sentences: Sequence[Sentence] = ()) -> Iterator[_Drug]:
    """Each drug with the dose and the route that stand behind it, before the next one; or before it, if none does; or else in
    the sentence behind its own that names no other (`Sig: 2 g`)."""
    naming = {mention.place for mention in found}
    for n, mention in enumerate(found):
        after = found[n + 1].span.start if n + 1 < len(found) and found[n + 1].place == mention.place else len(mention.sentence)
        before = found[n - 1].span.end if n and found[n - 1].place == mention.place else 0
        texts = [mention.sentence[mention.span.start : after], mention.sentence[before : mention.span.start]]
        follows = mention.place + 1
        if after == len(mention.sentence) and follows < len(sentences) and follows not in naming and not sentences[follows].aside:
            texts.append(sentences[follows].text)
        yield _Drug(mention.key, next(filter(None, map(doses_in, texts)), ()), next(filter(None, map(route_in, texts)), None))
