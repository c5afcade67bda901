"""What Megatron holds on each of two ranks: parameters by layout, and the activations that autograd keeps."""

from dataclasses import dataclass
from typing import Any

import torch

from megatron_qm.config.lora import LoraConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.train import RecomputeConfig
from tests.costs.shapes import shape
from tests.distributed import run_ranks

SEQUENCE, BATCH = 64, 8
_SMALL = {"layers": 3, "hidden_size": 64, "ffn_hidden_size": 160, "heads": 4, "kv_heads": 4, "head_dim": 16}
_PARAMETERS = [
    {"parallel": layout, "model": model}
    for layout in ({"tp": 2, "sp": True}, {"pp": 2}, {"pp": 2, "vpp": 2})
    for model in ({"family": "qwen3", "tied_embeddings": True}, {"family": "qwen2"},
                  {"family": "qwen3", "tied_embeddings": True, "head": "score"})
] + [
    {"parallel": layout, "model": {"family": "qwen3"}, "lora": lora}
    for layout in ({"tp": 2, "sp": True}, {"pp": 2})
    for lora in ({"rank": 4}, {"rank": 2, "targets": ["proj", "fc1"]})
]
_ACTIVATIONS = [
    {"parallel": layout, "model": {**_SMALL, "family": family}, "mode": mode}
    for layout in ({"tp": 2, "sp": True}, {"tp": 2})
    for family in ("qwen3", "llama")
    for mode in ("none", "selective", "full")
]


@dataclass(frozen=True)
class Megatron:
    """(case, [what rank 0 holds, what rank 1 holds]): counts of parameters, bytes of activations."""

    parameters: list[tuple[dict, list[int]]]
    activations: list[tuple[dict, list[int]]]


def measure_all() -> Megatron:
    by_rank = run_ranks("tests.costs.megatron_builds:measure", 2, _PARAMETERS, _ACTIVATIONS, timeout=300.0)
    return Megatron(*(
        list(zip(cases, map(list, zip(*kinds, strict=True)), strict=True))
        for cases, kinds in zip((_PARAMETERS, _ACTIVATIONS), zip(*by_rank, strict=True), strict=True)
    ))


def measure(parameters: list[dict], activations: list[dict]) -> tuple[list[int], list[int]]:
    """In a rank."""
    from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment

    ranks = ranks_from_environment()
    platform = choose_platform("cpu", ranks.local_rank)
    with process_group(platform, ranks), platform.scope():
        return [_build(case, platform, _count) for case in parameters], [
            _build(case, platform, _kept) for case in activations
        ]


def _build(case: dict, platform: Any, look: Any) -> int:
    from megatron_qm.model.build import build_model
    from tests.groups import passing_groups

    parallel = ParallelConfig(**case["parallel"])
    with passing_groups(parallel):
        platform.seed(0)
        recompute = RecomputeConfig(case.get("mode", "none"))
        lora = LoraConfig(**case["lora"]) if "lora" in case else None
        return look(build_model(shape(**case["model"]), parallel, platform, recompute=recompute, lora=lora))


def _count(chunks: list[torch.nn.Module]) -> int:
    return sum(parameter.numel() for chunk in chunks for parameter in chunk.parameters())


def _kept(chunks: list[torch.nn.Module]) -> int:
    """Bytes of the distinct floating point storages that a forward pass keeps, parameters left out."""
    (chunk,) = chunks
    own = {parameter.untyped_storage().data_ptr() for parameter in chunk.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.is_floating_point() and tensor.untyped_storage().data_ptr() not in own:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    tokens_bs = torch.zeros(BATCH, SEQUENCE, dtype=torch.long)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        chunk(tokens_bs, tokens_bs, None, labels=tokens_bs)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
