"""What `megatron-qm generate` writes is what `rl.saved_rollouts` takes: the same items, and none other."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from megatron_qm.align.digest import digest
from megatron_qm.align.rollouts.prompts import read_requests
from megatron_qm.align.rollouts.replay import SavedRollouts
from megatron_qm.align.rollouts.rollout import Rollout, asked, read_rollouts, write_rollouts
from megatron_qm.cli import main
from megatron_qm.errors import UserError
from megatron_qm.model.generation.request import Completion, Request, Sampling
from megatron_qm.tokenizer import TextTokenizer
from tests.align.stages import command, records, run
from tests.junk import lines

SWEEP = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def generated(tiny: Path, policy: Path, output: Path, *more: str) -> Path:
    """The items' responses as a user would have them for a run: by the run's sampling and stops, of any seed."""
    stops = [word for token in TextTokenizer(tiny / "tokenizer").stops for word in ("--stop-token", str(token))]
    words = ["generate", "--checkpoint", policy, "--prompts", tiny / "items.jsonl", "--output", output, "--samples", "4",
             "--max-new-tokens", "12", "--seed", "77", *stops, *more]
    assert main([str(word) for word in words]) == 0
    return output


def test_logprobs_of_earlier_versions_are_taken_at_temperature_one_alone() -> None:
    """They were of temperature 1 whatever was sampled at, and their digest said no more than prompt, sampling and seed."""
    for heat, same in ((1.0, True), (0.0, True), (0.7, False)):
        sampling = Sampling(temperature=heat)
        assert (asked(Request("a", (1, 2), sampling, 5)) == digest([(1, 2), dataclasses.asdict(sampling), 5])) is same


def test_a_run_learns_from_what_generate_has_written(tiny: Path, policy: Path, tmp_path: Path) -> None:
    """Of its items, under their keys, as often as they are asked: 12 items, and 6 batches of 4 prompts."""
    saved = generated(tiny, policy, tmp_path / "saved.jsonl")
    output, overrides = tmp_path / "run", [f"train.start_from={policy}", f"rl.saved_rollouts=[{saved}]", "train.steps=12"]
    run("rl", tiny / "rl.yaml", output, *overrides)
    written = {rollout.key: rollout for rollout in read_rollouts(saved)}
    assert len(written) == 48
    asked = [rollout for batch in range(6) for rollout in read_rollouts(output / "rollouts" / f"{batch:06d}.jsonl")]
    assert len(asked) == 96 and {rollout.key.split("/", 2)[2] for rollout in asked} == set(written)
    for rollout in asked:
        own = written[rollout.key.split("/", 2)[2]]
        assert (rollout.prompt, rollout.tokens, rollout.logprobs) == (own.prompt, own.tokens, own.logprobs)
    assert len(records(output, "rl")) == 6 and all(record["unscored"] == 0 for record in records(output, "rl"))
    # taken up again by what the run itself has kept
    kept = sorted(map(str, (output / "rollouts").glob("[0-9]?????.jsonl")))
    run("rl", tiny / "rl.yaml", tmp_path / "again", f"train.start_from={policy}", f"rl.saved_rollouts={json.dumps(kept)}",
        "train.steps=12")
    assert [record["reward"] for record in records(tmp_path / "again", "rl")] == [
        record["reward"] for record in records(output, "rl")]


@pytest.mark.parametrize(("overrides", "why"), [
    (["rl.sampling.max_new_tokens=11"], "answers another prompt, seed or sampling"), (["rl.samples=8"], "no rollout of"),
    (["rl.sampling.temperature=0.9"], "answers another prompt, seed or sampling"),
])
def test_what_answers_something_else_is_refused(
    overrides: list[str], why: str, tiny: Path, policy: Path, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    saved = generated(tiny, policy, tmp_path / "saved.jsonl")
    words = command("rl", tiny / "rl.yaml", tmp_path / "run", f"train.start_from={policy}", f"rl.saved_rollouts=[{saved}]",
                    "rl.curriculum.resample=false", *overrides)
    assert main(words[3:]) == 2 and why in capfd.readouterr().err


SAMPLING = Sampling(max_new_tokens=3, stop_tokens=(9,))
ASKED = Request("7/2/an/item#1", (1, 2, 3), SAMPLING, 5)


def rollout(key: str, request: Request = ASKED, **fields: object) -> Rollout:
    done = Rollout.of(request, Completion(key, (4, 5), (-1.0, -2.0), None, "stop"), 3)
    return dataclasses.replace(done, key=key, **fields)


def test_a_rollout_of_an_item_answers_whatever_its_seed(tmp_path: Path) -> None:
    write_rollouts(tmp_path / "a.jsonl", [rollout("an/item#1", dataclasses.replace(ASKED, seed=77), seed=77)])
    engine = SavedRollouts(tmp_path / "a.jsonl", vocabulary=10)
    [found] = engine.generate([ASKED])
    assert found.key == ASKED.key and found.tokens == (4, 5) and found.answers(ASKED)
    assert [one.key for one in engine.generate([ASKED, dataclasses.replace(ASKED, key="8/0/an/item#1")])][1] == "8/0/an/item#1"
    for other in (dataclasses.replace(ASKED, prompt=(1, 2)), dataclasses.replace(ASKED, sampling=Sampling(max_new_tokens=3))):
        with pytest.raises(UserError, match="answers another prompt"):
            engine.generate([other])
    with pytest.raises(UserError, match="no rollout of '7/2/an/item#2', nor of 'an/item#2'"):
        engine.generate([dataclasses.replace(ASKED, key="7/2/an/item#2")])


@pytest.mark.parametrize(("fields", "why"), [
    ({"tokens": (4, 10), "logprobs": (-1.0, -1.0)}, "the token 10, and the model a vocabulary of 10"),
    ({"tokens": (4,) * 4, "logprobs": (-1.0,) * 4}, "answers another prompt"),
])
def test_a_rollout_that_the_run_cannot_learn_from_is_refused(fields: dict[str, object], why: str, tmp_path: Path) -> None:
    write_rollouts(tmp_path / "a.jsonl", [rollout(ASKED.key, **fields)])
    with pytest.raises(UserError, match=why):
        SavedRollouts(tmp_path / "a.jsonl", vocabulary=10).generate([ASKED])


def test_the_prompt_of_an_item_is_a_message_of_the_user(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    rows = [{"task": "exam", "prompt": "Which?", "reference": "A", "label": "x"}, {"prompt": "Which?"}]
    path.write_text("\n".join(map(json.dumps, rows)))
    seen: list[object] = []
    read_requests(path, lambda prompt: seen.append(prompt) or [1], Sampling())
    assert seen == [[{"role": "user", "content": "Which?"}], "Which?"]


GOOD = json.loads(json.dumps(rollout("a").to_json()))


@SWEEP
@given(lines({**GOOD, "behaviour_logprobs": [-1.0, -2.0]}))
def test_a_line_is_a_rollout_or_refused_with_file_and_line(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "rollouts.jsonl"
    path.write_bytes(json.dumps({**GOOD, "key": "first"}).encode() + b"\n" + line + b"\n")
    try:
        _, found = read_rollouts(path)
    except UserError as error:
        assert str(error).startswith(f"{path}, line 2: ")
        return
    write_rollouts(path, [found])
    assert list(read_rollouts(path)) == [found] and max(found.tokens) < 2**31


@SWEEP
@given(lines({"key": "a", "messages": [{"role": "user", "content": "x"}]}) | lines({"id": 3, "prompt": "x"})
       | lines({"prompt": [1, 2], "task": "exam"}))
def test_a_line_is_a_prompt_or_refused_with_file_and_line(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_bytes(b'{"prompt": "first", "key": "first"}\n' + line + b"\n")
    try:
        found = read_requests(path, lambda prompt: [1], Sampling())
    except UserError as error:
        assert str(error).startswith(f"{path}, line 2: ")
        return
    assert all(isinstance(request.key, str) and request.prompt and min(request.prompt) >= 0 for request in found)
