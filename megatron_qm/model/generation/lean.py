"""A chunk's layers without Megatron's modules around the products: the same weights, the same arithmetic.

On a CPU more than half of a decoding step is Python between small products. `lean_layers` gives a function that does what
the local layer spec does (model/layer_specs.py) on the parameters themselves, where it can be sure of that: no tensor
parallelism, exactly the module types of that spec, and no hooks. Anything else (Transformer Engine, LoRA's modules, hooks)
goes through the modules.

Axes: t tokens of a step, h hidden, n query heads, g key/value heads, p = n / g + 1 query heads of a group and its key head,
d channels of a head.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from megatron.core.tensor_parallel import ColumnParallelLinear, RowParallelLinear
from megatron.core.transformer.attention import SelfAttention
from megatron.core.transformer.identity_op import IdentityOp
from megatron.core.transformer.mlp import MLP
from megatron.core.transformer.transformer_layer import TransformerLayer
from torch import Tensor, nn

from megatron_qm.model.generation.cache import CachedAttention
from megatron_qm.model.language_model import LanguageModel
from megatron_qm.model.norm import RMSNorm

Layers = Callable[[Tensor, Tensor], Tensor]


def lean_layers(chunk: LanguageModel) -> Layers | None:
    """(hidden [t, 1, h], RoPE angles [t, 1, 1, d]) -> hidden after the chunk's layers and its final norm; None where the
    chunk is not one of local layers alone. For as long as its layers attend through a cache (cache.py)."""
    config = chunk.config
    layers = list(chunk.decoder.layers)
    final = chunk.decoder.final_layernorm
    unusual = (
        config.tensor_model_parallel_size > 1 or not config.gated_linear_unit or config.activation_func is not F.silu
        or config.add_bias_linear or config.rotary_interleaved or config.apply_residual_connection_post_layernorm
        or config.fp32_residual_connection or config.fp8
    )
    if unusual or not all(map(_is_plain, layers)) or not (final is None or _is(final, RMSNorm)):
        return None
    steps = [_Layer.of(layer) for layer in layers]

    def run(hidden_t1h: Tensor, angles_t11d: Tensor) -> Tensor:
        hidden_th = hidden_t1h[:, 0]
        cosine, sine = angles_t11d.cos()[:, 0].to(hidden_th.dtype), angles_t11d.sin()[:, 0].to(hidden_th.dtype)
        half = sine.shape[-1] // 2
        sine = torch.cat([-sine[..., :half], sine[..., half:]], dim=-1)[:, None]
        for step in steps:
            hidden_th = step(hidden_th, cosine[:, None], sine)
        return (hidden_th if final is None else final(hidden_th))[:, None]

    return run


@dataclass(frozen=True)
class _Layer:
    """One layer's modules, looked up once."""

    attention_norm: RMSNorm
    qkv: ColumnParallelLinear
    head_norm_pd: Tensor | None  # weights of the norms of queries and keys, side by side as their heads are
    core: CachedAttention
    projection: RowParallelLinear
    mlp_norm: RMSNorm
    gate_up: ColumnParallelLinear
    down: RowParallelLinear
    groups: int
    channels: int

    @classmethod
    def of(cls, layer: TransformerLayer) -> "_Layer":
        attention, mlp = layer.self_attention, layer.mlp
        groups, heads = attention.num_query_groups_per_partition, attention.num_attention_heads_per_partition
        head_norm_pd = None
        if _or_none(attention.q_layernorm) is not None:
            head_norm_pd = torch.stack([attention.q_layernorm.weight] * (heads // groups) + [attention.k_layernorm.weight])
        return cls(
            layer.input_layernorm, attention.linear_qkv, head_norm_pd, attention.core_attention, attention.linear_proj,
            layer.pre_mlp_layernorm, mlp.linear_fc1, mlp.linear_fc2, groups, attention.hidden_size_per_attention_head,
        )

    def __call__(self, hidden_th: Tensor, cosine_t11d: Tensor, sine_t11d: Tensor) -> Tensor:
        mixed_th = F.linear(_norm(self.attention_norm, hidden_th), self.qkv.weight, self.qkv.bias)
        mixed = mixed_th.view(len(hidden_th), self.groups, -1, self.channels)  # by group: its queries, its key, its value
        turned_tgpd, value_tgd = mixed[:, :, :-1], mixed[:, :, -1]
        if self.head_norm_pd is not None:
            turned_tgpd = F.rms_norm(turned_tgpd, (self.channels,), eps=self.attention_norm.eps) * self.head_norm_pd
        # RoPE: the halves of a head change places; the sine carries the sign
        swapped_tgpd = turned_tgpd.roll(self.channels // 2, dims=-1)
        turned_tgpd = torch.addcmul(turned_tgpd * cosine_t11d, swapped_tgpd, sine_t11d)
        query_tnd = turned_tgpd[:, :, :-1].reshape(len(hidden_th), -1, self.channels)
        out_th = self.core.attend(query_tnd, turned_tgpd[:, :, -1], value_tgd).flatten(1)
        hidden_th = hidden_th + F.linear(out_th, self.projection.weight)
        gate_tf, up_tf = F.linear(_norm(self.mlp_norm, hidden_th), self.gate_up.weight).chunk(2, dim=-1)
        return hidden_th + F.linear(F.silu(gate_tf).mul_(up_tf), self.down.weight)


def _norm(norm: RMSNorm, x: Tensor) -> Tensor:
    return F.rms_norm(x, norm.normalized_shape, norm.weight, norm.eps)


def _or_none(norm: nn.Module | None) -> nn.Module | None:
    return None if norm is None or type(norm) is IdentityOp else norm


def _is_plain(layer: TransformerLayer) -> bool:
    """Just what the local spec builds, and nothing that was put in or onto it since."""
    if not _is(layer, TransformerLayer) or not _is(layer.self_attention, SelfAttention) or not _is(layer.mlp, MLP):
        return False
    attention, mlp = layer.self_attention, layer.mlp
    norms = [_or_none(norm) for norm in (attention.q_layernorm, attention.k_layernorm)]
    return (
        (norms == [None, None] or all(_is(norm, RMSNorm) for norm in norms))
        and all(_is(norm, RMSNorm) for norm in (layer.input_layernorm, layer.pre_mlp_layernorm))
        and len({norm.eps for norm in (layer.input_layernorm, *norms) if norm is not None}) == 1
        and all(_is(linear, ColumnParallelLinear) for linear in (attention.linear_qkv, mlp.linear_fc1))
        and all(_is(linear, RowParallelLinear) for linear in (attention.linear_proj, mlp.linear_fc2))
        and _is(attention.core_attention, CachedAttention)
    )


def _is(module: nn.Module | None, kind: type) -> bool:
    if module is None or module._forward_hooks or module._forward_pre_hooks:
        return False
    return type(module) is kind and "forward" not in vars(module)
