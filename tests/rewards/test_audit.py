"""The shipped verifiers hold the audit's bars, and a verifier that is fooled does not."""

import json

import pytest

from megatron_qm.cli import main
from megatron_qm.rewards.audit.attacks import ATTACKS, REPHRASED
from megatron_qm.rewards.audit.items import shipped
from megatron_qm.rewards.audit.run import Row, audit, broken
from megatron_qm.rewards.pool import VerifierPool


def test_the_shipped_verifiers_hold_the_bars():
    items = shipped()
    with VerifierPool(2, seconds=30) as pool:
        rows = audit(items, pool)
    assert broken(rows) == []
    assert {row.case for row in rows if row.verifier == "exam"} == set(ATTACKS) | set(REPHRASED)


def test_one_false_positive_breaks_the_bar_of_an_exact_task():
    assert broken([Row("exam", "wrong", False, count=10_000, errors=1)])
    assert not broken([Row("drugs", "wrong", False, count=10_000, errors=1)])
    assert broken([Row("drugs", "json", True, count=100, errors=2)])


@pytest.mark.parametrize("content", ["", "{\n", '{"verifier": "exam"}\n'])
def test_items_that_cannot_be_read_are_said_in_a_sentence(tmp_path, capsys, content):
    path = tmp_path / "items.jsonl"
    path.write_text(content)
    assert main(["audit-rewards", "--items", str(path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_functions_of_the_user_are_attacked_where_they_are_named(tmp_path, capsys):
    row = {"verifier": "mine", "prompt": "?", "reference": "A", "right": "A", "wrong": "B", "everything": "A, B"}
    path = tmp_path / "items.jsonl"
    path.write_text(json.dumps(row))
    assert main(["audit-rewards", "--items", str(path)]) == 2
    assert f"{path}, line 1: the verifier 'mine' is not known" in capsys.readouterr().err
    assert main(["audit-rewards", "--items", str(path), "--verifier", "mine=tests.rewards.bad_verifiers:gullible"]) == 2
    said = capsys.readouterr()
    assert "bar broken: mine: " in said.out and "false positives" in said.out and not said.err
