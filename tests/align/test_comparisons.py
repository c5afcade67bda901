"""Comparisons in every format that is read, and the sentence for each that is not."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from megatron_qm.align.preferences.comparisons import parse
from megatron_qm.align.preferences.nemo_aligner import in_twos
from megatron_qm.align.preferences.samples import _compared, _parsed, samples_of, together
from megatron_qm.align.sft.conversations import UnusableError
from megatron_qm.align.sft.reading import Rejected, read_lines
from megatron_qm.align.sft.rendering import Rendered, Renderer, load_renderer
from megatron_qm.config.model import ModelConfig
from megatron_qm.config.preferences import PairGroupConfig
from megatron_qm.config.reward_model import RewardModelConfig, RewardModelRun
from tests.align import templates as chat
from tests.align.stages import written

ASK, SAY, NAY = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}
READ: dict[str, tuple[dict[str, Any], list[float]]] = {
    "text": ({"prompt": "q", "chosen": "a", "rejected": "b"}, [1, 0]),
    "messages": ({"messages": [ASK], "chosen": [SAY], "rejected": NAY}, [1, 0]),
    "margin": ({"prompt": "q", "chosen": "a", "rejected": "b", "margin": 2.5}, [2.5, 0]),
    "tie": ({"prompt": "q", "chosen": "a", "rejected": "b", "tie": True}, [0, 0]),
    "label tie": ({"prompt": "q", "chosen": "a", "rejected": "b", "label": "tie"}, [0, 0]),
    "label rejected": ({"prompt": "q", "chosen": "a", "rejected": "b", "label": "rejected", "margin": 2}, [0, 2]),
    "trl": ({"chosen": [ASK, SAY], "rejected": [ASK, NAY]}, [1, 0]),
    "nemo-rl": ({"context": [ASK], "task_name": "x", "completions": [
        {"rank": 1, "completion": [SAY]}, {"rank": 0, "completion": [NAY]}]}, [-1, 0]),
    "scored": ({"prompt": "q", "responses": ["a", "b"], "scores": [0.25, 0.5]}, [0.25, 0.5]),
}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"prompt": "q", "chosen": "a", "rejected": "b", "margni": 1}, "margin"),
    "no format": ({"prompt": "q", "chosen": "a"}, "no known format"),
    "NaN": ({"prompt": "q", "chosen": "a", "rejected": "b", "margin": float("nan")}, "nan"),
    "infinite": ({"prompt": "q", "chosen": "a", "rejected": "b", "margin": float("inf")}, "inf"),
    "huge": ({"prompt": "q", "chosen": "a", "rejected": "b", "margin": 10**400}, "out of bounds"),
    "negative": ({"prompt": "q", "chosen": "a", "rejected": "b", "margin": -1}, "more than 0"),
    "margin of a tie": ({"prompt": "q", "chosen": "a", "rejected": "b", "margin": 1, "tie": True}, "tie"),
    "label": ({"prompt": "q", "chosen": "a", "rejected": "b", "label": "A"}, "outside the pair"),
    "a tie that is none": ({"prompt": "q", "chosen": "a", "rejected": "b", "label": "rejected", "tie": True}, "disagree"),
    "a tie by one word": ({"prompt": "q", "chosen": "a", "rejected": "b", "label": "tie", "tie": False}, "disagree"),
    "a margin that 32 bits lose": ({"prompt": "q", "chosen": "a", "rejected": "b", "margin": 1e-50}, "more than 0"),
    "scores that 32 bits lose": ({"prompt": "q", "responses": ["a", "b"], "scores": [100000.001, 100000.002]}, "too close"),
    "text for a number": ({"prompt": "q", "chosen": "a", "rejected": "b", "margin": "1"}, "margin is text"),
    "truth for a number": ({"prompt": "q", "responses": ["a", "b"], "scores": [True, 1]}, "scores[0]"),
    "a score too few": ({"prompt": "q", "responses": ["a", "b"], "scores": [1]}, "2 responses and 1 scores"),
    "one response": ({"prompt": "q", "responses": ["a"], "scores": [1]}, "1 response"),
    **{f"twice, {number}": ({"prompt": "q", "chosen": "a", "rejected": "b", **twice}, why) for number, (twice, why) in enumerate([
        ({"tie": True, "label": "chosen"}, "disagree"), ({"margin": 1, "label": "tie"}, "none"), ({"margin": 0}, "none"),
        ({"margin": 0, "tie": False}, "none"), ({"margin": -1, "label": "rejected"}, "none"), ({"tie": "true"}, "tie is text"),
    ])},
    "empty": ({"prompt": "q", "chosen": " ", "rejected": "b"}, "empty"),
    "no prompt": ({"chosen": [SAY], "rejected": [NAY]}, "no prompt"),
    "an answer before the answer": ({"prompt": [ASK, SAY], "chosen": "a", "rejected": "b"}, "out of order"),
    "two systems": ({"messages": [{"role": "system", "content": "s"}, ASK], "system": "t", "chosen": "a", "rejected": "b"},
                    "twice"),
}


@pytest.mark.parametrize("name", READ)
def test_every_format_is_read(name: str) -> None:
    line, values = READ[name]
    found = parse(line, "f", 3)
    assert list(found.values) == values
    assert [[(m.role, m.content) for m in one.messages] for one in found.conversations] == [
        [("user", "q"), ("assistant", "a")], [("user", "q"), ("assistant", "b")]]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_says_why(name: str) -> None:
    line, why = REFUSED[name]
    with pytest.raises(UnusableError, match=".*") as said:
        parse(line, "f", 3)
    assert why in str(said.value)


def config(tiny: Path, *, share: bool = True, length: int = 64) -> RewardModelRun:
    run = RewardModelRun(model=ModelConfig(shape="qwen3-0.6b").resolved(), reward_model=RewardModelConfig(share_prompt=share))
    return replace(run, data=replace(run.data, sequence_length=length, tokenizer=str(tiny / "tokenizer")))


def test_what_cannot_be_compared_is_left_out_with_file_and_line(tiny: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "pairs.jsonl", [
        {"prompt": "Code of illness a1?", "chosen": "It is A1.", "rejected": "It is A1."},
        {"prompt": "Code of illness a1?", "chosen": "It is A1.", "rejected": "It is A2. " * 40},
        {"prompt": "Code of illness a1?", "chosen": "It is A1.", "rejected": "It is A2.", "stratum": "x"},
    ])
    group = PairGroupConfig("pairs", str(file))
    found = list(samples_of(group, [str(file)], load_renderer(tiny / "tokenizer", only_last=True), config(tiny)))
    left_out = [(one.line, one.kind) for one in found if isinstance(one, Rejected)]
    assert left_out == [(1, "two responses are the same"), (2, "too long")]
    assert len(found) == 3 and found[2].origin == f"{file}:3"


def test_a_document_is_the_prompt_once_and_each_response_behind_its_last_token(tiny: Path, tmp_path: Path) -> None:
    line = {"prompt": "Code of illness a1?", "chosen": "It is A1.", "rejected": "It is B2, or so."}
    file = written(tmp_path / "pairs.jsonl", [line])
    renderer = load_renderer(tiny / "tokenizer", only_last=True)
    shared, apart = (
        next(iter(samples_of(PairGroupConfig("p", str(file)), [str(file)], renderer, config(tiny, share=share, length=256))))
        for share in (True, False)
    )
    alone = [renderer.render(one) for one in parse(line).conversations]
    prompt = int(np.argmax(alone[0].learn))
    assert apart.rendered.ids.tolist() == [*alone[0].ids, *alone[1].ids] and set(apart.branch) == {1, 2}
    assert len(shared) == len(apart) - (prompt - 1)
    for branch, one in enumerate(alone, start=1):
        mine = (shared.branch == 0) | (shared.branch == branch)
        assert shared.rendered.ids[mine].tolist() == one.ids.tolist()
        assert shared.rendered.learn[mine].tolist() == one.learn.tolist()


CALL: dict[str, Any] = {"role": "assistant", "content": "", "tool_calls": [{"name": "dose", "arguments": {"drug": "aspirin"}}]}
SEVERAL: list[dict[str, Any]] = [CALL, {"role": "tool", "content": "max 4000"}, {"role": "assistant", "content": "At most 4 g."}]
OTHER: list[dict[str, Any]] = [{**CALL, "tool_calls": [{"name": "dose", "arguments": {"drug": "iron"}}]},
                               {"role": "tool", "content": "none 12"}, SAY]
TOOLS = [{"name": "dose", "parameters": {"type": "object", "properties": {"drug": {"type": "string"}}}}]


@pytest.mark.parametrize("form", [
    lambda prompt, one, other: {"prompt": prompt, "chosen": one, "rejected": other},
    lambda prompt, one, other: {"chosen": [*prompt, *one], "rejected": [*prompt, *other]},
    lambda prompt, one, other: {"messages": prompt, "responses": [one, other], "scores": [1, 0]},
    lambda prompt, one, other: {"context": prompt, "completions": [
        {"rank": rank, "completion": said} for rank, said in enumerate((one, other))]},
])
@pytest.mark.parametrize("other", [OTHER, [NAY]])
@pytest.mark.parametrize("share", [True, False])
def test_a_response_of_several_messages_is_learnt_whole(form: Any, other: list, share: bool) -> None:
    """Its calls and its answer, in their order; not the results of tools, nor answers of the prompt."""
    made = chat.tokenizer(chat.EVERYTHING)
    renderer = Renderer(made, "t")
    line = {**form([ASK, SAY, {"role": "user", "content": "r"}], SEVERAL, other), "tools": TOOLS}
    alone = [renderer.render(one) for one in parse(line).conversations]
    whole, branch = together(alone, share=share)
    for number, (one, mine) in enumerate(zip(alone, (SEVERAL, other), strict=True), start=1):
        at = (branch == number) | ((branch == 0) & share)
        assert whole.ids[at].tolist() == one.ids.tolist() and whole.learn[at].tolist() == one.learn.tolist()
        said = made.decode(one.ids[one.learn].tolist())
        assert all((message["content"] in said) == (message["role"] == "assistant") for message in mine if message["content"])
        assert said.count("<|im_end|>") == sum(message["role"] == "assistant" for message in mine)
        assert "dose" in made.decode(one.ids[~one.learn].tolist()) and ("<tool_call>" in said) == (len(mine) > 1)
        assert one.learn[-1] and whole.ids[at][-1] == one.ids[-1]  # where a reward model's score is read


@pytest.mark.parametrize(("response", "why"), [
    ([{**CALL, "weight": 0}, *SEVERAL[1:]], "a response that is not learnt whole"),
    ([ASK, SAY], "does not begin with an answer"), (SEVERAL[:2], "no answer at the end"),
])
def test_a_response_that_is_none_says_why(response: list, why: str) -> None:
    with pytest.raises(UnusableError, match=why):
        parse({"prompt": [ASK], "chosen": response, "rejected": "b"})
    with pytest.raises(UnusableError, match="does not begin with an answer: it begins with the message of 'user'"):
        parse({"prompt": [ASK, SAY], "chosen": [ASK, SAY], "rejected": [ASK, NAY]})


def test_a_template_that_shows_a_call_otherwise_is_given_as_the_reason() -> None:
    """Qwen3's writes an empty thought before the last answer alone: a call that has its reasoning stands as it will."""
    with pytest.raises(UnusableError, match="renders a turn otherwise when more turns follow: turn 2; .* its reasoning"):
        line = {"prompt": "q", "chosen": SEVERAL, "rejected": "b", "tools": TOOLS}
        [Renderer(chat.tokenizer(chat.QWEN3), "t").render(one) for one in parse(line).conversations]
    line["chosen"] = [{**CALL, "reasoning_content": "Hm."}, *SEVERAL[1:]]
    made = chat.tokenizer(chat.QWEN3)
    rendered = Renderer(made, "t").render(parse(line).conversations[0])
    assert "Hm." in made.decode(rendered.ids[rendered.learn].tolist())


def test_prompts_that_differ_are_not_taken_for_one() -> None:
    one, other = (Rendered(np.array(ids, np.int32), np.array([0, 0, 1], bool)) for ids in ([1, 2, 3], [1, 4, 3]))
    with pytest.raises(UnusableError, match="renders the prompt otherwise"):
        together([one, other], share=True)


def test_lines_survive_as_json(tmp_path: Path) -> None:
    for line, _ in READ.values():
        assert parse(json.loads(json.dumps(line))).values


def _nemo(user: str, answer: str, system: str = "") -> str:
    return f"<extra_id_0>System\n{system}\n<extra_id_1>User\n{user}\n<extra_id_1>Assistant\n{answer}\n<extra_id_1>"


def _made(path: Path, lines: list[object]) -> list[Any]:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return list(in_twos(read_lines(path, frozenset(), _parsed)))


def test_consecutive_lines_of_nemo_aligner_are_a_pair(tmp_path: Path) -> None:
    lines = [{"text": _nemo("q", "a", "be brief")}, {"text": _nemo("q", "b\nc", "be brief")}, {"text": _nemo("r", "d")},
             {"text": _nemo("r", "e")}]
    found = [_compared(one) for one in _made(tmp_path / "c.jsonl", list(lines))]
    told = [[[(m.role, m.content) for m in one.messages] for one in comparison.conversations] for comparison in found]
    assert told == [[[("system", "be brief"), ("user", "q"), ("assistant", said)] for said in ("a", "b\nc")],
                    [[("user", "r"), ("assistant", said)] for said in ("d", "e")]]
    assert [one.values for one in found] == [[1, 0], [1, 0]]
    assert [one.line for one in found[1].conversations] == [3, 4]


@pytest.mark.parametrize("bad", range(6))
def test_a_line_that_cannot_be_read_costs_its_own_pair_alone(tmp_path: Path, bad: int) -> None:
    """Each pair has the same prompt, so that a shift by one line would go unnoticed."""
    lines: list[object] = [{"text": _nemo("q", f"{'good' if at % 2 == 0 else 'bad'} {at}")} for at in range(6)]
    lines[bad] = "{"
    found = _made(tmp_path / "c.jsonl", lines)
    pairs = [_compared(one) for one in found if not isinstance(one, Rejected)]
    assert [[one.line for one in pair.conversations] for pair in pairs] == [
        [at, at + 1] for at in (1, 3, 5) if at // 2 != bad // 2]
    assert sorted(one.line for one in found if isinstance(one, Rejected)) == [bad // 2 * 2 + 1, bad // 2 * 2 + 2]


def test_halves_without_their_other_half_are_told(tmp_path: Path) -> None:
    other = {"prompt": "q", "chosen": "a", "rejected": "b"}
    found = _made(tmp_path / "c.jsonl", [{"text": _nemo("q", "a")}, {"text": _nemo("another", "b")}, other,
                                         {"text": _nemo("q", "c")}, {"text": _nemo("q", "d")}])
    assert [(one.line, one.kind) for one in found if isinstance(one, Rejected)] == [(at, "half of a pair") for at in (1, 2, 4, 5)]
    assert len(found) == 5
    for text in ("plain words", "<extra_id_1>User\nq", "<extra_id_0>User\nq\n<extra_id_1>Assistant\na",
                 "<extra_id_1>User\n<extra_id_3>q\n<extra_id_1>Assistant\na"):
        (refused, _) = _made(tmp_path / "d.jsonl", [{"text": text}, "{"])
        assert isinstance(refused, Rejected) and refused.line == 1, text


def test_pairs_of_nemo_aligners_preference_optimisation() -> None:
    ask = "<extra_id_0>System\n\n<extra_id_1>User\nq\n<extra_id_1>Assistant\n"
    for prompt, chosen in ((ask, "a\n<extra_id_1>"), ("q", "a")):
        found = parse({"prompt": prompt, "chosen_response": chosen, "rejected_response": "b"}, "f", 1)
        assert [[(m.role, m.content) for m in one.messages] for one in found.conversations] == [
            [("user", "q"), ("assistant", said)] for said in "ab"]
        assert found.values == [1, 0]
