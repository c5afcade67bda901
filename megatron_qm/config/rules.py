"""What a run's keys must satisfy, each rule beside the feature that it constrains. No torch: a wrong recipe fails at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from megatron_qm.errors import UserError

if TYPE_CHECKING:
    from megatron_qm.config.run import RunConfig

HOPPER_OR_LATER = ("h100", "h200", "b200")
BLACKWELL = ("b200",)


def check(config: RunConfig) -> None:
    """Raise UserError for the first rule that `config` breaks."""
    for rule in (_positive, _model, _tensor, _pipeline, _context, _batch, _length, _schedule, _precision, _recompute, _data,
                 _survival, _lora):
        rule(config)


def require(holds: bool, message: str | Callable[[], str]) -> None:
    """Raises UserError with `message` unless it holds."""
    if not holds:
        raise UserError(message() if callable(message) else message)


def _positive(config: RunConfig) -> None:
    model, parallel, train, data = config.model, config.parallel, config.train, config.data
    at_least_one = {
        "model.layers": model.layers, "model.hidden_size": model.hidden_size, "model.heads": model.heads,
        "model.ffn_hidden_size": model.ffn_hidden_size, "model.kv_heads": model.kv_heads,
        "model.head_dim": model.head_dim, "model.vocab_size": model.vocab_size,
        "model.max_positions": model.max_positions, "model.pad_vocab_to_multiple_of": model.pad_vocab_to_multiple_of,
        "parallel.tp": parallel.tp, "parallel.pp": parallel.pp, "parallel.cp": parallel.cp, "parallel.vpp": parallel.vpp,
        "parallel.devices": parallel.devices, "train.steps": train.steps, "train.tokens": train.tokens,
        "train.global_batch_size": train.global_batch_size, "train.micro_batch_size": train.micro_batch_size,
        "train.log_every": train.log_every, "train.validate_every": train.validate_every,
        "data.sequence_length": data.sequence_length, "data.block_size": data.block_size,
        "data.validation_sequences": data.validation_sequences, "checkpoint.every": config.checkpoint.every,
        "checkpoint.keep_last": config.checkpoint.keep_last, "checkpoint.keep_every": config.checkpoint.keep_every,
        "recompute.layers": config.recompute.layers, "checkpoint.local_every": config.checkpoint.local_every,
        "observe.examine_every": config.observe.examine_every, "observe.items_max_tokens": config.observe.items_max_tokens,
        "guard.window": config.guard.window, "guard.max_in_a_row": config.guard.max_in_a_row,
    }
    for key, value in at_least_one.items():
        require(value is None or value >= 1, f"{key} = {value}: must be 1 or more")
    not_negative = {
        "optimizer.lr": config.optimizer.lr, "optimizer.min_lr": config.optimizer.min_lr,
        "optimizer.weight_decay": config.optimizer.weight_decay, "optimizer.clip_grad": config.optimizer.clip_grad,
        "schedule.warmup_steps": config.schedule.warmup_steps, "train.z_loss": train.z_loss, "train.seed": train.seed,
        "data.seed": data.seed, "precision.first_layers_bf16": config.precision.first_layers_bf16,
        "precision.last_layers_bf16": config.precision.last_layers_bf16,
        "observe.stragglers_every": config.observe.stragglers_every,
    }
    for key, value in not_negative.items():
        require(value >= 0, f"{key} = {value}: must not be negative")
    for key in ("beta1", "beta2"):
        value = getattr(config.optimizer, key)
        require(0 <= value < 1, f"optimizer.{key} = {value}: must lie in [0, 1)")
    require(config.optimizer.eps > 0, f"optimizer.eps = {config.optimizer.eps}: must be above 0")
    require(
        config.optimizer.min_lr <= config.optimizer.lr,
        f"optimizer.min_lr = {config.optimizer.min_lr} is above optimizer.lr = {config.optimizer.lr}",
    )


def _model(config: RunConfig) -> None:
    model = config.model
    require(
        model.heads % model.kv_heads == 0,
        f"model.heads = {model.heads} must be a multiple of model.kv_heads = {model.kv_heads}",
    )
    require(model.head_dim % 2 == 0, f"model.head_dim = {model.head_dim} must be even (RoPE turns pairs)")
    require(
        model.rope_scaling is None or model.family == "llama",
        f"model.rope_scaling is Llama 3's scaling; model.family is {model.family!r}: remove it",
    )
    require(
        config.data.sequence_length <= model.max_positions,
        f"data.sequence_length = {config.data.sequence_length} is over model.max_positions = {model.max_positions}",
    )


def _tensor(config: RunConfig) -> None:
    model, tp, sp = config.model, config.parallel.tp, config.parallel.sp
    split = {
        "model.heads": model.heads, "model.kv_heads": model.kv_heads, "model.ffn_hidden_size": model.ffn_hidden_size,
        "the padded vocabulary": model.padded_vocab_size,
    }
    for key, value in split.items():
        require(
            value % tp == 0,
            f"parallel.tp = {tp} does not divide {key} = {value}: each tensor parallel rank holds an equal share",
        )
    require(not sp or tp > 1, "parallel.sp = true needs parallel.tp > 1: sequence parallelism splits over the TP ranks")
    share = tp * config.parallel.cp
    require(
        not sp or config.data.sequence_length % share == 0,
        f"parallel.sp: data.sequence_length = {config.data.sequence_length} must be a multiple of tp x cp = {share}",
    )
    require(
        not config.parallel.overlap_tp or sp,
        "parallel.overlap_tp = true needs parallel.sp = true: it overlaps sequence parallel communication",
    )
    require(
        not config.parallel.overlap_param_gather or config.parallel.distributed_optimizer,
        "parallel.overlap_param_gather = true needs parallel.distributed_optimizer = true: it gathers its shards",
    )
    require(
        not config.parallel.overlap_param_gather or config.parallel.overlap_grad_reduce,
        "parallel.overlap_param_gather = true needs parallel.overlap_grad_reduce = true (a rule of Megatron-Core)",
    )


def _pipeline(config: RunConfig) -> None:
    layers, pp, vpp = config.model.layers, config.parallel.pp, config.parallel.vpp
    chunks = pp * (vpp or 1)
    require(
        layers % chunks == 0,
        f"parallel.pp = {pp}" + (f" x vpp = {vpp}" if vpp else "")
        + f" does not divide model.layers = {layers}: each stage holds an equal share",
    )
    require(vpp is None or pp > 1, f"parallel.vpp = {vpp} needs parallel.pp > 1: it interleaves pipeline stages")
    require(vpp is None or vpp > 1, "parallel.vpp = 1 interleaves nothing: leave it out or set 2 or more")


def _context(config: RunConfig) -> None:
    cp, length = config.parallel.cp, config.data.sequence_length
    require(
        cp == 1 or length % (2 * cp) == 0,
        f"parallel.cp = {cp}: data.sequence_length = {length} must be a multiple of 2 x cp = {2 * cp} (zigzag halves)",
    )
    require(
        cp == 1 or config.packing is None,
        f"{config.packing} = true does not go with parallel.cp > 1: documents would need padding; set {config.packing}=false",
    )


def _batch(config: RunConfig) -> None:
    parallel, train = config.parallel, config.train
    require(
        train.global_batch_size % train.micro_batch_size == 0,
        f"train.global_batch_size = {train.global_batch_size} must be a multiple of "
        f"train.micro_batch_size = {train.micro_batch_size}",
    )
    if parallel.devices is not None:
        check_world(config, parallel.devices)


def check_world(config: RunConfig, world_size: int) -> None:
    """The rules that need to know the number of ranks."""
    train, parallel = config.train, config.parallel
    dp = parallel.data_parallel(world_size)
    share = dp * train.micro_batch_size
    require(
        train.global_batch_size % share == 0,
        f"train.global_batch_size = {train.global_batch_size} must be a multiple of "
        f"DP {dp} x train.micro_batch_size {train.micro_batch_size} = {share} on {world_size} ranks",
    )
    micro_batches = train.global_batch_size // share
    require(
        parallel.vpp is None or micro_batches % parallel.pp == 0,
        f"parallel.vpp: the {micro_batches} micro-batches of a step must be a multiple of parallel.pp = {parallel.pp}; "
        "change train.global_batch_size",
    )


def _length(config: RunConfig) -> None:
    train = config.train
    given = (train.steps is not None) + (train.tokens is not None)
    require(
        given == 1 or (given == 0 and config.epochs is not None),
        f"set exactly one of train.steps ({train.steps}) and train.tokens ({train.tokens})",
    )


def _schedule(config: RunConfig) -> None:
    schedule = config.schedule
    steps = config.total_steps if config.length_known else math.inf
    require(
        schedule.warmup_steps <= steps,
        f"schedule.warmup_steps = {schedule.warmup_steps} is longer than the run of {steps} steps",
    )
    require(
        schedule.decay_steps is None or schedule.kind == "wsd",
        f"schedule.decay_steps is for schedule.kind = wsd, not {schedule.kind}",
    )
    require(
        schedule.decay_steps is None or 1 <= schedule.decay_steps <= steps,
        f"schedule.decay_steps = {schedule.decay_steps} must lie between 1 and the run's {steps} steps",
    )
    starts = [0, *schedule.rewarmup_at]
    require(
        all(a < b for a, b in zip(starts, starts[1:], strict=False)),
        f"schedule.rewarmup_at = {schedule.rewarmup_at}: steps must rise and be above 0",
    )


def _precision(config: RunConfig) -> None:
    precision, device = config.precision, config.device
    if precision.fp8 == "none":
        held = precision.first_layers_bf16 or precision.last_layers_bf16
        require(not held, "precision.first_layers_bf16 and last_layers_bf16 only mean something with precision.fp8 set")
        return
    require(
        device == "auto" or device in HOPPER_OR_LATER,
        f"precision.fp8 = {precision.fp8} needs a Hopper GPU or later (device: {', '.join(HOPPER_OR_LATER)}); "
        f"device is {device}: set precision.fp8=none",
    )
    require(
        precision.fp8 != "mxfp8" or device in ("auto", *BLACKWELL),
        f"precision.fp8 = mxfp8 needs a Blackwell GPU (device: b200), not {device}; on Hopper use blockwise",
    )
    require(precision.params != "fp32", f"precision.fp8 = {precision.fp8} needs precision.params = bf16")
    held = precision.first_layers_bf16 + precision.last_layers_bf16
    require(
        held < config.model.layers,
        f"precision: {held} first and last layers in BF16 leave none of the {config.model.layers} layers for FP8",
    )
    require(
        held == 0 or precision.fp8 != "delayed",
        "precision.first_layers_bf16 and last_layers_bf16 do not go with fp8 = delayed (a rule of Megatron-Core); "
        "use tensorwise or blockwise",
    )


def _recompute(config: RunConfig) -> None:
    recompute = config.recompute
    require(
        recompute.layers is None or recompute.mode == "full",
        f"recompute.layers = {recompute.layers} needs recompute.mode = full, not {recompute.mode}",
    )
    per_stage = config.model.layers // (config.parallel.pp * (config.parallel.vpp or 1))
    require(
        recompute.layers is None or recompute.layers <= per_stage,
        f"recompute.layers = {recompute.layers} is over the {per_stage} layers of a pipeline stage",
    )


def _data(config: RunConfig) -> None:
    for kind in ("sources", "validation"):
        names = [source.name for source in getattr(config.data, kind)]
        twice = {name for name in names if names.count(name) > 1}
        require(not twice, f"data.{kind}: the name {', '.join(sorted(twice))} is given twice")
    for index, source in enumerate(config.data.sources):
        key = f"data.sources.{index}.weight"
        points = source.weight if isinstance(source.weight, list) else [(0.0, source.weight)]
        require(len(points) > 0, f"{key}: the schedule has no points")
        require(all(weight >= 0 for _, weight in points), f"{key} = {source.weight}: weights must not be negative")
        tokens = [at for at, _ in points]
        require(
            tokens[0] >= 0 and all(a < b for a, b in zip(tokens, tokens[1:], strict=False)),
            f"{key}: the token counts of the schedule must rise from 0",
        )


def _survival(config: RunConfig) -> None:
    guard, watchdog, checkpoint = config.guard, config.watchdog, config.checkpoint
    bound, factor = guard.max_grad_norm, guard.spike_factor
    require(bound is None or bound > 0, f"guard.max_grad_norm = {bound}: must be above 0")
    require(factor is None or factor > 1, f"guard.spike_factor = {factor}: must be above 1")
    require(watchdog.beat_seconds > 0, f"watchdog.beat_seconds = {watchdog.beat_seconds}: must be above 0")
    require(
        watchdog.limit_seconds == 0 or watchdog.limit_seconds >= 2 * watchdog.beat_seconds,
        f"watchdog.limit_seconds = {watchdog.limit_seconds} must be 0 (off) or at least two beats of "
        f"watchdog.beat_seconds = {watchdog.beat_seconds}",
    )
    require(
        (checkpoint.local is None) == (checkpoint.local_every is None),
        f"set checkpoint.local ({checkpoint.local}) and checkpoint.local_every ({checkpoint.local_every}) both or neither",
    )


def _lora(config: RunConfig) -> None:
    lora = config.lora
    if lora is None:
        return
    require(lora.rank >= 1, f"lora.rank = {lora.rank}: must be 1 or more")
    require(lora.alpha > 0, f"lora.alpha = {lora.alpha}: must be above 0")
    require(0 <= lora.dropout < 1, f"lora.dropout = {lora.dropout}: must lie in [0, 1)")
    require(len(lora.targets) > 0, "lora.targets is empty: nothing would be trained; name some of qkv, proj, fc1, fc2")
    require(
        len(set(lora.targets)) == len(lora.targets), f"lora.targets = {lora.targets}: each layer gets one adapter, name it once"
    )
