"""Our typed configs as Megatron's TransformerConfig."""

import math

import torch
from megatron.core.transformer.transformer_config import TransformerConfig
from torch.nn.functional import silu

from megatron_qm.config.model import ModelConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.train import PrecisionConfig, RecomputeConfig
from megatron_qm.model.rope import softmax_scale
from megatron_qm.platform.runtime import Platform

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def _leave(weight: torch.Tensor) -> torch.Tensor:
    return weight


def parameter_dtype(precision: PrecisionConfig, platform: Platform) -> torch.dtype:
    return _DTYPES.get(precision.params, platform.dtype)


def transformer_config(
    model: ModelConfig,
    parallel: ParallelConfig,
    platform: Platform,
    precision: PrecisionConfig | None = None,
    recompute: RecomputeConfig | None = None,
) -> TransformerConfig:
    """Megatron's config for this model (resolved), layout and platform."""
    precision, recompute = precision or PrecisionConfig(), recompute or RecomputeConfig()
    dtype = parameter_dtype(precision, platform)
    return TransformerConfig(
        num_layers=model.layers,
        hidden_size=model.hidden_size,
        ffn_hidden_size=model.ffn_hidden_size,
        num_attention_heads=model.heads,
        num_query_groups=model.kv_heads,
        kv_channels=model.head_dim,
        qk_layernorm=model.qk_norm,
        softmax_scale=softmax_scale(model),
        add_qkv_bias=model.qkv_bias,
        add_bias_linear=False,
        normalization="RMSNorm",
        layernorm_epsilon=model.norm_eps,
        gated_linear_unit=True,
        activation_func=silu,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        init_method_std=model.init_std,
        # model/initialize.py fills the weights. `perform_initialization=False` would be the shorter way, but then
        # Megatron-Core 0.16 forgets to mark which parameters are split over TP.
        init_method=_leave,
        output_layer_init_method=_leave,
        params_dtype=dtype,
        bf16=dtype == torch.bfloat16,
        pipeline_dtype=dtype,
        tensor_model_parallel_size=parallel.tp,
        pipeline_model_parallel_size=parallel.pp,
        virtual_pipeline_model_parallel_size=parallel.vpp,
        context_parallel_size=parallel.cp,
        sequence_parallel=parallel.sp,
        tp_comm_overlap=parallel.overlap_tp,
        # The loss is a sum over tokens; gradients are divided by the token count of the whole step at its end.
        # Megatron reads this when DDP is built: set later, DP gradients are silently wrong.
        calculate_per_token_loss=True,
        **_fp8(precision, model),
        **_recompute(recompute, model, parallel),
        **platform.transformer_options,
    )


def _fp8(precision: PrecisionConfig, model: ModelConfig) -> dict[str, object]:
    if precision.fp8 == "none":
        return {}
    first, last = precision.first_layers_bf16, precision.last_layers_bf16
    return {
        "fp8": precision.fp8_format,
        "fp8_recipe": precision.fp8,
        "first_last_layers_bf16": bool(first or last),
        "num_layers_at_start_in_bf16": first,
        "num_layers_at_end_in_bf16": last,
    }


def _recompute(recompute: RecomputeConfig, model: ModelConfig, parallel: ParallelConfig) -> dict[str, object]:
    if recompute.mode == "none":
        return {}
    if recompute.mode == "selective":  # core attention alone (Korthikanti et al. 2022)
        return {"recompute_granularity": "selective"}
    per_chunk = math.ceil(model.layers / (parallel.pp * (parallel.vpp or 1)))
    return {
        "recompute_granularity": "full",
        "recompute_method": "block",
        "recompute_num_layers": recompute.layers or per_chunk,
    }
