"""What keys of `rl` must satisfy together, and what is said where they do not."""

import pytest

from megatron_qm.config.rl import RlRun
from megatron_qm.config.rl_rules import check_rl
from megatron_qm.config.run import load_run
from megatron_qm.errors import UserError

MODEL = ["model={shape: qwen3-0.6b}", "data.tokenizer=x"]
VLLM = "rl.vllm={folder: x}"


@pytest.mark.parametrize(("overrides", "said"), [
    (["rl.loss.dual_clip=3", "rl.loss.kind=cispo"], "rl.loss.dual_clip bounds the ratio of ppo and gspo"),
    (["rl.loss.dual_clip=1"], "rl.loss.dual_clip = 1.0: must be above 1"),
    (["rl.curriculum.by=difficulty"], "would never be asked again; set rl.curriculum.rehearse"),
    (["rl.curriculum.by=difficulty", "rl.curriculum.rehearse=0.1", "rl.curriculum.resample=false"], "lets none leave"),
    (["rl.verifier={seconds: 30, grader: {base: 'http://127.0.0.1:1/v1', model: m}}"],
     "rl.verifier.seconds = 30 must be over rl.verifier.grader.seconds = 30"),
    (["rl.verifier={grader: {base: 'http://127.0.0.1:1/v1', model: m, samples: 0}}"], "samples = 0: must be 1 or more"),
    (["rl.verifier={grader: {model: m}}"], "rl.verifier.grader.base"),
    ([VLLM, "rl.sampling.temperature=0.7", "rl.sampling.top_p=0.9"], "vLLM tells no log-probabilities at a temperature before"),
    ([VLLM, "rl.sampling.temperature=0.7", "rl.sampling.top_k=9"], "vLLM tells no log-probabilities at a temperature before"),
])
def test_what_does_not_go_together_is_refused(overrides: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_run("rl-tiny-cpu", [*MODEL, *overrides], RlRun, rules=check_rl)


@pytest.mark.parametrize("overrides", [
    ["rl.loss.dual_clip=3"], ["rl.loss.dual_clip=3", "rl.loss.kind=gspo"], [VLLM, "rl.sampling.temperature=0.7"],
    [VLLM, "rl.sampling.top_p=0.9"], ["rl.curriculum.by=difficulty", "rl.curriculum.rehearse=0.1"],
    ["rl.sampling.temperature=0.7", "rl.sampling.top_p=0.9"],
])
def test_what_does_go_together_is_taken(overrides: list[str]) -> None:
    load_run("rl-tiny-cpu", [*MODEL, *overrides], RlRun, rules=check_rl)
