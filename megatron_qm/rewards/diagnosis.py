"""Disease diagnosis: ICD-10 codes and names, credited by how far down the hierarchy they agree."""
# ruff: noqa: E501  Chinese characters count twice

import re
from collections.abc import Mapping, Sequence

from megatron_qm.rewards.icd import CODE, LEVELS, Lineage, names, path
from megatron_qm.rewards.metadata import Metadata, table_of, word_of
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from megatron_qm.rewards.text import NEGATION, Duplicates, answer_part, json_values, longest_names, normal, segments

CREDIT = (1.0, 0.5, 0.2, 0.1)  # the same code, category, block, chapter
_CODE_KEYS = ("code", "icd", "icd10", "icd-10", "icd_10", "icd_code", "编码", "icd编码", "icd10_code")
_NAME_KEYS = ("name", "disease", "diagnosis", "诊断", "疾病", "名称", "诊断名称", "disease_name")
_LIST_KEYS = ("diagnoses", "diagnosis", "diseases", "诊断", "codes", "answer", "icd", "答案", "疾病", "code", "list", "name", "icd10", "disease")
# Somebody else's disease, or an earlier one; ICD-10 has codes of their own for these, which begin with Z.
_ELSEWHERE = re.compile(r"\bhistory of\b|\b(?:family|past) history\b|家族史|既往|病史", re.I)
_MOST_ITEMS = 50
_WORDS = 10  # of the longest name looked for in English prose; Chinese characters: twice


def diagnosis(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
    """`reference`: a code, a name, or a list of them (or {"code"|"name"|"diagnoses": ...}), the principal one first.

    metadata: `system` "who" (default) or "cm"; `names` {name: code} of the user; `score` "list" (default: F1 of
    hierarchical credit) or "top1" (credit of the first diagnosis against the first reference).
    A wrong code beside a right name is a wrong diagnosis, not half of one. Parts: top1, precision, recall, f1,
    contradictions, invalid.
    """
    system = word_of(metadata, "system", "who")
    table = {normal(name): code for name, code in table_of(metadata, "names").items()}
    named = [_resolve(item, system, table) for item in _items_of(reference)]
    rights = [right for right in named if right is not None]
    if not rights or len(rights) < len(named):
        return Unscored(f"the reference {reference!r} names something that is not in ICD-10 ({system})")
    given = _given(response, system, table)
    if not given or len(given) > _MOST_ITEMS:
        why = "no diagnosis could be read" if not given else f"{len(given)} diagnoses: no list, a catalogue"
        return Scored(0.0, {"top1": 0.0, "precision": 0.0, "recall": 0.0, "f1": 0.0, "invalid": 1.0}, why)
    return _score(given, rights, word_of(metadata, "score", "list"))


def _score(given: list[Lineage | None], rights: list[Lineage], mode: str) -> Scored:
    top1 = credit(given[0], rights[0])
    total, left = 0.0, list(rights)
    for item in given:  # greedy, in the order given: each reference is found once
        best = max(left, key=lambda right: credit(item, right), default=None)
        if best is not None and (gained := credit(item, best)) > 0:
            total += gained
            left.remove(best)
    precision, recall = total / len(given), total / len(rights)
    f1 = 2 * precision * recall / (precision + recall) if total else 0.0
    parts = {"top1": top1, "precision": precision, "recall": recall, "f1": f1, "invalid": 0.0,
             "contradictions": float(sum(item is None for item in given))}
    level = LEVELS[CREDIT.index(top1)] if top1 else "nothing"
    return Scored(top1 if mode == "top1" else f1, parts, f"the first diagnosis agrees in: {level}; {len(given)} given")


def credit(given: Lineage | None, right: Lineage) -> float:
    if given is None:
        return 0.0
    return next((value for value, one, other in zip(CREDIT, given, right, strict=True) if one == other), 0.0)


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
            return [{"code": code, "name": name}]
        return [item for key in _LIST_KEYS if key in folded for item in _items_of(folded[key])]
    return [value] if isinstance(value, str) else []


def _resolve(item: object, system: str, table: Mapping[str, str]) -> Lineage | None:
    """Path of one diagnosis; None if it is unknown, or if its code and its name disagree."""
    if isinstance(item, Mapping):
        found = [_resolve(item[key], system, table) for key in ("code", "name") if item[key]]
        if len(found) == 2 and found[1] is None and item["code"]:
            return found[0] if not _looks_named(item["name"]) else None  # a name nobody knows does not contradict
        return found[0] if found and all(one and one[1] == found[0][1] for one in found if found[0]) else None
    if not isinstance(item, str):
        return None
    codes = CODE.findall(item.upper()) if CODE.search(item.upper()) else []
    rest = item.upper()
    for code in codes:
        rest = rest.replace(code, " ")
    name = _named(rest, system, table)
    paths = [path(code, system) for code in codes] + ([name] if name else [])
    known = [one for one in paths if one is not None]
    if not known or len(known) < len(paths) or NEGATION.search(item) and not _known(item, system, table):
        return None
    return known[0] if all(one[1] == known[0][1] for one in known) else None


def _looks_named(name: object) -> bool:
    return not isinstance(name, str) or bool(CODE.search(name.upper())) or bool(NEGATION.search(name))


def _known(text: str, system: str, table: Mapping[str, str]) -> bool:
    return normal(CODE.sub(" ", text.upper())) in table or normal(CODE.sub(" ", text.upper())) in names(system)


def _named(text: str, system: str, table: Mapping[str, str]) -> Lineage | None:
    name = normal(text)
    code = table.get(name) or names(system).get(name)
    return path(code, system) if code else None


def _given(response: str, system: str, table: Mapping[str, str]) -> list[Lineage | None]:
    """Every diagnosis a response states: those of its JSON if there is any, else those of its prose."""
    text = answer_part(response)
    if not text:
        return []
    values, around = json_values(text)
    items = [item for value in values for item in _items_of(value)]
    found = [_resolve(item, system, table) for item in items[: _MOST_ITEMS + 1]]
    if len([value for value in values if _items_of(value)]) > 1 and len(set(found)) > 1:
        return [None]  # several objects: which of them is the answer?
    prose = [one for one in _in_prose(around, system, table) if one not in found] if len(around) > 2 else []
    return found + prose


def _in_prose(text: str, system: str, table: Mapping[str, str]) -> list[Lineage | None]:
    found: list[Lineage | None] = []
    for piece in segments(text):
        for clause in piece.replace("，", ",").replace("、", ",").split(","):
            if len(found) > _MOST_ITEMS:
                return found
            codes = [path(code, system) for code in CODE.findall(clause.upper()[:2000])]
            bare = CODE.sub(" ", clause)
            whole = _named(bare, system, table)
            of_now = any(code and code[0].startswith("Z") for code in codes) or not _ELSEWHERE.search(bare)
            if not whole and (NEGATION.search(bare) or not of_now):
                continue
            named = [whole] if whole else _names_within(bare[:2000], system, table)
            stated: Sequence[Lineage | None] = codes or named
            if codes and named and not any(code and name[1] == code[1] for code in codes for name in named):
                stated = [None]
            found += [one for one in stated if one not in found]
        # "pneumonia, unspecified": a name with a comma is looked up whole
        if not found and (whole := _named(CODE.sub(" ", piece), system, table)):
            found.append(whole)
    return found


def _names_within(clause: str, system: str, table: Mapping[str, str]) -> list[Lineage]:
    known = names(system)

    def look_up(name: str) -> Lineage | None:
        code = table.get(name) or known.get(name)
        return path(code, system) if code else None

    return list(longest_names(clause, look_up, _WORDS, 2 * _WORDS))
