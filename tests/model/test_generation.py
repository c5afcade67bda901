"""Generation on the training weights: transformers' greedy tokens, the scorer's log-probs, one answer at every layout."""

from pathlib import Path
from typing import Any

import pytest
import torch

from megatron_qm.hf.import_hf import import_hf
from tests.distributed import run_ranks
from tests.hf.models import VOCAB, save_random_model
from tests.model.generation_runs import NEW, digits, prompts, sampled

FAMILIES = ("qwen2", "qwen3-tied", "llama", "qwen2-yarn")  # sequences of the last are past its original length
TWO: dict[str, dict[str, Any]] = {
    "TP2": {"checkpoint": "qwen2", "tp": 2},
    "TP2+SP": {"checkpoint": "qwen3-tied", "tp": 2, "sp": True},
    "PP2": {"checkpoint": "llama", "pp": 2},
    "PP2 tied": {"checkpoint": "qwen3-tied", "pp": 2},
    "PP2 VPP2": {"checkpoint": "qwen2", "pp": 2, "vpp": 2},
    "DP2 wrapped, gathering parameters late": {
        "checkpoint": "qwen3-tied", "wrapped": True, "distributed_optimizer": True, "overlap_grad_reduce": True,
        "overlap_param_gather": True,
    },
    "CP2": {"checkpoint": "llama", "cp": 2},
    "TP2+SP YaRN": {"checkpoint": "qwen2-yarn", "tp": 2, "sp": True},
    "PP2 YaRN": {"checkpoint": "qwen2-yarn", "pp": 2},
    "CP2 YaRN": {"checkpoint": "qwen2-yarn", "cp": 2},
}
FOUR: dict[str, dict[str, Any]] = {"TP2+SP PP2": {"checkpoint": "qwen2", "tp": 2, "sp": True, "pp": 2}}
LAYOUTS = TWO | FOUR
ALTERED = "qwen2 with a hook on a layer"


@pytest.fixture(scope="module")
def hf_greedy(models: Path) -> dict[str, list[list[int]]]:
    """transformers' own continuation of each prompt, alone and without a cache of ours."""
    return {name: _hf_greedy(models / "hf" / name) for name in FAMILIES}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("generation")
    for name in FAMILIES:
        save_random_model(root / "hf" / name, name)
        import_hf(root / "hf" / name, root / name)
    return root


@torch.no_grad()
def _hf_greedy(folder: Path) -> list[list[int]]:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    found = []
    for prompt in prompts(VOCAB):
        row = model.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long), do_sample=False,
            min_new_tokens=NEW, max_new_tokens=NEW, pad_token_id=0, eos_token_id=None,
        )[0]
        found.append(row[len(prompt):].tolist())
    return found


@pytest.fixture(scope="module")
def alone(models: Path) -> dict[str, Any]:
    cases = {name: {"checkpoint": name} for name in FAMILIES}
    return _run(models, 1, cases | {ALTERED: {"checkpoint": "qwen2", "altered": True}})[0]


@pytest.fixture(scope="module")
def together(models: Path) -> list[dict[str, Any]]:
    two, four = _run(models, 2, TWO), _run(models, 4, FOUR)
    return [*({name: rank[name] for name in TWO} for rank in two), *four]


def _run(models: Path, ranks: int, cases: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    full = {name: case | {"checkpoint": str(models / case["checkpoint"])} for name, case in cases.items()}
    return run_ranks("tests.model.generation_runs:run_cases", ranks, full, timeout=200)


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_tokens_are_those_of_transformers(family: str, alone: dict, hf_greedy: dict) -> None:
    assert alone[family]["greedy"] == hf_greedy[family]
    assert len({tuple(tokens) for tokens in hf_greedy[family]}) > 3  # the prompts matter


@pytest.mark.parametrize("family", (*FAMILIES, ALTERED))
def test_logprobs_sum_to_the_scorers(family: str, alone: dict) -> None:
    found = alone[family]
    sums = [sum(completion["logprobs"]) for completion in found["sampled"]]
    assert sums == pytest.approx(found["scores"], abs=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_response_does_not_depend_on_its_batch(family: str, alone: dict) -> None:
    _same(alone[family]["again"], alone[family]["sampled"])
    _same(alone[family]["joined"], alone[family]["sampled"])


def test_responses_end_as_their_requests_say(alone: dict) -> None:
    reasons = set()
    for request, found in zip(sampled(VOCAB), alone["qwen2"]["sampled"], strict=True):
        sampling, tokens = request.sampling, found["tokens"]
        stops = [i for i, token in enumerate(tokens) if token in sampling.stop_tokens]
        reasons.add(found["finish_reason"])
        assert all(i >= sampling.min_tokens - 1 for i in stops)
        if found["finish_reason"] == "stop":
            assert stops == [len(tokens) - 1]
        else:
            assert not stops and len(tokens) == sampling.max_new_tokens
    assert reasons == {"stop", "length"}


def test_what_stands_on_a_module_is_part_of_the_model(alone: dict) -> None:
    assert alone[ALTERED]["greedy"] != alone["qwen2"]["greedy"]
    # so the layouts with TP below compare the modules with what does without them
    assert alone[ALTERED]["lean"] == [False] and [alone[family]["lean"] for family in FAMILIES] == [[True]] * len(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_stop_string_ends_a_response_with_the_token_that_completes_it(family: str, alone: dict, hf_greedy: dict) -> None:
    ended = 0
    for found, whole in zip(alone[family]["stop strings"], hf_greedy[family], strict=True):
        ends = [n for n in range(2, NEW + 1) if any(string in digits(whole[:n]) for string in ("17", "23 4"))]
        assert found["tokens"] == whole[: (ends or [NEW])[0]]
        assert found["finish_reason"] == ("stop_string" if ends else "length")
        ended += bool(ends)
    assert ended


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same(layout: str, alone: dict, together: list) -> None:
    expected = alone[LAYOUTS[layout]["checkpoint"]]
    ranks = [rank[layout] for rank in together if layout in rank]
    assert len(ranks) >= 2
    for found in ranks:
        assert found["greedy"] == expected["greedy"]
        _same(found["sampled"], expected["sampled"])
        _same(found["joined"], expected["sampled"])
        sums = [sum(completion["logprobs"]) for completion in found["sampled"]]
        assert sums == pytest.approx(found["scores"], abs=1e-4)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bad_weights_on_one_rank_are_said_on_all(layout: str, together: list) -> None:
    for found in (rank[layout] for rank in together if layout in rank):
        assert "has the log-probability nan: the weights hold NaN or infinity" in found["broken"]


def _same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        for name in ("key", "tokens", "finish_reason"):
            assert ours[name] == theirs[name]
        for name in ("logprobs", "behaviour_logprobs"):
            assert ours[name] == pytest.approx(theirs[name], abs=2e-5)
