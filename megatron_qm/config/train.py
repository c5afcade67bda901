"""Length, batch, optimizer, schedule and numbers of a training run."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval, Le

from megatron_qm.config.bounds import Layers, NotNegative, Seconds, Seed, Sequences, Steps, StepsOrZero, Tokens

_LearningRate = Annotated[float, Ge(0), Le(10)]
_LayersOrZero = Annotated[int, Ge(0), Le(10_000)]


@dataclass(frozen=True)
class ScheduleConfig:
    """Learning rate over steps: linear warm-up, then `kind`; a re-warm-up starts such a cycle anew.

    `wsd`: warm-up, stable, then decay over the last `decay_steps` (Hu et al. 2024, MiniCPM, section 4).
    """

    kind: Literal["cosine", "wsd", "linear", "constant"] = "cosine"  # the shape after warm-up
    warmup_steps: StepsOrZero = 0  # steps of linear warm-up
    decay_steps: Steps | None = None  # wsd: length of the decay (default: a tenth of the cycle)
    decay_style: Literal["linear", "cosine", "sqrt"] = "sqrt"  # wsd: form of the decay
    rewarmup_at: list[Steps] = field(default_factory=list)  # steps at which warm-up and decay start anew


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW as Megatron runs it; names follow Megatron's `OptimizerConfig`."""

    lr: _LearningRate = 3.0e-4  # the highest learning rate
    min_lr: _LearningRate = 0.0  # the learning rate at the end of a decay
    beta1: Annotated[float, Interval(ge=0, lt=1)] = 0.9  # decay of the first moment
    beta2: Annotated[float, Interval(ge=0, lt=1)] = 0.95  # decay of the second moment
    eps: Annotated[float, Gt(0), Le(1)] = 1.0e-8  # added to the root of the second moment
    weight_decay: Annotated[float, Ge(0), Le(10)] = 0.1  # decoupled: this times the learning rate is taken off weights
    decay_norms_and_biases: bool = False  # whether weight decay holds for 1-D parameters
    decay_embeddings: bool = True  # whether weight decay holds for embeddings
    clip_grad: NotNegative = 1.0  # norm that gradients are clipped to; 0 turns clipping off


@dataclass(frozen=True)
class PrecisionConfig:
    """Number formats of weights, products and gradients."""

    params: Literal["auto", "fp32", "bf16"] = "auto"  # auto: bf16 on GPUs, fp32 on CPU
    # Recipe of FP8 scaling (Hopper or later; mxfp8: Blackwell).
    fp8: Literal["none", "delayed", "tensorwise", "blockwise", "mxfp8"] = "none"
    fp8_format: Literal["hybrid", "e4m3"] = "hybrid"  # hybrid: E5M2 for gradients, E4M3 for the rest
    first_layers_bf16: _LayersOrZero = 0  # layers at the start that stay in BF16 under FP8
    last_layers_bf16: _LayersOrZero = 0  # layers at the end that stay in BF16 under FP8
    grad_reduce_fp32: bool = True  # accumulate and reduce gradients in FP32


@dataclass(frozen=True)
class RecomputeConfig:
    """What is computed again in the backward pass instead of kept."""

    # What is recomputed in the backward pass: nothing, core attention, or whole layers.
    mode: Literal["none", "selective", "full"] = "none"
    layers: Layers | None = None  # full: layers per pipeline stage that are recomputed (default: all)


@dataclass(frozen=True)
class TrainConfig:
    """Length, batches and start of the run."""

    steps: Steps | None = None  # length of the run in steps; set steps or tokens
    tokens: Tokens | None = None  # length of the run in tokens, rounded up to whole steps
    global_batch_size: Sequences = 8  # sequences per step
    micro_batch_size: Sequences = 1  # sequences per forward pass and DP rank
    seed: Seed = 1234  # of initial weights and random number generators
    z_loss: Annotated[float, Ge(0), Le(1)] = 0.0  # weight of mean(logsumexp(logits)^2) (PaLM, section 5)
    log_every: Steps = 1  # steps between records in metrics.jsonl
    validate_every: Steps | None = None  # steps between validations; null: none
    start_from: str | None = None  # checkpoint whose weights start the run (imported, or of another run)
    init_model_only: bool = True  # start_from: take weights only; the optimizer and the data start fresh


@dataclass(frozen=True)
class CheckpointConfig:
    """When checkpoints are written, and which stay."""

    every: Steps | None = None  # steps between checkpoints; the last step is always saved
    keep_last: Annotated[int, Ge(1), Le(1_000_000)] = 2  # newest checkpoints that are kept
    keep_every: Steps | None = None  # steps whose checkpoints stay for good
    asynchronous: bool = False  # write while training goes on
    resume: Literal["auto", "never"] = "auto"  # auto: go on from the newest good checkpoint in the output folder
    local: str | None = None  # a folder on each node's own disk for a second, faster copy of the newest state
    local_every: Steps | None = None  # steps between local copies (needs checkpoint.local)


@dataclass(frozen=True)
class GuardConfig:
    """Which steps make no update. A loss or gradient that is not finite never does; the bounds below by choice."""

    max_grad_norm: Annotated[float, Gt(0), Le(1e12)] | None = None  # skip the update above this norm (before clipping)
    # Skip above this many times the median norm of the last `window` updates.
    spike_factor: Annotated[float, Gt(1), Le(1e6)] | None = None
    window: Annotated[int, Ge(1), Le(100_000)] = 64  # updates that spike_factor looks back on
    max_in_a_row: Annotated[int, Ge(1), Le(1_000_000)] = 5  # so many refused steps on end stop the run with exit code 3


@dataclass(frozen=True)
class WatchdogConfig:
    """Heartbeats of every rank in the run's folder, and the end of a job that hangs (exit code 74)."""

    # Without any progress on a rank; 0 turns the watchdog off, heartbeats stay.
    limit_seconds: Annotated[float, Ge(0), Le(10_000_000)] = 600.0
    beat_seconds: Seconds = 2.0  # between two heartbeats of a rank


@dataclass(frozen=True)
class ObserveConfig:
    """What is measured and examined beside the loss."""

    tensorboard: bool = False  # write TensorBoard event files as well (extra tracking)
    wandb_project: str | None = None  # send metrics to this project of Weights & Biases as well (extra tracking)
    peak_tflops: Annotated[float, Gt(0), Le(1e6)] | None = None  # per device, for MFU; default: by the GPU's name
    stragglers_every: StepsOrZero = 50  # steps between comparisons of the ranks' own speed; 0: never
    entropy: bool = False  # report the mean entropy of the predictions that are learnt from
    probes: str | None = None  # JSON lines of knowledge probes (needs data.tokenizer), scored before and after the run
    items: str | None = None  # JSON lines of items as for `evaluate` (needs data.tokenizer), answered likewise
    items_max_tokens: Annotated[int, Ge(1), Le(1_000_000)] = 64  # tokens of an answer to an item
    # Functions that those items may ask for: module:function, or name=module:function (docs/extending.md).
    verifiers: list[str] = field(default_factory=list)
    examine_every: Steps | None = None  # steps between examinations by probes and items, beside the first and the last
