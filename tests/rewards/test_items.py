"""Items of RL and evaluation: read whole, or refused with their line."""

import json
from pathlib import Path

import pytest

from megatron_qm.errors import UserError
from megatron_qm.rewards.hybrid import Hybrid
from megatron_qm.rewards.items import read_items
from megatron_qm.rewards.judge import Endpoint, Judge
from megatron_qm.rewards.models import Models
from megatron_qm.rewards.registry import Verifiers

GOOD = {"key": "a", "task": "exam", "prompt": "Which?", "reference": "A", "strata": {"level": "3"}}


def written(folder: Path, *rows: object) -> Path:
    path = folder / "items.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows))
    return path


def test_a_prompt_is_a_message_of_the_user_and_a_line_without_a_key_has_its_number(tmp_path: Path) -> None:
    several = [{"role": "system", "content": "s"}, {"role": "user", "content": "u\u2028v"}]
    path = written(tmp_path, GOOD, "", {"task": "drugs", "messages": several, "reference": ["x"]})
    first, second = read_items(path)
    assert (first.question, first.strata, first.label) == ("Which?", {"level": "3"}, "")
    assert (second.key, second.question, len(second.messages)) == ("3", "u\u2028v", 2)


@pytest.mark.parametrize(("row", "why"), [
    ("{", "Expecting"), ("[]", "not a JSON object"), ({**GOOD, "task": ""}, "task"), ({**GOOD, "prompt": " "}, "prompt"),
    ({**GOOD, "messages": []}, "both"), ({**GOOD, "answer": "A"}, "'answer' is no field"), ({**GOOD, "key": True}, "key"),
    ({"task": "exam", "prompt": "q"}, "reference"), (GOOD, "'a' was given before"),
    ({**GOOD, "key": "b", "strata": [1]}, "strata"), (json.dumps({**GOOD, "prompt": "half \ud83d"}), "surrogate"),
    ({"task": "exam", "reference": 1, "messages": [{"role": "assistant", "content": "x"}]}, "not end with the user's"),
])
def test_what_is_no_item_is_refused_with_its_line(row: object, why: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=why) as refused:
        read_items(written(tmp_path, GOOD, row))
    assert "items.jsonl:2" in str(refused.value)


OWN = "tests.rewards.bad_verifiers:bad"


def test_items_ask_for_functions_of_the_user_by_the_names_that_the_user_gave(tmp_path: Path) -> None:
    rows = [GOOD, {**GOOD, "key": "b", "task": "bad"}, {**GOOD, "key": "c", "task": OWN},
            {**GOOD, "key": "d", "task": "hybrid", "metadata": {"rule": "bad", "options": {}}}]
    judge = Judge(Endpoint("http://127.0.0.1:1/v1", "m"))
    models = Models({"judge": judge})
    items = read_items(written(tmp_path, *rows), Verifiers.named([f"bad={OWN}", OWN], "rl.verifiers", models))
    assert [item.task for item in items] == ["exam", "bad", OWN, "hybrid"]
    assert [item.judged_by for item in items] == ["exam", OWN, OWN, Hybrid(OWN, judge)]
    assert items[3].metadata == {"options": {}}


@pytest.mark.parametrize("row", [
    {**GOOD, "key": "b", "task": "os:system"}, {**GOOD, "key": "b", "task": OWN},
    {**GOOD, "key": "b", "task": "hybrid", "metadata": {"rule": "os:system"}},
    {**GOOD, "key": "b", "task": "hybrid", "metadata": {"rule": ["exam"]}},
])
def test_a_file_of_items_names_no_code_to_import(row: object, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"items\.jsonl:2: .*verifier") as refused:
        read_items(written(tmp_path, GOOD, row), Verifiers.named([f"bad={OWN}"], "rl.verifiers"))
    assert "must be named in rl.verifiers" in str(refused.value) or "is text" in str(refused.value)


@pytest.mark.parametrize(("specs", "why"), [
    (["exam=my:score"], "'exam' is a verifier that ships"), (["=my:score"], "no name"),
    ([f"bad={OWN}", "bad=tests.align.stages:by_letters"], "'bad' is given twice"),
    (["my_score"], "not of the form module:function"),
    ([f"{OWN}ly"], "has no function 'badly'"),
])
def test_names_of_verifiers_that_cannot_be_are_refused(specs: list[str], why: str) -> None:
    with pytest.raises(UserError, match=f"rl.verifiers: .*{why}"):
        Verifiers.named(specs, "rl.verifiers")
