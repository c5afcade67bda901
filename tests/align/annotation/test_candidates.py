"""Pairs to be judged: what is no pair is refused with file and line."""

import json
from pathlib import Path

import pytest

from megatron_qm.align.annotation.candidates import read_candidates
from megatron_qm.errors import UserError
from tests.align.annotation.cases import rows, write

GOOD = {"key": "x", "prompt": "?", "a": "1", "b": "2"}


def test_both_spellings_are_the_same_pair(tmp_path: Path) -> None:
    user = {"role": "user", "content": "?"}
    lines = [{"key": 7, "prompt": "?", "a": "1", "b": "2", "label": "dose"},
             {"key": "m", "messages": [{"role": "system", "content": "s"}, user], "chosen": "1", "rejected": "2"}]
    one, other = read_candidates(write(tmp_path / "p.jsonl", lines)).pairs
    assert (one.key, one.messages, one.a, one.b, one.line["label"]) == ("7", (user,), "1", "2", "dose")
    assert (other.key, other.a, other.b, other.text) == ("m", "1", "2", "s\n?\n1\n2")


def test_equal_responses_are_left_out_and_counted(tmp_path: Path) -> None:
    found = read_candidates(write(tmp_path / "p.jsonl", [GOOD, {**GOOD, "key": "same", "b": "1"},
                                                                {**GOOD, "key": "but for space", "b": "\n1 "}]))
    assert [pair.key for pair in found.pairs] == ["x"] and found.same == (2, 3)
    assert "2 left out" in found.left_out() and "line 2" in found.left_out()


def test_the_digest_is_of_what_is_judged(tmp_path: Path) -> None:
    def digest(lines: list[dict]) -> str:
        return read_candidates(write(tmp_path / "p.jsonl", lines)).digest

    there = digest(rows(3))
    assert digest([{**row, "label": "other"} for row in rows(3)]) == there
    assert digest([dict(reversed(row.items())) for row in rows(3)]) == there
    for changed in (rows(4), rows(3)[::-1], [{**row, "a": row["b"], "b": row["a"]} for row in rows(3)]):
        assert digest(changed) != there


@pytest.mark.parametrize(("line", "why"), [
    ({"prompt": "?", "a": "1", "b": "2"}, "lacks key"),
    ({**GOOD, "key": None}, "key = None is not text"),
    ({**GOOD, "a": 3}, "a = 3 is not text"),
    ({"key": "x", "prompt": "?", "a": "1"}, "lacks b"),
    ({"key": "x", "prompt": "?"}, "needs a and b, or chosen and rejected, and has neither"),
    ({**GOOD, "chosen": "1"}, "has both"),
    ({"key": "x", "a": "1", "b": "2"}, "needs prompt or messages, and has neither"),
    ({**GOOD, "messages": []}, "has both"),
    ({"key": "x", "messages": [{"role": "user"}], "a": "1", "b": "2"}, "messages[0]"),
    (["x"], "not a JSON object"),
    ({**GOOD, "a": ["x" * 100_000]}, "is not text"),
    ({**GOOD, "a": " \n"}, "a is blank"),
    ({"key": "x", "prompt": "?", "chosen": "1", "rejected": ""}, "rejected is blank"),
    ({**GOOD, "prompt": " "}, "prompt is empty"),
    ({"key": "x", "messages": [{"role": "assistant", "content": "1"}], "a": "1", "b": "2"}, "the message of 'assistant'"),
    ({"key": "x", "messages": [{"role": "user", "content": "1"}] * 2, "a": "1", "b": "2"}, "turn 2 is user's where"),
    ({**GOOD, "key": "tied:x"}, "several right answers"),
    ({**GOOD, "stratum": ["s"]}, "stratum = ['s'] is not text"),
    ({**GOOD, "stratum": True}, "stratum = True is not text"),
    ({**GOOD, "system": "Answer as a pirate"}, "has system beside its prompt: give messages"),
    ({**GOOD, "systm": "Answer as a pirate"}, "the key 'systm' is not read; did you mean 'system'?"),
    ({**GOOD, "Stratum": "dose"}, "the key 'Stratum' is not read; did you mean 'stratum'?"),
])
def test_what_is_no_pair_is_refused(tmp_path: Path, line: object, why: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps(rows(1)[0]) + "\n\n" + json.dumps(line) + "\n")
    with pytest.raises(UserError) as refused:
        read_candidates(path)
    said = str(refused.value)
    assert said.startswith(f"{path}:3: ") and (why in said or why == "is not text") and len(said) < 500


def test_other_faults_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    for text, why in ((json.dumps(GOOD) + "\n" + json.dumps(GOOD), ":2: the key 'x' was given before"), ("{", ":1: is no JSON"),
                      ("", "holds no pair"), ('{"a": "\\ud800"}', ":1: is no JSON: holds half a surrogate")):
        path.write_text(text)
        with pytest.raises(UserError, match=why):
            read_candidates(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_candidates(tmp_path / "none")
