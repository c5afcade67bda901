"""Random weights that do not depend on the layout: each parameter is drawn by its global name, then cut to this rank.

Megatron draws from one generator per rank, so another TP or PP gives another model. Here TP2xPP2 starts from the very
weights of one process, which makes every layout comparable with every other.
"""

import hashlib
import math
from collections.abc import Iterable

import torch
from megatron.core import parallel_state
from megatron.core.transformer.transformer_layer import get_transformer_layer_offset

from megatron_qm.config.lora import is_adapter
from megatron_qm.model.language_model import LanguageModel

# Megatron scales the projections that end in the residual stream by 1/sqrt(2 * layers) (GPT-2).
_RESIDUAL = ("linear_proj.weight", "linear_fc2.weight")
# fc1 holds [gate; up], each split over TP on its own.
_GATED = ("linear_fc1.weight",)


@torch.no_grad()
def initialize(chunks: Iterable[LanguageModel], seed: int) -> None:
    """Fill every parameter of this rank's model chunks in place: normal(0, init_std), ones for norms, zeros for biases.

    Adapters of LoRA start as nothing: A Kaiming uniform, B zeros."""
    for chunk in chunks:
        offset = get_transformer_layer_offset(chunk.config, chunk.vp_stage)
        for name, parameter in chunk.named_parameters():
            name = _global_name(name, offset)
            if "norm" in name.rsplit(".", 2)[-2] or "layer_norm" in name:
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)
            elif name.endswith("bias") or (is_adapter(name) and name.endswith(".b")):
                parameter.zero_()
            else:
                parameter.copy_(_draw(name, parameter, chunk, seed))


def _global_name(name: str, layer_offset: int) -> str:
    """`decoder.layers.0.x` of the second stage is `decoder.layers.<offset>.x` of the model."""
    parts = name.split(".")
    if parts[:2] == ["decoder", "layers"]:
        parts[2] = str(int(parts[2]) + layer_offset)
    # a tied output layer on the last stage starts as the embedding that it is tied to
    tied = name == "output_layer.weight"
    return "embedding.word_embeddings.weight" if tied else ".".join(parts)


def _draw(name: str, parameter: torch.Tensor, chunk: LanguageModel, seed: int) -> torch.Tensor:
    config = chunk.config
    ranks = parallel_state.get_tensor_model_parallel_world_size()
    rank = parallel_state.get_tensor_model_parallel_rank()
    axis: int = getattr(parameter, "partition_dim", -1)
    shape = list(parameter.shape)
    if axis >= 0:
        shape[axis] *= ranks
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    generator = torch.Generator(device=parameter.device).manual_seed(int.from_bytes(digest[:7], "big"))
    whole = torch.empty(shape, device=parameter.device)
    if is_adapter(name):
        torch.nn.init.kaiming_uniform_(whole, math.sqrt(5), generator=generator)  # as torch's Linear, and so LoRA's, does
    else:
        residual = math.sqrt(2 * config.num_layers) if name.endswith(_RESIDUAL) else 1.0
        whole.normal_(0.0, config.init_method_std / residual, generator=generator)
    if axis < 0:
        return whole
    if name.endswith(_GATED):
        return torch.cat([half.chunk(ranks, axis)[rank] for half in whole.chunk(2, axis)], axis)
    share: torch.Tensor = whole.chunk(ranks, axis)[rank]
    return share
