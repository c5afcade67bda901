"""The time of a step from arithmetic: products, what is sent over which link, the pipeline's bubble, the optimizer.

All is per GPU and step, in seconds and bytes. The model is simple on purpose: it ranks layouts and shows what a step
spends its time on; measured runs log how far it was off (docs/planning.md).
"""

import math
from dataclasses import dataclass

from megatron_qm.config.run import RunConfig
from megatron_qm.costs.flops import training_flops_per_token
from megatron_qm.costs.memory import RankMemory, memory_per_rank
from megatron_qm.costs.parameters import linear_parameters, parameter_count
from megatron_qm.plan.hardware import Assumptions, Gpu

_BF16, _FP32 = 2, 4


@dataclass(frozen=True)
class Traffic:
    """Bytes that a GPU sends in a step, by what for. tp and cp run on NVLink while they fit into a node."""

    tp: float
    cp: float
    pp: float
    dp: float
    on_nvlink: float
    on_network: float


@dataclass(frozen=True)
class Prediction:
    """Seconds of a step and their parts: `compute`, communication that is not hidden, `bubble`, `optimizer`, and of RL
    `rollouts`, as if each response were as long as it may be.

    memory: of the fullest pipeline stage. buffers: bytes beside it (`buffer_bytes`). mfu: against the peak of the recipe's
    precision. traffic: bytes per GPU.
    """

    step_seconds: float
    compute: float
    tp: float
    cp: float
    pp: float
    dp: float
    bubble: float
    optimizer: float
    rollouts: float
    tokens_per_second: float
    mfu: float
    memory: RankMemory
    buffers: float
    traffic: Traffic

    @property
    def bytes(self) -> float:
        """Of a rank, in all that is counted."""
        return self.memory.total + self.buffers

    @property
    def bubble_share(self) -> float:
        return self.bubble / self.step_seconds


def predict(config: RunConfig, world_size: int, gpu: Gpu, assumptions: Assumptions | None = None) -> Prediction:
    """What `config` (resolved and legal on `world_size` ranks) would do on `gpu`s."""
    given = assumptions or Assumptions()
    parallel, train = config.parallel, config.train
    dp = parallel.data_parallel(world_size)
    micro_batches = train.global_batch_size // (train.micro_batch_size * dp)
    memory = fullest_stage(config, world_size)
    traffic = _traffic(config, dp, micro_batches, memory.parameters, gpu)
    compute = _compute(config, world_size, gpu, given)
    node, network = gpu.node_bandwidth * given.node, gpu.network_bandwidth * given.network
    inside = parallel.tp * parallel.cp <= gpu.gpus_per_node
    tp = traffic.tp / (node if parallel.tp <= gpu.gpus_per_node else network)
    tp *= 1 - (given.hidden_tp if parallel.overlap_tp else 0.0)
    cp = traffic.cp / (node if inside else network) * (1 - given.hidden_cp)
    steady = compute + tp + cp
    bubble = steady * (parallel.pp - 1) / (micro_batches * (parallel.vpp or 1))
    # Interleaving sends more often but overlaps sending with the other chunks' work; plain 1F1B waits.
    pp = traffic.pp / network * (0.3 if parallel.vpp else 1.0)
    data_link = node if parallel.tp * parallel.cp * dp <= gpu.gpus_per_node else network
    dp_seconds = traffic.dp / data_link * (1 - (given.hidden_dp if parallel.overlap_grad_reduce else 0.0))
    optimizer = _optimizer_bytes(memory) / gpu.memory_bandwidth
    rollouts = _rollout_seconds(config, dp, gpu, given)
    step = steady + bubble + pp + dp_seconds + optimizer + rollouts
    rate = config.tokens_per_step / step
    peak = gpu.fp8 if config.precision.fp8 != "none" else gpu.bf16
    mfu = rate * training_flops_per_token(config.model, config.data.sequence_length, lora=config.lora) / world_size / peak
    return Prediction(
        step, compute, tp, cp, pp, dp_seconds, bubble, optimizer, rollouts, rate, mfu, memory, buffer_bytes(config), traffic
    )


def _rollout_seconds(config: RunConfig, dp: int, gpu: Gpu, given: Assumptions) -> float:
    """Decoding is bound by memory: every token of the responses in flight reads the weights once, and the keys and values of
    what stands before it (half of the row, on average); pipeline stages take turns. Each layer launches its kernels."""
    asked, model, parallel = config.rollouts, config.model, config.parallel
    if asked is None:
        return 0.0
    mine = math.ceil(asked.responses / dp)
    together = min(mine, asked.at_once)
    weights = parameter_count(model) * _BF16 / parallel.tp
    cache = together * config.data.sequence_length / 2 * 2 * model.kv_heads * model.head_dim * model.layers * _BF16 / parallel.tp
    token = (weights + cache) / (gpu.memory_bandwidth * given.decode) + model.layers * given.decode_layer_us * 1e-6
    return math.ceil(mine / together) * asked.tokens * token


def buffer_bytes(config: RunConfig) -> float:
    """What communication holds for a moment. SP: the gathered input of a layer and its gradient. PP: what a stage sends and
    receives, forward and back. CP: the next rank's K and V, and their gradients, while its own are in use."""
    model, parallel = config.model, config.parallel
    tokens = config.train.micro_batch_size * config.data.sequence_length / parallel.cp
    activation = tokens * model.hidden_size * _BF16
    gathered = 2 * activation if parallel.sp else 0.0
    boundary = 4 * activation / (parallel.tp if parallel.sp else 1) if parallel.pp > 1 else 0.0
    ring = 4 * tokens * 2 * model.kv_heads * model.head_dim * _BF16 / parallel.tp if parallel.cp > 1 else 0.0
    return gathered + boundary + ring


def fullest_stage(config: RunConfig, world_size: int) -> RankMemory:
    """The first stage keeps most activations, the last the logits; those between are never the fullest."""
    stages = {0, config.parallel.pp - 1}
    return max((memory_per_rank(config, world_size, stage) for stage in stages), key=lambda memory: memory.total)


def _compute(config: RunConfig, world_size: int, gpu: Gpu, given: Assumptions) -> float:
    """Products of the layers at the recipe's precision; attention, logits and the rest in BF16."""
    model, tokens = config.model, config.tokens_per_step / world_size
    # forward, two gradients, the forward pass again, and those that only score
    passes = (4 if config.recompute.mode == "full" else 3) + config.scored
    linear = 2 * model.layers * linear_parameters(model) * tokens * passes
    keys = (config.data.sequence_length + 1) / 2
    attention = 4 * model.layers * model.heads * model.head_dim * keys * tokens * (passes + 0.5)  # its backward is 2.5 forwards
    logits = 2 * model.hidden_size * model.output_rows * tokens * (3 + config.scored)
    held = config.precision.first_layers_bf16 + config.precision.last_layers_bf16
    in_fp8 = (model.layers - held) / model.layers if config.precision.fp8 != "none" else 0.0
    # What reward models read of it, once: the products of their layers.
    judged = sum(2 * other.model.layers * linear_parameters(other.model) for other in config.other_models) * tokens
    bf16, size = gpu.bf16 * given.gemm_bf16, _size_efficiency(config, given.half_size)
    seconds = (linear * (1 - in_fp8) + logits + judged) / bf16
    if in_fp8:
        seconds += linear * in_fp8 / (gpu.fp8 * given.gemm_fp8)
    return seconds / size + attention / (gpu.bf16 * given.attention) + given.other * linear / bf16


def _size_efficiency(config: RunConfig, half: float) -> float:
    """Thin products fill a GPU badly: rows are the tokens of a micro-batch, columns a TP rank's share of the FFN."""
    rows = config.train.micro_batch_size * config.data.sequence_length / config.parallel.cp
    columns = config.model.ffn_hidden_size / config.parallel.tp
    return rows / (rows + half) * columns / (columns + half)


def _traffic(config: RunConfig, dp: int, micro_batches: int, parameters: int, gpu: Gpu) -> Traffic:
    """Bytes sent per GPU and step. Ring collectives over n ranks send (n - 1) / n of the gathered size.

    TP (Korthikanti et al. 2022, section 4.2.2): under SP a layer gathers and scatters four times forward, and backward
    four times and twice more for the weight gradients; without SP four all-reduces of twice that size each. CP: K and V
    go round the ring, and their gradients back. PP: a micro-batch's activations forward and gradients back, per chunk. DP:
    gradients are reduce-scattered, weights gathered.
    """
    model, parallel = config.model, config.parallel
    tokens = config.train.micro_batch_size * config.data.sequence_length / parallel.cp
    layers = model.layers / parallel.pp
    activation = tokens * model.hidden_size * _BF16
    times = 10 if parallel.sp else 8
    tp = times * activation * (parallel.tp - 1) / parallel.tp * layers * micro_batches
    keys_values = tokens * 2 * model.kv_heads * model.head_dim * _BF16 / parallel.tp
    cp = 3 * keys_values * (parallel.cp - 1) * layers * micro_batches
    boundary = activation / (parallel.tp if parallel.sp else 1)
    pp = 2 * boundary * micro_batches * (parallel.vpp or 1) if parallel.pp > 1 else 0.0
    shards = dp * parallel.cp
    gradient = _FP32 if config.precision.grad_reduce_fp32 else _BF16
    data = parameters * (gradient + _BF16) * (shards - 1) / shards
    nvlink = sum(amount for amount, ranks in ((tp, parallel.tp), (cp, parallel.tp * parallel.cp), (data, parallel.tp * shards))
                 if ranks <= gpu.gpus_per_node)
    return Traffic(tp, cp, pp, data, nvlink, tp + cp + pp + data - nvlink)


def _optimizer_bytes(memory: RankMemory) -> float:
    """Read and written by an update: moments and master weights both ways, gradients read, weights written."""
    return 2 * memory.optimizer + memory.gradients + memory.weights
