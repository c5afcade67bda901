"""Test ordering: keywords with synonyms, F1, so that ordering everything does not win."""
# ruff: noqa: E501  Chinese characters count twice

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from megatron_qm.rewards.metadata import Metadata, lists_of
from megatron_qm.rewards.names_of_tests import as_asked, in_full, names_by_test, parts_of_tests, sampled_apart, shipped_tests
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from megatron_qm.rewards.reading.finding import NameTable, find, units_of
from megatron_qm.rewards.reading.json_parts import json_values
from megatron_qm.rewards.reading.lexicon import either, lower
from megatron_qm.rewards.reading.lists import pieces
from megatron_qm.rewards.reading.mentions import Prose, key_of_field, names_any
from megatron_qm.rewards.reading.recommended import answer_text, recommended
from megatron_qm.rewards.reading.records import answers, folded, named_by_keys, records_in
from megatron_qm.rewards.reading.remembered import remembered
from megatron_qm.rewards.reading.spans import Span, overlap
from megatron_qm.rewards.reading.traditional import simplified
from megatron_qm.rewards.wanted import Wanted

_LIST_KEYS = re.compile(rf"(?:^|\s){either('lists_tests', 'en')}$|{either('lists_tests', 'zh')}$")
_MOST = 100
# What is called a test and known to no table; a word that only speaks of tests is none.
_UNKNOWN = re.compile(
    rf"\b(?:(?!{either('no_name_of_a_test')}\b)[a-z][\w-]*\s){{1,3}}{either('kind_of_test', 'en')}\b"
    rf"|[\u4e00-\u9fff]{{2,8}}{either('kind_of_test', 'zh')}", re.I)
_GENERIC = re.compile(rf"\b{either('any_test')}\s(?:tests?|scans?|levels?|panels?)\b", re.I)
# What Chinese says of a test, right before its name; and what makes a name the label of a list.
_TOLD = re.compile(r".*(?:想到|考虑|完善|建议|[查做行开选送测予为是])(?=[\u4e00-\u9fff]{2})")
_LABEL = re.compile(r"s?\s?[:：]")
# How results are told.
_RESULT_WITHIN = 40  # characters before a name
_RESULT_BEFORE = re.compile(r"\b(?:normal|negative|positive|raised|elevated|unremarkable|abnormal|reactive)\s(?:\w+\s)?$")
_RESULT_BEHIND = re.compile(rf"\s?(?:[:=><≥≤]|of\s|was\s|is\s)?\s?\d[\d.,]{{0,8}}\s?{either('unit_of_result')}"
                            r"|\s(?:\d{2,5}|\d{1,3}\.\d{1,2})(?=\s*(?:[.,;)]|$))"
                            rf"|\s(?:was\s|is\s|were\s)?{either('result', 'en')}(?=\s*(?:[.,;)]|$|\band\b|\bbut\b))"
                            rf"|(?:检查)?(?:结果)?[均都]?{either('result', 'zh')}")


def ordering(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
    """`reference`: test names; metadata `synonyms`: {test: [other names]}. Value: F1 of the tests ordered. What a list holds
    that no table knows is an order too, and costs precision."""
    tests = _Tests.of(lists_of(metadata, "synonyms"))
    rights = {tests.key(name) for text in _items(reference, tests) for name in tests.listed(text)} - {""}
    if not rights:
        return Unscored(f"the reference {reference!r} names no test")
    given = as_asked(_given(prompt, response, tests.knowing(frozenset(rights))), rights)
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

    def __init__(self, tables: list[NameTable], keys: Sequence[str] = (), wanted: Wanted | None = None) -> None:
        self._tables, self._keys, self._wanted = tables, keys, wanted
        self.knowing = lru_cache(maxsize=1024)(self._knowing)  # many answers to a question

    @classmethod
    def of(cls, synonyms: Mapping[str, Iterable[str]]) -> "_Tests":
        return remembered(synonyms, lambda: _of(synonyms))

    def _knowing(self, keys: frozenset[str]) -> "_Tests":
        """And the tests `keys` of a reference, be it that no table knows them, and their names said in parts."""
        unknown = {key: key for key in keys if not any(key in table for table in self._tables)}
        tables = [NameTable(unknown), *self._tables] if unknown else self._tables
        names = {name: key for key in sorted(keys) for name in (key, *names_by_test().get(key, ()))}
        return _Tests(tables, sorted(keys), Wanted(names, parts_of_tests(), lambda name: find(name, tables), strict=True))

    def key(self, name: str) -> str:
        """The name of a test as the tables have it, or as it stands."""
        known = (key for form in sampled_apart(name) for table in self._tables if (key := table.key_of(form)) is not None)
        return next(known, " ".join(unit for unit, _, _ in units_of(name)))

    def listed(self, text: str) -> list[str]:
        """The tests of a reference that is one text, where each of them is known; else the text is a name."""
        found = pieces(text, [span for _, span in self.find(text)])
        return found if all(any(name in table for table in self._tables) for name in found) else [text]

    def find(self, sentence: str) -> Iterator[tuple[str, Span]]:
        yield from find(sentence, self._tables)

    def find_all(self, sentence: str) -> Iterator[tuple[str, Span]]:
        """And what is called a test though no table knows it."""
        low = lower(sentence)
        known = list(self.find(sentence))
        known = list(in_full(sentence, self._wanted.among(sentence, known), self._keys)) if self._wanted else known
        taken = [span for _, span in known]
        apart = [(key, span) for key, span in _unknown(sentence) if not overlap(taken, span)]
        yield from sorted((one for one in (*known, *apart) if not _is_result(low, one[1])), key=lambda found: found[1].start)

    def __contains__(self, name: str) -> bool:
        return any(name in table for table in self._tables)

    def ordered(self, text: str) -> str:
        """The test that a field of a list orders; empty for none."""
        return key_of_field(text, self.find, self.key)


def _is_result(sentence: str, span: Span) -> bool:
    """Whether a test is spoken of as one that was done: `a normal ECG`, `CRP 120 mg/l`, 血钾正常. In lower case."""
    before = _RESULT_BEFORE.search(sentence, max(0, span.start - _RESULT_WITHIN), span.start)
    return before is not None or _RESULT_BEHIND.match(sentence, span.end) is not None


def _unknown(sentence: str) -> Iterator[tuple[str, Span]]:
    """What is called a test; but not in brackets: `spirometry (with a bronchodilator test)` says there how it is done."""
    depth = at = 0
    for match in _UNKNOWN.finditer(simplified(sentence)):
        depth += sentence.count("(", at, match.start()) - sentence.count(")", at, match.start())
        at = match.start()
        start = match.start() + (told.end() if (told := _TOLD.match(match[0])) else 0)
        if depth <= 0 and not _GENERIC.search(match[0]) and not _LABEL.match(sentence, match.end()):
            yield sentence[start : match.end()].lower(), Span(start, match.end())


def _of(synonyms: Mapping[str, Iterable[str]]) -> _Tests:
    shipped = shipped_tests()
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
