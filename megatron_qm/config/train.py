"""Length, batch, optimizer, schedule and numbers of a training run."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class ScheduleConfig:
    """Learning rate over steps: linear warm-up, then `kind`; a re-warm-up starts such a cycle anew.

    `wsd`: warm-up, stable, then decay over the last `decay_steps` (Hu et al. 2024, MiniCPM, section 4).
    """

    kind: Literal["cosine", "wsd", "linear", "constant"] = "cosine"
    warmup_steps: int = 0
    decay_steps: int | None = None  # wsd: length of the decay (default: a tenth of the cycle)
    decay_style: Literal["linear", "cosine", "sqrt"] = "sqrt"  # wsd: form of the decay
    rewarmup_at: list[int] = field(default_factory=list)  # steps at which warm-up and decay start anew


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW as Megatron runs it; names follow Megatron's `OptimizerConfig`."""

    lr: float = 3.0e-4
    min_lr: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.95
    eps: float = 1.0e-8
    weight_decay: float = 0.1
    decay_norms_and_biases: bool = False  # 1-D parameters are left out of weight decay otherwise
    decay_embeddings: bool = True
    clip_grad: float = 1.0  # 0 turns clipping off


@dataclass(frozen=True)
class PrecisionConfig:
    params: Literal["auto", "fp32", "bf16"] = "auto"  # auto: bf16 on GPUs, fp32 on CPU
    fp8: Literal["none", "delayed", "tensorwise", "blockwise", "mxfp8"] = "none"
    fp8_format: Literal["hybrid", "e4m3"] = "hybrid"
    first_layers_bf16: int = 0  # layers at the start that stay in BF16 under FP8
    last_layers_bf16: int = 0
    grad_reduce_fp32: bool = True  # accumulate and reduce gradients in FP32


@dataclass(frozen=True)
class RecomputeConfig:
    mode: Literal["none", "selective", "full"] = "none"
    layers: int | None = None  # full: layers per pipeline stage that are recomputed (default: all)


@dataclass(frozen=True)
class TrainConfig:
    steps: int | None = None  # set steps or tokens
    tokens: float | None = None
    global_batch_size: int = 8  # sequences per step
    micro_batch_size: int = 1  # sequences per forward pass and DP rank
    seed: int = 1234
    z_loss: float = 0.0  # weight of mean(logsumexp(logits)^2) (PaLM, section 5)
    log_every: int = 1
    validate_every: int | None = None
    start_from: str | None = None  # checkpoint whose weights start the run (imported, or of another run)
    init_model_only: bool = True  # start_from: take weights only; the optimizer and the data start fresh


@dataclass(frozen=True)
class CheckpointConfig:
    every: int | None = None  # steps; the last step is always saved
    keep_last: int = 2
    keep_every: int | None = None  # steps whose checkpoints stay for good
    asynchronous: bool = False
    resume: Literal["auto", "never"] = "auto"  # auto: go on from the newest good checkpoint in the output folder
    local: str | None = None  # a folder on each node's own disk for a second, faster copy of the newest state
    local_every: int | None = None  # steps between local copies (needs checkpoint.local)


@dataclass(frozen=True)
class GuardConfig:
    """Which steps make no update. A loss or gradient that is not finite never does; the bounds below by choice."""

    max_grad_norm: float | None = None  # skip the update above this norm (before clipping)
    spike_factor: float | None = None  # skip above this many times the median norm of the last `window` updates
    window: int = 64
    max_in_a_row: int = 5  # so many refused steps one after the other end the run with exit code 3


@dataclass(frozen=True)
class WatchdogConfig:
    """Heartbeats of every rank in the run's folder, and the end of a job that hangs (exit code 74)."""

    limit_seconds: float = 600.0  # without any progress on a rank; 0 turns the watchdog off, heartbeats stay
    beat_seconds: float = 2.0


@dataclass(frozen=True)
class ObserveConfig:
    tensorboard: bool = False
    wandb_project: str | None = None
    peak_tflops: float | None = None  # per device, for MFU; default: by the GPU's name
    stragglers_every: int = 50  # steps between comparisons of the ranks' own speed; 0: never
    entropy: bool = False  # report the mean entropy of the predictions that are learnt from
    probes: str | None = None  # JSON lines of knowledge probes (needs data.tokenizer), scored before and after the run
    items: str | None = None  # JSON lines of items as for `evaluate` (needs data.tokenizer), answered likewise
    items_max_tokens: int = 64  # of an answer
    # Functions that those items may ask for: module:function, or name=module:function (docs/extending.md).
    verifiers: list[str] = field(default_factory=list)
    examine_every: int | None = None  # steps between examinations by probes and items, beside the first and the last
