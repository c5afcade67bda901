"""What the reader skips to be quick would have said nothing: with nothing skipped, every statement is the same."""
# ruff: noqa: E501  Chinese characters count twice

import re
from collections.abc import Iterator
from itertools import chain
from random import Random

import pytest

from megatron_qm.rewards.audit.generate.cases import cases
from megatron_qm.rewards.reading import introductions, polarity, statements, verdicts
from megatron_qm.rewards.reading.clean import answer_part
from megatron_qm.rewards.reading.options import Options, options_of
from megatron_qm.rewards.reading.rank import Statement

TABLES = [
    {"A": "aspirin", "B": "ibuprofen", "C": "warfarin"}, {"A": "干咳", "B": "难产", "C": "是的", "D": "我"}, {"A": "İU 5", "B": "1.2 g", "C": "αΣ 2"},
    {"A": "the B test", "B": "12 mg (low)", "C": "a-b c", "D": "not given", "E": "I"}, {},
]
PIECES = [
    "the answer is", "answer:", "choose", "is", "not", "never", "or maybe", "and", "if", "unless", "might", "doubt", "says my friend", "correct", "wrong",
    "because", "so", "therefore", "option", "n't", "A", "B", "C", "D", "E", "I", "(A)", "AB", "a", "b.", "b)", "ab", "A is", "A careful look", "A's", "B+",
    "答案是", "选", "故", "所以", "不", "不是", "或者可能", "和", "如果", "若", "我认为", "认为", "有人", "错", "正确", "对", "吗", "项", "因为", "可能",
]  # fmt: skip
RARE = ["doubt likely，The İU 5\n- actually looks.", "well。12 mg (low); αΣ 2 say。answer:αΣ 2\n", "The answer is notB", "A or maybeB", "选D，ifosfamide"]
JOINTS = (" ", " ", " ", "", "", ", ", ". ", "\n", "; ", ": ", "? ", "。", "，", "、", " (", ") ")


def _mixtures(count: int) -> Iterator[tuple[str, Options]]:
    rng = Random(3)
    for _ in range(count):
        table = rng.choice(TABLES)
        known = [*PIECES, *list(table.values()) * 4]
        text = "".join(rng.choice(known) + rng.choice(JOINTS) for _ in range(rng.randrange(1, 12)))
        yield text, options_of(table)
    yield from ((text, options_of(table)) for text in RARE for table in TABLES)


def _drawn(count: int) -> Iterator[tuple[str, Options]]:
    for case in cases("exam", 21, count):
        yield case.response, options_of(case.metadata["options"])  # type: ignore[arg-type]


def _all_statements() -> list[tuple[str, list[Statement]]]:
    statements._remembered.cache_clear()
    return [(text, list(statements.statements(text, options)))
            for response, options in chain(_mixtures(1500), _drawn(300)) if (text := answer_part(response))]


def test_a_sentence_that_names_no_option_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = _all_statements()
    for module in (statements, verdicts):
        monkeypatch.setattr(module, "may_name", lambda sentence, options: True)
    assert _all_statements() == quick


def test_plain_chinese_is_read_as_it_is_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = _all_statements()
    monkeypatch.setattr(verdicts, "is_plain", lambda low: low.isascii() and polarity.is_plain(low))
    assert _all_statements() == quick


def test_a_line_introduces_a_list_only_where_a_lead_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = _all_statements()
    monkeypatch.setattr(introductions, "_ENDS_LEAD", re.compile(""))
    assert _all_statements() == quick
