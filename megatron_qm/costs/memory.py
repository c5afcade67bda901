"""Bytes that a rank will hold, by kind, before anything is built.

Activations are counted as Korthikanti et al. 2022 (Reducing Activation Recomputation in Large Transformer Models) count
them: what autograd keeps for the backward pass. Their layer is GPT's; ours has grouped queries, SwiGLU, no dropout, and
attention kernels that never store the scores. Not counted: the CUDA context, NCCL's buffers, workspaces and
fragmentation (together some 2 to 5 GiB on a GPU), norm statistics, and the gathered copies of sequence parallelism.
"""

from dataclasses import dataclass
from typing import Literal

from megatron_qm.config.model import ModelConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.run import RunConfig
from megatron_qm.costs.parameters import adapter_parameters, linear_parameters, parameters_per_rank

_FP32 = 4
_BYTES = {"fp32": 4, "bf16": 2}
GIB = 2**30
KINDS = ("weights", "gradients", "optimizer", "activations", "logits", "reference", "rewards", "cache")
KINDS_OF_RL = ("reference", "rewards", "cache")  # the cache and activations are there in turns


@dataclass(frozen=True)
class RankMemory:
    """Bytes on each rank of pipeline stage `stage`; `parameters` is a count.

    weights: parameters, and under FP8 the two FP8 copies that Transformer Engine keeps of each matrix. gradients: the
    buffer that DDP reduces. optimizer: Adam's two moments and, beside BF16 weights, the FP32 master copy.
    activations: of all micro-batches in flight. logits: logits and the cross entropy's copy of them, for one. With adapters
    gradients and optimizer are theirs alone. Of RL: reference, the frozen weights that KL is taken against; rewards, those of
    reward models; cache, keys and values of the longest rollouts, which are gone when an update begins.
    """

    stage: int
    parameters: int
    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    reference: int = 0
    rewards: int = 0
    cache: int = 0

    @property
    def total(self) -> int:
        kept = self.weights + self.gradients + self.optimizer + self.reference + self.rewards
        return kept + max(self.activations + self.logits, self.cache)


def memory_by_stage(
    config: RunConfig, world_size: int, params: Literal["fp32", "bf16"] | None = None
) -> list[RankMemory]:
    """The memory of a rank of each pipeline stage of `config` (resolved) on `world_size` ranks.

    `params` is the dtype of the parameters; by default what the recipe says, where "auto" means FP32 on device cpu and
    BF16 elsewhere. Raises UserError where the layout does not divide the model or the ranks.
    """
    return [memory_per_rank(config, world_size, stage, params) for stage in range(config.parallel.pp)]


def memory_per_rank(
    config: RunConfig, world_size: int, stage: int, params: Literal["fp32", "bf16"] | None = None
) -> RankMemory:
    """As `memory_by_stage`, for pipeline stage `stage`."""
    model, parallel = config.model, config.parallel
    dtype = params or _parameter_dtype(config)
    dp = parallel.data_parallel(world_size)
    count = parameters_per_rank(model, parallel.tp, parallel.pp, stage)
    weights = count * _BYTES[dtype]
    if config.precision.fp8 != "none":
        weights += 2 * linear_parameters(model) // parallel.tp * _fp8_layers(config) // parallel.pp
    adapters = 0 if config.lora is None else model.layers // parallel.pp * adapter_parameters(model, config.lora, parallel.tp)
    trained = count if config.lora is None else adapters
    in_fp32 = dtype == "fp32" or config.precision.grad_reduce_fp32
    state = trained * _FP32 * (2 if dtype == "fp32" else 3)
    reference, cache = _of_rollouts(config, count, dtype)
    return RankMemory(
        stage=stage,
        parameters=count + adapters,
        weights=weights + adapters * _BYTES[dtype],
        gradients=trained * (_FP32 if in_fp32 else _BYTES[dtype]),
        # The distributed optimizer shards over DP x CP: both see the same weights.
        optimizer=-(-state // (dp * parallel.cp)) if parallel.distributed_optimizer else state,
        activations=_activations(config, dp, stage, dtype),
        logits=_logits(config, dtype) if stage == parallel.pp - 1 else 0,
        reference=reference,
        rewards=_of_others(config, stage, dtype),
        cache=cache,
    )


def _of_rollouts(config: RunConfig, count: int, dtype: str) -> tuple[int, int]:
    """Bytes of frozen models, and of keys and values while generating."""
    model, parallel = config.model, config.parallel
    of_a_token = 2 * model.kv_heads * model.head_dim // parallel.tp * model.layers // parallel.pp * _BYTES[dtype]
    cached = config.rollouts.at_once * config.data.sequence_length if config.rollouts else 0
    return config.frozen_models * count * _BYTES[dtype], cached * of_a_token


def _of_others(config: RunConfig, stage: int, dtype: str) -> int:
    """Bytes of frozen models of other shapes."""
    parallel = config.parallel
    return sum(parameters_per_rank(other.model, parallel.tp, parallel.pp, stage) * _BYTES[other.dtype or dtype]
               for other in config.other_models)


def _parameter_dtype(config: RunConfig) -> Literal["fp32", "bf16"]:
    if config.precision.params != "auto":
        return config.precision.params
    return "fp32" if config.device == "cpu" else "bf16"


def _fp8_layers(config: RunConfig) -> int:
    return config.model.layers - config.precision.first_layers_bf16 - config.precision.last_layers_bf16


def _activations(config: RunConfig, dp: int, stage: int, dtype: str) -> int:
    """Chunks in flight, each with its layers; a recomputed layer keeps only its input, and one at a time is whole."""
    parallel, recompute = config.parallel, config.recompute
    tokens = _tokens(config)
    shared = tokens * config.model.hidden_size * _BYTES[dtype] // (parallel.tp if parallel.sp else 1)
    fp8, fused = config.precision.fp8 != "none", config.device != "cpu"
    layer = layer_activations(config.model, parallel, tokens, dtype, fp8=fp8, fused=fused)
    layers = config.model.layers // (parallel.pp * (parallel.vpp or 1))
    bare = min(layers, recompute.layers or layers) if recompute.mode == "full" else 0
    chunk = (layers - bare) * layer + bare * shared
    if parallel.pp > 1:
        chunk += shared  # its output stays until its gradient arrives
    micro_batches = config.train.global_batch_size // (config.train.micro_batch_size * dp)
    total = chunks_in_flight(parallel, stage, micro_batches) * chunk
    total += layer - shared if bare else 0
    # On the last stage, the inputs of the final norm and of the output layer.
    return total + ((2 if fused else 3) * shared if stage == parallel.pp - 1 else 0)


def layer_activations(
    model: ModelConfig, parallel: ParallelConfig, tokens: int, dtype: str, *, fp8: bool = False, fused: bool = True
) -> int:
    """Bytes that one layer keeps for `tokens` tokens of a rank (micro-batch x sequence / CP).

    Split over TP only under SP, 4h: inputs of the two norms, of QKV and of SwiGLU. Always split: Q, K, V; with qk-norm
    QKV before it as well; the attention's output; SwiGLU's 2f before and f after the gate. Under FP8 the inputs of the
    matrices (h, h, the attention's output, f) are kept in one byte. Without `fused` kernels (CPU) more results stay
    between: one in each norm, two in the gate, Q and K on both sides of RoPE.
    Selective recompute (core attention) changes nothing here: these kernels do not keep the scores in the first place.
    """
    size = _BYTES[dtype]
    linear = 1 if fp8 else size
    hidden, ffn = model.hidden_size, model.ffn_hidden_size
    query, key = model.heads * model.head_dim, model.kv_heads * model.head_dim
    whole = 2 * hidden * (size + linear)
    split = (query + 2 * key) * size + query * (size + linear if fp8 else size) + 2 * ffn * size + ffn * linear
    if model.qk_norm:
        split += (query + 2 * key) * size
    if not fused:
        whole += 2 * hidden * size
        split += (2 * ffn + query + (0 if model.qk_norm else key)) * size
    return int(tokens * (whole / (parallel.tp if parallel.sp else 1) + split / parallel.tp))


def chunks_in_flight(parallel: ParallelConfig, stage: int, micro_batches: int) -> int:
    """Model chunks of `stage` whose activations wait for their backward pass, at the fullest moment.

    1F1B: pp - stage micro-batches. Interleaved: 2 (pp - stage - 1) + (vpp - 1) pp + 1 chunks of 1/vpp of the layers,
    which on the first stage is Korthikanti et al.'s factor 1 + (pp - 1) / (pp vpp).
    """
    after = parallel.pp - stage - 1
    if parallel.vpp is None:
        return min(after + 1, micro_batches)
    return min(2 * after + (parallel.vpp - 1) * parallel.pp + 1, micro_batches * parallel.vpp)


def _logits(config: RunConfig, dtype: str) -> int:
    """BF16 logits and the FP32 copy that becomes the softmax (FP32 logits do so in place); z-loss keeps one more. Of a reward
    model the FP32 copy of what its head multiplies."""
    if config.model.head == "score":
        return _tokens(config) * config.model.hidden_size * _FP32
    per_entry = _FP32 if dtype == "fp32" else _BYTES[dtype] + _FP32
    if config.train.z_loss:
        per_entry += _FP32
    return _tokens(config) * config.model.padded_vocab_size // config.parallel.tp * per_entry


def _tokens(config: RunConfig) -> int:
    return config.train.micro_batch_size * config.data.sequence_length // config.parallel.cp
