"""What the ranks of test_rollouts_megatron.py do: weights under HF names, and two engines side by side."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from megatron.core import parallel_state
from torch.nn import Module

from megatron_qm.align.rollouts.compare import check_logprobs, compare_logprobs
from megatron_qm.align.rollouts.dispatch import dispatch
from megatron_qm.align.rollouts.engine import MegatronEngine
from megatron_qm.align.rollouts.vllm_engine import VllmEngine, VllmOutput
from megatron_qm.align.rollouts.weights import fingerprint, hf_named_tensors
from megatron_qm.checkpoint.manifest import model_of, read_manifest
from megatron_qm.checkpoint.store import CheckpointStore
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.train import CheckpointConfig, PrecisionConfig
from megatron_qm.model.build import build_model
from megatron_qm.model.generation.request import Request, Sampling
from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment
from megatron_qm.train.optimizer import data_parallel
from tests.groups import passing_groups
from tests.hf.models import tensors


class Transformers:
    """Stands where vLLM would: a model of its own, which knows nothing but the tensors it is given by name."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoConfig, AutoModelForCausalLM

        torch.manual_seed(99)
        self._model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder)).eval()

    def load_weights(self, named: Iterable[tuple[str, torch.Tensor]]) -> None:
        state = {name: tensor.clone() for name, tensor in named}
        missing = self._model.load_state_dict(state, strict=False).missing_keys
        assert set(missing) <= {"lm_head.weight"}  # tied

    @torch.no_grad()
    def generate(self, prompts: Sequence[list[int]], sampling: Sequence[dict[str, Any]]) -> list[VllmOutput]:
        return [self._greedy(prompt, params["max_tokens"]) for prompt, params in zip(prompts, sampling, strict=True)]

    def _greedy(self, prompt: list[int], count: int) -> VllmOutput:
        tokens, logprobs = list(prompt), []
        for _ in range(count):
            row_v = self._model(torch.tensor([tokens])).logits[0, -1].log_softmax(-1)
            tokens.append(int(row_v.argmax()))
            logprobs.append(float(row_v[tokens[-1]]))
        return VllmOutput(tokens[len(prompt):], logprobs, "length")


def requests() -> list[Request]:
    prompts = [(3, 1, 4), (1,), (5, 9, 2, 6, 5), (3, 5), (8, 9, 7, 9, 3, 2, 3)]
    return [Request(f"q{i}", prompt, Sampling(temperature=0.0, max_new_tokens=6)) for i, prompt in enumerate(prompts)]


def run_cases(root: str, cases: dict[str, dict[str, Any]]) -> dict[str, Any]:
    platform = choose_platform("cpu")
    torch.set_num_threads(1)
    with process_group(platform, ranks_from_environment()), platform.scope():
        return {name: _run(platform, Path(root), name, dict(case)) for name, case in cases.items()}


def _run(platform: Any, root: Path, name: str, case: dict[str, Any]) -> dict[str, Any]:
    family = case.pop("model")
    model, layout = model_of(read_manifest(root / family)), ParallelConfig(**case)
    with passing_groups(layout):
        platform.seed(1)
        chunks = build_model(model, layout, platform, PrecisionConfig(params="fp32"))
        CheckpointStore(root / "unused", CheckpointConfig(), platform).load_weights(root / family, chunks, None)
        wrapped = data_parallel(chunks, layout, PrecisionConfig(params="fp32"))
        weights = {"fingerprints": _fingerprints(chunks), "differing": _differing(chunks, model, root / "hf" / family)}
        return weights | _engines(wrapped, model, root, family, name)


def _fingerprints(chunks: list[Module]) -> list[str]:
    """Of the weights; with a bit of one number of one rank changed; and with it put back."""
    found, number = [fingerprint(chunks)], next(chunks[-1].parameters()).data.reshape(-1)[:1].view(torch.int32)
    for bit in (1, 1):
        if dist.get_rank() == dist.get_world_size() - 1 or parallel_state.get_data_parallel_world_size() > 1:
            number ^= bit
        found.append(fingerprint(chunks))
    return found


def _differing(chunks: list[Module], model: Any, folder: Path) -> list[str]:
    stored, found = tensors(folder), dict(hf_named_tensors(chunks, model))
    wrong = [key for key in found.keys() & stored.keys() if not torch.equal(found[key], stored[key])]
    return sorted(wrong) + sorted((found.keys() ^ stored.keys()) - {"lm_head.weight"})


def _engines(wrapped: list[Module], model: Any, root: Path, family: str, name: str) -> dict[str, Any]:
    ours, theirs = MegatronEngine(wrapped, version=1), VllmEngine(Transformers(root / "hf" / family), model)
    theirs.update_weights(wrapped, version=1)
    found = [dispatch(engine, requests(), root / f"{name}-{n}.jsonl", 1, batch=3) for n, engine in enumerate((ours, theirs))]
    gap = compare_logprobs(*([one.logprobs for one in rollouts] for rollouts in found))
    check_logprobs(gap, mean_bound=1e-5, largest_bound=1e-4)
    return {"tokens": [[one.tokens for one in rollouts] for rollouts in found], "gap": gap.largest}
