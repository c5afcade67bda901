"""LoRA on Megatron's column and row parallel layers, local ones and Transformer Engine's alike.

An adapter is a module beside its layer, `lora_qkv` beside `linear_qkv`, and adds to the layer's output through a forward
hook: the layer and the names of its weights stay what they were, so a checkpoint without adapters fills the base.

Between A and B lie only r numbers per token, and there an adapter talks to the other tensor parallel ranks: the collective
is the one that the layer itself makes, r wide where the layer's is h wide.

                 A             B             forward                    backward
    column       replicated    rows split    - (SP: all-gather)         all-reduce (SP: reduce-scatter)
    row          columns split replicated    all-reduce (SP: r.-sc.)    - (SP: all-gather)

Under sequence parallelism each rank sees the replicated matrix's gradient for its own tokens alone: it is marked as
Megatron marks norms, and summed with them at the end of a step.

Axes: s tokens (of this rank, under sequence parallelism), b sequences, i inputs, o outputs, r rank.
"""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from megatron.core import parallel_state, tensor_parallel
from megatron.core.transformer.mlp import apply_swiglu_sharded_factory
from megatron.core.transformer.transformer_config import TransformerConfig
from megatron.core.transformer.utils import ensure_metadata_has_dp_cp_group, make_sharded_tensors_for_checkpoint
from torch import Tensor, nn

from megatron_qm.config.lora import LoraConfig, is_adapter
from megatron_qm.model.language_model import LanguageModel
from megatron_qm.model.norm import mark_as_replicated
from megatron_qm.model.score_head import is_score_head


@dataclass(frozen=True)
class Place:
    """Where a target is within a layer. gated: its rows are [gate; up], each split over TP on its own."""

    parent: str
    column: bool
    gated: bool = False


PLACES = {
    "qkv": Place("self_attention", column=True),
    "proj": Place("self_attention", column=False),
    "fc1": Place("mlp", column=True, gated=True),
    "fc2": Place("mlp", column=False),
}


class Adapter(nn.Module):
    """The product of `b` [o, r] and `a` [r, i] (this rank's share of them) beside the layer `linear`."""

    def __init__(self, linear: nn.Module, place: Place, lora: LoraConfig, config: TransformerConfig) -> None:
        super().__init__()
        outputs, inputs = linear.get_parameter("weight").shape
        self.a = nn.Parameter(torch.zeros(lora.rank, inputs, dtype=config.params_dtype))
        self.b = nn.Parameter(torch.zeros(outputs, lora.rank, dtype=config.params_dtype))
        self.scale, self.dropout = lora.scale, lora.dropout
        self._place, self._eps = place, config.layernorm_epsilon
        self._sequence_parallel = config.sequence_parallel
        split, replicated, axis = (self.b, self.a, 0) if place.column else (self.a, self.b, 1)
        tensor_parallel.set_tensor_model_parallel_attributes(split, True, axis, 2 if place.gated else 1)
        mark_as_replicated(replicated, config.sequence_parallel)

    def join(
        self, linear: nn.Module, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor | None]
    ) -> tuple[Tensor, Tensor | None]:
        """A forward hook of `linear`: (output [s, b, o], bias) with the adapter's part in it."""
        out_sbo, bias = output
        # By calling the module: Megatron's DDP waits for its freshly gathered parameters in a hook on that.
        return out_sbo + self(self._input(linear, inputs[0])), bias

    def forward(self, x_sbi: Tensor) -> Tensor:
        """alpha / rank * B A x, [s, b, o]."""
        return F.linear(self.scale * self._narrow(x_sbi), self.b)

    def _input(self, linear: nn.Module, x_sbi: Tensor) -> Tensor:
        """What the layer multiplies: Transformer Engine's fused layers take it before its norm."""
        norm = getattr(linear, "layer_norm_weight", None)
        if norm is not None:
            # Once more here: to have the layer return it would turn its overlapped communication off.
            x_sbi = F.rms_norm(x_sbi, norm.shape, norm, self._eps)
        if not (self.training and self.dropout):
            return x_sbi
        # TP ranks that hold the same tokens in full must drop the same ones, or their A would drift apart.
        alike = self._place.column and not self._sequence_parallel
        with nullcontext() if alike else tensor_parallel.get_cuda_rng_tracker().fork():
            return F.dropout(x_sbi, self.dropout)

    def _narrow(self, x_sbi: Tensor) -> Tensor:
        """A x, [s, b, r], of the tokens that B is to multiply on this rank."""
        parallel = self._sequence_parallel
        if self._place.column:
            across = (tensor_parallel.gather_from_sequence_parallel_region if parallel
                      else tensor_parallel.copy_to_tensor_model_parallel_region)
        else:
            across = (tensor_parallel.reduce_scatter_to_sequence_parallel_region if parallel
                      else tensor_parallel.reduce_from_tensor_model_parallel_region)
        low_sbr: Tensor = across(F.linear(x_sbi, self.a))
        return low_sbr

    def sharded_state_dict(
        self, prefix: str = "", sharded_offsets: tuple[tuple[int, int, int], ...] = (),
        metadata: dict[str, object] | None = None,
    ) -> dict[str, object]:
        """Split as the layer's weight is: B along its rows, or A along its columns."""
        state: dict[str, object] = make_sharded_tensors_for_checkpoint(
            self.state_dict(prefix="", keep_vars=True), prefix, {"b": 0} if self._place.column else {"a": 1},
            sharded_offsets, tp_group=parallel_state.get_tensor_model_parallel_group(),
            dp_cp_group=ensure_metadata_has_dp_cp_group(metadata)["dp_cp_group"],
        )
        if self._place.gated:
            state[f"{prefix}b"] = apply_swiglu_sharded_factory(state[f"{prefix}b"], sharded_offsets)
        return state

    @torch.no_grad()
    def product(self) -> Tensor:
        """alpha / rank * B A in FP32, [o, i]: no communication, each rank's share of the weight's is its own."""
        return (self.b.float() @ self.a.float()).mul_(self.scale)


def attach(chunk: LanguageModel, lora: LoraConfig) -> None:
    """Put adapters beside the targets of all layers and freeze everything else but a score head; before DDP and the optimizer
    are built."""
    chunk.lora = lora
    for layer in chunk.decoder.layers:
        for target in lora.targets:
            place = PLACES[target]
            parent = getattr(layer, place.parent)
            linear = getattr(parent, f"linear_{target}")
            adapter = Adapter(linear, place, lora, chunk.config)
            setattr(parent, f"lora_{target}", adapter)
            adapter.hook = linear.register_forward_hook(adapter.join)
    for name, parameter in chunk.named_parameters():
        parameter.requires_grad_(is_adapter(name) or is_score_head(name))
    if chunk.pre_process and chunk.config.recompute_granularity == "full":
        chunk.embedding.register_forward_hook(_start_of_a_graph)


def _start_of_a_graph(_module: nn.Module, _inputs: object, output: Tensor) -> None:
    """Layers that are computed again get gradients only if what comes into them wants one (torch's checkpointing)."""
    if torch.is_grad_enabled():
        output.requires_grad_(True)


@torch.no_grad()
def merge(chunks: Iterable[LanguageModel]) -> None:
    """Add the adapters to the weights, in FP32, and take them away. Not while DDP or an optimizer holds the model."""
    for chunk in chunks:
        for layer in chunk.decoder.layers:
            for target in chunk.lora.targets if chunk.lora else ():
                parent = getattr(layer, PLACES[target].parent)
                adapter, weight = getattr(parent, f"lora_{target}"), getattr(parent, f"linear_{target}").weight
                weight.copy_(adapter.product().add_(weight))
                adapter.hook.remove()
                delattr(parent, f"lora_{target}")
        chunk.lora = None
