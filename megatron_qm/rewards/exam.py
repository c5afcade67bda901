"""Exam questions: exact match of the set of option letters (report, section 4).

What a response answers is read by `reading/final.py`. An answer that cannot be parsed is wrong, and `parts["invalid"]` is 1.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence

from megatron_qm.rewards.metadata import Metadata, table_of
from megatron_qm.rewards.outcome import Outcome, Scored, Status, Unscored
from megatron_qm.rewards.reading.asked import Asked, asked, question_of
from megatron_qm.rewards.reading.clean import answer_part
from megatron_qm.rewards.reading.fields import answer_fields, stated
from megatron_qm.rewards.reading.final import final_answer
from megatron_qm.rewards.reading.json_parts import Duplicates, json_values
from megatron_qm.rewards.reading.options import LETTERS, options_of
from megatron_qm.rewards.reading.rank import Rank
from megatron_qm.rewards.reading.stems import without_said

_NUMBER = r"\s*(?:question|q|第|问题|小题)?\s*[(（]?(\d{1,2})[)）]?\s*(?:[.:、)-]|题|问)?"
_NUMBERED = re.compile(rf"^{_NUMBER}\s*[:.、-]?\s*(.*)$", re.I)

_BETWEEN_LETTERS = re.compile(r"[\s,/、;&+|和与及]|and")
_LONGEST_LINE = 200


def exam(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
    """`reference`: "A/C", ["A", "C"], {"answer": ...}, or for shared stems and case analysis a list of {"answer": ...},
    one per sub-question, scored all or nothing. `metadata["options"]`: {"A": text, ...} (or a list of it, one per
    sub-question). `value` is 1 or 0."""
    parts = _sub_references(reference)
    if parts is not None:
        return _case(response, parts, metadata.get("options"))
    right = reference_letters(reference)
    if not right:
        return Unscored(f"the reference {reference!r} is no set of option letters")
    options = table_of(metadata, "options")
    if options and not right <= set(options):
        return Unscored(f"the reference {reference!r} is not among the options {', '.join(options)}")
    read = final_answer(response, options, asked(prompt) if options else Asked.RIGHT)
    if read.status == "unread" and (shorter := _without_said(prompt, tuple(options.items()))):
        read = final_answer(response, shorter, asked(prompt))
    if read.status != "read":
        return Scored(0.0, {"accuracy": 0.0, "invalid": 1.0}, read.why, read.status)
    return _answered(read.letters, read.letters == right)


@functools.lru_cache(maxsize=4096)  # the responses of a group share their question
def _without_said(prompt: str, options: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return without_said(question_of(prompt), dict(options))


@functools.lru_cache(maxsize=4096)
def _answered(letters: frozenset[str], right: bool) -> Scored:
    return Scored(float(right), {"accuracy": float(right), "invalid": 0.0}, f"answered {'/'.join(sorted(letters))}")


def reference_letters(reference: object) -> frozenset[str] | None:
    """Of "A/C", "AC", ["A", "C"] or {"answer": ...}; None for what is no set of letters."""
    if isinstance(reference, str):
        return _letters(reference)
    if isinstance(reference, Mapping):
        return reference_letters(reference.get("answer"))
    items = reference if isinstance(reference, list | tuple) else []
    sets = [_letters(item) if isinstance(item, str) else None for item in items]
    known = [one for one in sets if one]
    return frozenset().union(*known) if known and len(known) == len(sets) else None


@functools.lru_cache(maxsize=1024)
def _letters(reference: str) -> frozenset[str] | None:
    letters = _BETWEEN_LETTERS.sub("", reference).upper()
    return frozenset(letters) if letters and set(letters) <= set(LETTERS) and len(set(letters)) == len(letters) else None


def _sub_references(reference: object) -> list[object] | None:
    if isinstance(reference, list) and reference and all(isinstance(item, Mapping) for item in reference):
        return [item.get("answer") for item in reference]
    return None


def _case(response: str, references: Sequence[object], options: object) -> Outcome:
    """An answer per sub-question, in their order: {"answers": ["A", "B/C"]}, {"1": "A", "2": "B/C"}, [{"answer": "A"}, ...], or
    numbered lines of prose."""
    rights = [reference_letters(reference) for reference in references]
    if None in rights:
        return Unscored(f"a sub-question's reference is no set of option letters: {references!r}")
    listed = options if isinstance(options, list) else [options] * len(rights)
    tables = [table_of({"options": table}, "options") for table in listed]
    if len(tables) != len(rights) or any(table and not (right or set()) <= set(table)
                                         for right, table in zip(rights, tables, strict=True)):
        return Unscored(f"a sub-question's reference is not among its options: {references!r}")
    text = answer_part(response) or ""
    given = _answers_of_case(text, tables)
    if given is None:
        reading: Status = "rejected" if final_answer(text, tables[0]).status != "unread" else "unread"
        return Scored(0.0, {"accuracy": 0.0, "invalid": 1.0}, f"no answer for each of {len(rights)} questions", reading)
    hits = [one == right for one, right in zip(given, rights, strict=True)]
    value = float(all(hits))
    said = "; ".join("/".join(sorted(one)) or "?" for one in given)
    return Scored(value, {"accuracy": value, "sub_accuracy": sum(hits) / len(rights), "invalid": 0.0}, f"answered {said}")


def _answers_of_case(text: str, tables: Sequence[Mapping[str, str]]) -> list[frozenset[str]] | None:
    """The letters of each sub-question (empty where they cannot be read); None where it is not clear which answer is whose."""
    values, around = json_values(text)
    if values:
        items = _items_of_case(values, len(tables))
        return None if items is None else [_stated(item, table) for item, table in zip(items, tables, strict=True)]
    found = _numbered(around, tables) or _in_order(around, tables)
    return [found[number] for number in range(1, len(tables) + 1)] if len(found) == len(tables) else None


def _stated(item: object, table: Mapping[str, str]) -> frozenset[str]:
    said = list(stated(item if isinstance(item, dict | list) else {"answer": item}, options_of(table)))
    return said[0].letters if len(said) == 1 and said[0].rank is Rank.FIELD else frozenset()


def _items_of_case(values: Sequence[object], count: int) -> list[object] | None:
    """What JSON answers to each of `count` sub-questions."""
    if len(values) == count > 1 and all(isinstance(value, dict) and answer_fields(value) for value in values):
        return list(values)
    if len(values) != 1:
        return None
    value = values[0]
    if isinstance(value, Duplicates):
        if value.twice:
            return None
        fields = answer_fields(value)
        ordered = [value.get(str(number)) for number in range(1, count + 1)]
        value = value[fields[0]] if len(fields) == 1 else ordered if len(value) == count and None not in ordered else None
        if isinstance(value, Duplicates):
            return _items_of_case([value], count)
    return value if isinstance(value, list) and len(value) == count else None


def _numbered(text: str, tables: Sequence[Mapping[str, str]]) -> dict[int, frozenset[str]]:
    """Lines that are a number and an answer, by their number; a number with two answers has none."""
    found: dict[int, frozenset[str]] = {}
    for line in _lines(text):
        match = _NUMBERED.match(line)
        number = int(match[1]) if match else 0
        if match is None or not 1 <= number <= len(tables):
            continue
        read = final_answer(match[2], tables[number - 1])
        if read.status == "read" and len(match[2]) <= _LONGEST_LINE:
            found[number] = read.letters if found.get(number, read.letters) == read.letters else frozenset()
    return found


def _in_order(text: str, tables: Sequence[Mapping[str, str]]) -> dict[int, frozenset[str]]:
    """`B, A, D`, or `first: B; second: A`: as many items as there are questions, each of which ends with its answer."""
    items = [item for item in re.split(r"[,;、\n]", text) if item.strip()]
    reads = [final_answer(re.split(r"[:—–-]", item)[-1], table) for item, table in zip(items, tables, strict=False)]
    whole = len(items) == len(tables) and all(read.status == "read" for read in reads)
    return {number: read.letters for number, read in enumerate(reads, start=1)} if whole else {}


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from re.split(r"(?<=[A-J])(?:[,;]\s*|\s+)(?=\(?\d{1,2}[.:、)-])", line)
