"""The grade as a reward: the mean of what can be read, scaled; asked as `grade` asks; without a score where too little can be."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from megatron_qm.commands.judges import add_judge_arguments, models_of
from megatron_qm.errors import UserError
from megatron_qm.rewards.graded import GRADED, Graded, graded, grader_of
from megatron_qm.rewards.grading import grading_prompt, read_instruction
from megatron_qm.rewards.judge import Endpoint, Judge, JudgeError
from megatron_qm.rewards.models import Models
from megatron_qm.rewards.outcome import Scored, Unscored
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.registry import Verifiers, function_of, longest_wait
from megatron_qm.rewards.samples import Sample
from tests.rewards.test_endpoint import Handler, served

BASE = "http://127.0.0.1:1/v1"


def says(*texts: str) -> Callable[[str], str]:
    """By turns; an empty text is an endpoint that fails."""
    left = list(texts)

    def ask(prompt: str) -> str:
        text = left.pop(0)
        if not text:
            raise JudgeError("the endpoint failed: down")
        return text

    return ask


@pytest.mark.parametrize(("texts", "value", "grade", "samples"), [
    (["Score: 1"] * 4, 0.0, 1.0, 4), (["Score: 10"] * 4, 1.0, 10.0, 4), (["Score: 5.5"], 0.5, 5.5, 1),
    (["Score: 3", "", "no", "Score: 8"], 0.5, 5.5, 2),
])
def test_the_mean_of_what_can_be_read_is_scaled(texts: list[str], value: float, grade: float, samples: int) -> None:
    found = graded("Is it right?", says(*texts), len(texts))("?", "Rest.", None, {})
    assert isinstance(found, Scored) and found.value == pytest.approx(value)
    assert found.parts == {"grade": pytest.approx(grade), "samples": samples}


@pytest.mark.parametrize(("texts", "why"), [
    (["Score: 3", "no", "no", "Score: 11"], "grader: 3 of 4 samples cannot be read: a score out of range"),
    (["", ""], "grader: 2 of 2 samples cannot be read: the endpoint failed: down"),
])
def test_too_little_to_read_is_unscored_and_never_low(texts: list[str], why: str) -> None:
    assert graded("Is it right?", says(*texts), len(texts))("?", "Rest.", None, {}) == Unscored(why)


def test_in_the_pool_an_endpoint_is_asked_as_grade_asks(tmp_path: Path) -> None:
    def answer(handler: Handler, body: dict) -> None:
        good = "See a doctor" in json.loads(body["messages"][0]["content"].splitlines()[-1])["response"]
        text = f"<think>Hm.</think>So be it.\nScore: {9 if good else 2}"
        handler.whole(json.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}).encode())

    with served(answer) as (endpoint, asked), VerifierPool(1, 20.0) as pool:
        grader = grader_of(endpoint.base, "genrm", 3)
        found = pool.score([Sample(grader, "What helps?", text, None, {}) for text in ("See a doctor.", "Score: 10")])
    assert [one.value for one in found] == [pytest.approx(8 / 9), pytest.approx(1 / 9)]
    assert len(asked) == 6
    body = json.loads(asked[0][0])
    user = [{"role": "user", "content": "What helps?"}]
    assert body["messages"] == [{"role": "user", "content": grading_prompt(read_instruction(), user, "See a doctor.")}]
    assert (body["model"], body["temperature"]) == ("genrm", 1.0)


def test_who_grades_is_named_by_the_user_and_by_no_item() -> None:
    grader = Graded("Is it right?", Judge(Endpoint(BASE, "m", seconds=5.0), 12))
    known = Verifiers(models=Models(grader=grader))
    assert known.admit(GRADED, {"judge": "x", "base": "http://elsewhere"})[0] == grader
    assert function_of(grader) == "" and longest_wait(grader) == 10.0 == known.models.longest_wait
    with pytest.raises(ValueError, match="the verifier 'graded': it is graded by a model, and none is named: set a grader"):
        Verifiers().admit(GRADED, {})


def test_options_name_it(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_judge_arguments(parser)
    (tmp_path / "mine.txt").write_text("Is it kind?\n")
    given = parser.parse_args(["--grader", f"genrm={BASE}", "--instruction", str(tmp_path / "mine.txt"), "--votes", "3"])
    grader = models_of(given).grader
    assert grader is not None and (grader.instruction, grader.judge.votes) == ("Is it kind?", 3)
    assert (grader.judge.ask.base, grader.judge.ask.model) == (BASE, "genrm")
    assert models_of(parser.parse_args([])).grader is None
    for words, why in (
        (["--instruction", "x"], "says nothing without --grader"), (["--grader", "genrm"], "--grader genrm: must be"),
        (["--grader", "m=ftp://x"], "must be a URL"), (["--grader", f"m={BASE}", "--instruction", "x"], "x: cannot be read"),
    ):
        with pytest.raises(UserError, match=why):
            models_of(parser.parse_args(words))
