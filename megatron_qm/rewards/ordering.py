"""Test ordering: keywords with synonyms, F1, so that ordering everything does not win."""
# ruff: noqa: E501  Chinese characters count twice

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from megatron_qm.rewards.metadata import Metadata, lists_of
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from megatron_qm.rewards.reading.finding import NameTable, find, units_of
from megatron_qm.rewards.reading.json_parts import json_values
from megatron_qm.rewards.reading.lexicon import either
from megatron_qm.rewards.reading.lists import pieces
from megatron_qm.rewards.reading.mentions import Prose, key_of_field, names_any
from megatron_qm.rewards.reading.recommended import answer_text, recommended
from megatron_qm.rewards.reading.records import answers, folded, named_by_keys, records_in
from megatron_qm.rewards.reading.remembered import remembered
from megatron_qm.rewards.reading.spans import Span, overlap
from megatron_qm.rewards.reading.traditional import simplified
from megatron_qm.rewards.tables.table import read_table

_LIST_KEYS = re.compile(rf"(?:^|\s){either('lists_tests', 'en')}$|{either('lists_tests', 'zh')}$")
_MOST = 100
# What is called a test and known to no table; a word that only speaks of tests is none.
_UNKNOWN = re.compile(
    rf"\b(?:(?!{either('no_name_of_a_test')}\b)[a-z][\w-]*\s){{1,3}}{either('kind_of_test', 'en')}\b"
    rf"|[\u4e00-\u9fff]{{2,8}}{either('kind_of_test', 'zh')}", re.I)
_GENERIC = re.compile(rf"\b{either('any_test')}\s(?:tests?|scans?|levels?|panels?)\b", re.I)


def ordering(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
    """`reference`: test names; metadata `synonyms`: {test: [other names]}. Value: F1 of the tests ordered. What a list holds
    that no table knows is an order too, and costs precision."""
    tests = _Tests.of(lists_of(metadata, "synonyms"))
    rights = {tests.key(name) for text in _items(reference, tests) for name in tests.listed(text)} - {""}
    if not rights:
        return Unscored(f"the reference {reference!r} names no test")
    given = _given(prompt, response, tests.knowing(rights))
    hits = len(given & rights)
    if not given or len(given) > _MOST:
        spoken_of = bool(given) or names_any(response, tests.find_all)
        parts = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "invalid": 1.0}
        return Scored(0.0, parts, f"{len(given)} tests could be read", "rejected" if spoken_of else "unread")
    precision, recall = hits / len(given), hits / len(rights)
    f1 = 2 * hits / (len(given) + len(rights))
    return Scored(f1, {"precision": precision, "recall": recall, "f1": f1, "invalid": 0.0}, f"{hits} of {len(rights)}, {len(given)} ordered")


def warm(system: str) -> None:
    """The shipped names (rewards/warm.py)."""
    _Tests.of({})


class _Tests:
    """Names of tests: those of an item, then those that ship."""

    def __init__(self, tables: list[NameTable]) -> None:
        self._tables = tables

    @classmethod
    def of(cls, synonyms: Mapping[str, Iterable[str]]) -> "_Tests":
        return remembered(synonyms, lambda: _of(synonyms))

    def knowing(self, keys: set[str]) -> "_Tests":
        unknown = {key: key for key in keys if not any(key in table for table in self._tables)}
        return _Tests([NameTable(unknown), *self._tables]) if unknown else self

    def key(self, name: str) -> str:
        """The name of a test as the tables have it, or as it stands."""
        return next((key for table in self._tables if (key := table.key_of(name)) is not None), " ".join(unit for unit, _, _ in units_of(name)))

    def listed(self, text: str) -> list[str]:
        """The tests of a reference that is one text, where each of them is known; else the text is a name."""
        found = pieces(text, [span for _, span in self.find(text)])
        return found if all(any(name in table for table in self._tables) for name in found) else [text]

    def find(self, sentence: str) -> Iterator[tuple[str, Span]]:
        yield from find(sentence, self._tables)

    def find_all(self, sentence: str) -> Iterator[tuple[str, Span]]:
        """And what is called a test though no table knows it."""
        known = list(self.find(sentence))
        taken = [span for _, span in known]
        apart = [(key, span) for key, span in _unknown(sentence) if not overlap(taken, span)]
        yield from sorted([*known, *apart], key=lambda found: found[1].start)

    def __contains__(self, name: str) -> bool:
        return any(name in table for table in self._tables)

    def ordered(self, text: str) -> str:
        """The test that a field of a list orders; empty for none."""
        return key_of_field(text, self.find, self.key)


def _unknown(sentence: str) -> Iterator[tuple[str, Span]]:
    """What is called a test; but not in brackets: `spirometry (with a bronchodilator test)` says there how it is done."""
    depth = at = 0
    for match in _UNKNOWN.finditer(simplified(sentence)):
        depth += sentence.count("(", at, match.start()) - sentence.count(")", at, match.start())
        at = match.start()
        if depth <= 0 and not _GENERIC.search(match[0]):
            yield match[0].lower(), Span(*match.span())


def _of(synonyms: Mapping[str, Iterable[str]]) -> _Tests:
    shipped = _shipped()
    groups = _groups(synonyms)
    keys = {test: next((key for name in names if (key := shipped.key_of(name)) is not None), "") for test, names in groups.items()}
    several = {key for key, count in Counter(keys.values()).items() if count > 1}  # the item tells apart what the table does not
    own = {name: test.strip().lower() if keys[test] in several or not keys[test] else keys[test] for test, names in groups.items() for name in names}
    return _Tests([NameTable(own), shipped] if own else [shipped])


def _groups(synonyms: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Tests with all their names; {"CBC": "complete blood count"} is another name of what its text says."""
    groups: dict[str, list[str]] = {}
    for test, others in synonyms.items():
        name, more = (others, [test]) if isinstance(others, str) else (test, [*others])
        groups.setdefault(name, [name]).extend(more)
    return groups


@lru_cache(maxsize=1)
def _shipped() -> NameTable:
    return NameTable({name: test for test, others in read_table("tests.txt").items() for name in (test, *others)})


def _items(value: object, tests: "_Tests") -> list[str]:
    """The names in the fields of a value that list tests; in those that only say they are the answer, those that are known."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [item for one in value for item in _items(one, tests)]
    return _fields(folded(value), tests) if isinstance(value, Mapping) else []


def _fields(record: Mapping[str, object], tests: "_Tests") -> list[str]:
    found = []
    for key, inner in record.items():
        if _LIST_KEYS.search(key):
            found += _items(inner, tests)
        elif records := records_in(inner):
            found += [item for each in records for item in _fields(folded(each), tests)]
        elif answers(key):
            found += [item for item in _items(inner, tests) if names_any(item, tests.find)]
    return found or [key for key in named_by_keys(record) if key in tests]


def _given(prompt: str, response: str, tests: _Tests) -> set[str]:
    text = answer_text(prompt, response, tests.find)
    if not text:
        return set()
    values, around = json_values(text)
    listed = [items for value in values if (items := _items(value, tests))]
    if len({frozenset(tests.key(item) for item in items) for items in listed}) > 1:
        return set()  # several lists: which is the order?
    stated, _ = recommended(Prose(around, tests.find_all), beside_fields=bool(listed))
    named = (piece for items in listed[:1] for item in items for piece in pieces(item, [span for _, span in tests.find(item)]))
    return ({tests.ordered(piece) for piece in named} - {""}) | {one.key for one in stated}
