"""From candidates to the pool: which pairs there are, what is left out and refused; and margins from scores of responses."""

import json
import math
from pathlib import Path

import pytest

from megatron_qm.align.annotation.candidates import read_candidates
from megatron_qm.align.annotation.scored import read_margins
from megatron_qm.align.preferences.comparisons import parse
from megatron_qm.align.reward_loop.margins import pool_margins, scores_in
from megatron_qm.align.reward_loop.pool import ALONE, BLANK, EQUAL, build_pool
from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.report import evaluate_pairs
from megatron_qm.files import write_json, write_json_lines
from tests.align.stages import written

TEXTS = ["one 1", "two 22", "three 333", "four 4444"]


def pool(folder: Path, rows: list[dict], most: int = 99, *, graded: bool = False, seed: int = 0) -> tuple[list[dict], dict]:
    count, left_out = build_pool(written(folder / "candidates.jsonl", rows), graded, most, seed, folder / "pool", folder / "rows")
    pairs = [json.loads(line) for line in (folder / "pool").read_text().splitlines()]
    assert len(pairs) == count
    return pairs, dict(left_out)


def test_every_two_responses_are_a_pair_and_other_fields_go_with_it(tmp_path: Path) -> None:
    pairs, left_out = pool(tmp_path, [{"key": "q", "prompt": "?", "responses": TEXTS, "stratum": "s", "metadata": {"x": 1}}])
    assert {(pair["a"], pair["b"]) for pair in pairs} == {(a, b) for at, a in enumerate(TEXTS) for b in TEXTS[at + 1:]}
    assert all((pair["prompt"], pair["stratum"], pair["metadata"]) == ("?", "s", {"x": 1}) for pair in pairs) and not left_out
    assert len({pair["key"] for pair in pairs}) == len(read_candidates(tmp_path / "pool").pairs) == 6


def test_some_pairs_of_a_prompt_are_drawn_by_seed_and_key_whatever_stands_beside(tmp_path: Path) -> None:
    rows = [{"key": f"q{at}", "prompt": "?", "responses": TEXTS} for at in range(20)]
    first, _ = pool(tmp_path, rows, 2)
    assert [pair["key"] for pair in first] == [pair["key"] for pair in pool(tmp_path, rows, 2)[0]]
    assert len(first) == 40 and len({pair["key"].partition("/")[2] for pair in first}) == 6
    assert [pair for pair in first if pair["key"].startswith("q7/")] == pool(tmp_path, [rows[7]], 2)[0]
    assert first != pool(tmp_path, rows, 2, seed=1)[0]


def test_equal_and_blank_responses_are_left_out_and_counted(tmp_path: Path) -> None:
    pairs, left_out = pool(tmp_path, [
        {"key": 1, "messages": [{"role": "user", "content": "?"}], "responses": ["x", " x ", "", "y"]},
        {"key": 2, "prompt": "?", "responses": ["x", "x"]},
    ])
    assert [(pair["a"], pair["b"]) for pair in pairs] == [("x", "y")] and left_out == {EQUAL: 2, BLANK: 1, ALONE: 1}


@pytest.mark.parametrize(("change", "why"), [
    ({"scores": [1, 2]}, ": key 'r': has scores; candidates are not labelled"), ({"selection": {}}, ": key 'r': has selection, "),
    ({"a": "x"}, ":2: has responses and a"), ({"responses": "x"}, ":2: responses = 'x' is not a list"),
    ({"responses": [1]}, "is not a list of texts"), ({"prompt": None}, ":2: prompt = None is not text"),
    ({"messages": []}, ":2: needs prompt or messages, and has both"),
])
def test_what_is_no_candidate_is_refused_with_file_and_place(tmp_path: Path, change: dict, why: str) -> None:
    row = {"key": "q", "prompt": "?", "responses": ["x", "y"]}
    with pytest.raises(UserError, match=rf"candidates\.jsonl.*{why}"):
        pool(tmp_path, [row, {**row, "key": "r", **change}])
    with pytest.raises(UserError, match=r"candidates\.jsonl:2: the key 'q' was given before"):
        pool(tmp_path, [row, row])
    with pytest.raises(UserError, match="no prompt has two responses that differ"):
        pool(tmp_path, [{**row, "responses": ["x"]}])


def test_grades_become_margins_and_stay_with_their_response(tmp_path: Path) -> None:
    pairs, _ = pool(tmp_path, [{"key": "q", "prompt": "?", "responses": ["x", "x", "y", "z"], "scores": [5, 1, 2.5, None]}],
                    graded=True)
    assert {(pair["a"], pair["b"]): pair["candidate"]["genrm"] for pair in pairs} == {
        ("x", "y"): 2.5, ("x", "z"): None, ("y", "z"): None}


def test_margins_are_differences_of_what_evaluate_writes(tmp_path: Path) -> None:
    """The scorer counts digits, and has no score for the last response; each response is asked about by its own prompt."""
    pairs, _ = pool(tmp_path, [{"key": f"q{at}", "prompt": f"{at}?", "responses": TEXTS} for at in range(3)])

    def scorer(asked: list) -> list[float | None]:
        texts = ["".join(message["content"] for message in one) for one in asked]
        return [None if "four" in text else float(sum(map(str.isdigit, text))) for text in texts]

    write_json(tmp_path / "scores.json", evaluate_pairs(tmp_path / "rows", scorer).to_json())
    scores = scores_in(tmp_path / "scores.json")
    assert scores["q1"] == [2.0, 3.0, 4.0, None]
    candidates = read_candidates(tmp_path / "pool").pairs
    write_json_lines(tmp_path / "margins", pool_margins(candidates, scores, {key: [0.0, 0.0, 1.0, 2.0] for key in scores}))
    found = read_margins(tmp_path / "margins")
    for pair in pairs:
        digits, second = ({text: value for text, value in zip(TEXTS, some, strict=True)} for some in ((1, 2, 3, 4), (0, 0, 1, 2)))
        genrm, bt = found[pair["key"]]
        assert genrm == second[pair["a"]] - second[pair["b"]]
        assert math.isnan(bt) if "four" in pair["b"] else bt == digits[pair["a"]] - digits[pair["b"]]


def test_what_is_exported_of_the_pool_is_read_by_the_trainer(tmp_path: Path) -> None:
    pairs, _ = pool(tmp_path, [{"key": "q", "prompt": "?", "responses": ["x", "y"]}])
    assert parse({"prompt": pairs[0]["prompt"], "chosen": pairs[0]["a"], "rejected": pairs[0]["b"]}).values == [1.0, 0.0]
