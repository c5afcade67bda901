"""Rational drug use: the set of drugs, with dose and route where the reference has them; a contraindicated drug scores 0."""
# ruff: noqa: E501  Chinese characters count twice

import re
from collections.abc import Mapping
from typing import NamedTuple

from megatron_qm.rewards.drug_names import generic
from megatron_qm.rewards.metadata import Metadata, table_of, words_of
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from megatron_qm.rewards.text import NEGATION, Duplicates, affirmed, answer_part, json_values, longest_names, normal, segments

_NAME_KEYS = ("name", "drug", "drug_name", "medication", "药品", "药物", "药名", "名称", "generic", "generic_name")
_LIST_KEYS = ("drugs", "medications", "prescription", "prescriptions", "answer", "药物", "药品", "用药", "处方", "drug", "medication", "答案")
_DOSE_KEYS = ("dose", "dosage", "剂量", "用量", "strength")
_ROUTE_KEYS = ("route", "途径", "给药途径", "用法")
_ROUTES = {"oral": ("po", "oral", "orally", "by mouth", "口服", "p o"), "iv": ("iv", "intravenous", "静脉", "静滴", "静脉滴注", "静脉注射", "i v"),
           "im": ("im", "intramuscular", "肌注", "肌内注射", "肌肉注射"), "sc": ("sc", "subcutaneous", "皮下", "皮下注射"),
           "topical": ("topical", "外用", "涂抹"), "inhaled": ("inhaled", "inhalation", "吸入", "雾化")}
_ROUTE_OF = {name: route for route, others in _ROUTES.items() for name in others}
_WITHHELD = re.compile(NEGATION.pattern + r"|\bdiscontinu\w{1,4}|\ballerg(?:y|ic) to\b|\b(?:allergy|intolerance)$|\bintoleran(?:t|ce) (?:to|of)\b"
                       r"|对[^,，。]{1,20}(?:过敏|不耐受)", re.I)
_DOSE = re.compile(r"(?<![\d.])(\d{1,9}(?:\.\d{1,6})?)\s{0,3}(mg|mcg|µg|μg|ug|g|ml|l|iu|units?|u|毫克|微克|克|毫升|单位)(?![a-z])", re.I)
_UNITS = {"mg": (1, "mg"), "毫克": (1, "mg"), "g": (1000, "mg"), "克": (1000, "mg"), "mcg": (1e-3, "mg"), "µg": (1e-3, "mg"),
          "μg": (1e-3, "mg"), "ug": (1e-3, "mg"), "微克": (1e-3, "mg"), "ml": (1, "ml"), "毫升": (1, "ml"), "l": (1000, "ml"),
          "iu": (1, "u"), "u": (1, "u"), "unit": (1, "u"), "units": (1, "u"), "单位": (1, "u")}
_MOST = 50
_EMPTY = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "dose": 0.0, "route": 0.0, "contraindicated": 0.0}


class _Drug(NamedTuple):
    """Dose and route as they were written, if they were."""

    name: str
    dose: object = None
    route: object = None


def drugs(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
    """`reference`: drug names, or {"name", "dose", "route"} objects, or {"drugs": [...]}.

    metadata: `contraindicated` (names that must not be given), `names` {name: generic} of the user. A reference drug that
    no table knows is compared by its normalised name. A drug whose dose or route is not the reference's counts half for
    each that is wrong (both wrong: nothing). Value: F1 of what is left.
    """
    table = {normal(name): target for name, target in table_of(metadata, "names").items()}
    rights = {_key(item, table): item for item in _items(reference)}
    if not rights or "" in rights:
        return Unscored(f"the reference {reference!r} names no drug")
    banned = {_key(_Drug(name), table) for name in words_of(metadata, "contraindicated")}
    given = _given(response, table, set(rights) | banned)
    if not given or len(given) > _MOST:
        return Scored(0.0, {**_EMPTY, "invalid": 1.0}, f"{len(given)} drugs could be read")
    if struck := sorted({_key(item, table) for item in given} & banned):
        return Scored(0.0, {**_EMPTY, "contraindicated": 1.0, "invalid": 0.0}, f"contraindicated here: {', '.join(struck)}")
    return _score(given, rights, table)


def _score(given: list[_Drug], rights: dict[str, _Drug], table: Mapping[str, str]) -> Scored:
    found: dict[str, list[_Drug]] = {}
    for item in given:
        found.setdefault(_key(item, table), []).append(item)
    hits = {key: items for key, items in found.items() if key in rights}
    dose = {key: all(_dose(rights[key].dose) in (None, _dose(item.dose)) for item in hits[key]) for key in hits}
    route = {key: all(_route(rights[key].route) in (None, _route(item.route)) for item in hits[key]) for key in hits}
    credit = sum((dose[key] + route[key]) / 2 for key in hits)
    precision, recall = credit / len(found), credit / len(rights)
    f1 = 2 * precision * recall / (precision + recall) if credit else 0.0
    parts = {**_EMPTY, "precision": precision, "recall": recall, "f1": f1, "invalid": 0.0,
             "dose": sum(dose.values()) / max(1, len(hits)), "route": sum(route.values()) / max(1, len(hits))}
    return Scored(f1, parts, f"{len(hits)} of {len(rights)} drugs, {len(found)} given")


def _key(item: _Drug, table: Mapping[str, str]) -> str:
    return generic(item.name, table) or normal(item.name)


def _dose(text: object) -> tuple[float, str] | None:
    match = _DOSE.search(str(text)[:200]) if text else None
    if not match:
        return None
    factor, unit = _UNITS[match[2].lower()]
    return round(float(match[1]) * factor, 9), unit


def _route(text: object) -> str | None:
    name = normal(str(text)[:200]) if text else ""
    return _ROUTE_OF.get(name) or next((route for word, route in _ROUTE_OF.items() if len(word) > 2 and word in name), name or None)


def _items(value: object) -> list[_Drug]:
    if isinstance(value, str):
        return [_Drug(value)] if value.strip() else []
    if isinstance(value, list):
        return [item for one in value for item in _items(one)]
    if not isinstance(value, Mapping) or isinstance(value, Duplicates) and value.twice:
        return []
    folded = {str(key).strip().casefold(): inner for key, inner in value.items()}
    name = next((folded[key] for key in _NAME_KEYS if isinstance(folded.get(key), str)), None)
    if name:
        pick = lambda keys: next((folded[key] for key in keys if folded.get(key)), None)  # noqa: E731
        return [_Drug(name, pick(_DOSE_KEYS) or (name if _DOSE.search(name) else None), pick(_ROUTE_KEYS))]
    return [item for key in _LIST_KEYS if key in folded for item in _items(folded[key])]


def _given(response: str, table: Mapping[str, str], wanted: set[str]) -> list[_Drug]:
    """Drugs of the JSON; and those that the prose around it gives: a contraindicated one cannot hide there."""
    text = answer_part(response)
    if not text:
        return []
    values, around = json_values(text)
    listed = [_items(value) for value in values]
    answers = [items for items in listed if items]
    if len(answers) > 1 and any({_key(i, table) for i in items} != {_key(i, table) for i in answers[0]} for items in answers):
        return []
    found = [item for items in answers[:1] for item in items if not NEGATION.search(item.name)]
    keys = {_key(item, table) for item in found}
    prose = _in_prose(around, table, wanted)
    return found + [item for item in prose if _key(item, table) not in keys]


def _in_prose(text: str, table: Mapping[str, str], wanted: set[str]) -> list[_Drug]:
    found: list[_Drug] = []
    for piece in segments(text):
        for clause in affirmed(piece, _WITHHELD):
            if len(found) > _MOST:
                return found
            dose = _DOSE.search(clause)
            for name in _names(clause[:1000], table, wanted):
                found.append(_Drug(name, dose[0] if dose else None, _route_in(clause)))
    return found


def _route_in(clause: str) -> str | None:
    words = normal(clause)
    return next((route for word, route in _ROUTE_OF.items()
                 if (word in words if not word.isascii() else f" {word} " in f" {words} ")), None)


def _names(clause: str, table: Mapping[str, str], wanted: set[str]) -> list[str]:
    # In a Chinese clause names come without spaces, those of compounds ("阿莫西林/克拉维酸") too.
    spaced = {name.replace(" ", ""): name for name in wanted if " " in name}

    def look_up(name: str) -> str | None:
        return spaced.get(name) or (name if generic(name, table) or name in wanted else None)

    return list(longest_names(clause, look_up, words=4, characters=14))
