"""What a run's keys must satisfy together, each rule beside the feature that it constrains (what a key may be by itself stands
in its type). No torch: a wrong recipe fails at once."""

import math

from megatron_qm.config.bounds import check_bounds
from megatron_qm.config.model import ModelConfig, YarnScaling
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.require import require
from megatron_qm.config.run_config import RunConfig

HOPPER_OR_LATER = ("h100", "h200", "b200")
BLACKWELL = ("b200",)


def check(config: RunConfig) -> None:
    """Raise UserError for the first bound or rule that `config` breaks."""
    check_bounds(config)
    for rule in (_model, _split, _tensor, _pipeline, _context, _batch, _length, _rates, _schedule, _precision, _recompute, _data,
                 _survival, _lora):
        rule(config)


def _model(config: RunConfig) -> None:
    model = config.model
    check_model(model)
    require(
        config.data.sequence_length <= model.longest_sequence,
        f"data.sequence_length = {config.data.sequence_length} is over model.max_positions = {model.longest_sequence}"
        + (" (as YaRN stretches it)" if model.longest_sequence > model.max_positions else ""),
        "data.sequence_length", "model.max_positions", "model.yarn",
    )


def check_model(model: ModelConfig) -> None:
    """Raise BrokenRuleError for the first rule that a resolved model breaks by itself."""
    require(
        model.heads % model.kv_heads == 0,
        f"model.heads = {model.heads} must be a multiple of model.kv_heads = {model.kv_heads}",
        "model.heads", "model.kv_heads",
    )
    require(model.head_dim % 2 == 0, f"model.head_dim = {model.head_dim} must be even (RoPE turns pairs)",
            "model.head_dim", "model.hidden_size", "model.heads")
    require(
        model.rope_scaling is None or model.family == "llama",
        f"model.rope_scaling is Llama 3's scaling; model.family is {model.family!r}: remove it",
        "model.rope_scaling", "model.family",
    )
    scaling = model.rope_scaling
    require(
        scaling is None or scaling.low_freq_factor < scaling.high_freq_factor,
        "model.rope_scaling.low_freq_factor must be below high_freq_factor: wavelengths between them are blended",
        "model.rope_scaling.low_freq_factor", "model.rope_scaling.high_freq_factor",
    )
    if model.yarn is not None:
        _yarn(model, model.yarn)


def _yarn(model: ModelConfig, yarn: YarnScaling) -> None:
    require(model.rope_scaling is None, "model.yarn and model.rope_scaling both stretch RoPE: set one of them to null",
            "model.yarn", "model.rope_scaling")
    require(
        yarn.beta_slow < yarn.beta_fast,
        f"model.yarn.beta_slow = {yarn.beta_slow} must be below beta_fast = {yarn.beta_fast}: what turns more often than "
        "this and less often than that is blended",
        "model.yarn.beta_slow", "model.yarn.beta_fast",
    )
    require(model.rope_theta > 1, f"model.yarn needs model.rope_theta above 1, not {model.rope_theta}: all channels turn alike",
            "model.rope_theta", "model.yarn")


def check_split(model: ModelConfig, parallel: ParallelConfig, of: str = "") -> None:
    """The rules of who holds which share of a model, whatever is done with it. of: who names it, for messages, where it is not
    the one that is trained."""
    split = {
        "model.heads": model.heads, "model.kv_heads": model.kv_heads, "model.ffn_hidden_size": model.ffn_hidden_size,
        "the padded vocabulary": model.padded_vocab_size,
    }
    for key, value in split.items():
        require(
            value % parallel.tp == 0,
            f"{of}parallel.tp = {parallel.tp} does not divide {key} = {value}: each tensor parallel rank holds an equal share",
            "parallel.tp", key,
        )
    pp, vpp = parallel.pp, parallel.vpp
    require(
        model.layers % (pp * (vpp or 1)) == 0,
        f"{of}parallel.pp = {pp}" + (f" x vpp = {vpp}" if vpp else "")
        + f" does not divide model.layers = {model.layers}: each stage holds an equal share",
        "parallel.pp", "parallel.vpp", "model.layers",
    )


def _split(config: RunConfig) -> None:
    check_split(config.model, config.parallel)
    for other in config.other_models:
        check_split(other.model, config.parallel, f"the reward model of {other.key} stands in the ranks at their layout, and ")


def _tensor(config: RunConfig) -> None:
    tp, sp = config.parallel.tp, config.parallel.sp
    require(not sp or tp > 1, "parallel.sp = true needs parallel.tp > 1: sequence parallelism splits over the TP ranks",
            "parallel.sp", "parallel.tp")
    share = tp * config.parallel.cp
    require(
        not sp or config.data.sequence_length % share == 0,
        f"parallel.sp: data.sequence_length = {config.data.sequence_length} must be a multiple of tp x cp = {share}",
        "data.sequence_length", "parallel.sp", "parallel.tp", "parallel.cp",
    )
    require(
        not config.parallel.overlap_tp or sp,
        "parallel.overlap_tp = true needs parallel.sp = true: it overlaps sequence parallel communication",
        "parallel.overlap_tp", "parallel.sp",
    )
    require(
        not config.parallel.overlap_param_gather or config.parallel.distributed_optimizer,
        "parallel.overlap_param_gather = true needs parallel.distributed_optimizer = true: it gathers its shards",
        "parallel.overlap_param_gather", "parallel.distributed_optimizer",
    )
    require(
        not config.parallel.overlap_param_gather or config.parallel.overlap_grad_reduce,
        "parallel.overlap_param_gather = true needs parallel.overlap_grad_reduce = true (a rule of Megatron-Core)",
        "parallel.overlap_param_gather", "parallel.overlap_grad_reduce",
    )


def _pipeline(config: RunConfig) -> None:
    pp, vpp = config.parallel.pp, config.parallel.vpp
    require(vpp is None or pp > 1, f"parallel.vpp = {vpp} needs parallel.pp > 1: it interleaves pipeline stages",
            "parallel.vpp", "parallel.pp")


def _context(config: RunConfig) -> None:
    cp, length = config.parallel.cp, config.data.sequence_length
    require(
        cp == 1 or length % (2 * cp) == 0,
        f"parallel.cp = {cp}: data.sequence_length = {length} must be a multiple of 2 x cp = {2 * cp} (zigzag halves)",
        "parallel.cp", "data.sequence_length",
    )
    require(
        cp == 1 or config.packing is None,
        f"{config.packing} = true does not go with parallel.cp > 1: documents would need padding; set {config.packing}=false",
        str(config.packing), "parallel.cp",
    )


def _batch(config: RunConfig) -> None:
    parallel, train = config.parallel, config.train
    require(
        train.global_batch_size % train.micro_batch_size == 0,
        f"train.global_batch_size = {train.global_batch_size} must be a multiple of "
        f"train.micro_batch_size = {train.micro_batch_size}",
        "train.global_batch_size", "train.micro_batch_size",
    )
    if parallel.devices is not None:
        check_world(config, parallel.devices)


def check_world(config: RunConfig, world_size: int) -> None:
    """The rules that need to know the number of ranks."""
    train, parallel = config.train, config.parallel
    dp = parallel.data_parallel(world_size)
    share = dp * train.micro_batch_size
    layout = ("parallel.devices", "parallel.tp", "parallel.pp", "parallel.cp")
    require(
        train.global_batch_size % share == 0,
        f"train.global_batch_size = {train.global_batch_size} must be a multiple of "
        f"DP {dp} x train.micro_batch_size {train.micro_batch_size} = {share} on {world_size} ranks",
        "train.global_batch_size", "train.micro_batch_size", *layout,
    )
    micro_batches = train.global_batch_size // share
    require(
        parallel.vpp is None or micro_batches % parallel.pp == 0,
        f"parallel.vpp: the {micro_batches} micro-batches of a step must be a multiple of parallel.pp = {parallel.pp}; "
        "change train.global_batch_size",
        "parallel.vpp", "train.global_batch_size", "train.micro_batch_size", *layout,
    )


def _length(config: RunConfig) -> None:
    train = config.train
    given = (train.steps is not None) + (train.tokens is not None)
    require(
        given == 1 or (given == 0 and config.epochs is not None),
        f"set exactly one of train.steps ({train.steps}) and train.tokens ({train.tokens})",
        "train.steps", "train.tokens",
    )


def _rates(config: RunConfig) -> None:
    optimizer = config.optimizer
    require(optimizer.min_lr <= optimizer.lr, f"optimizer.min_lr = {optimizer.min_lr} is above optimizer.lr = {optimizer.lr}",
            "optimizer.min_lr", "optimizer.lr")


def _schedule(config: RunConfig) -> None:
    schedule = config.schedule
    steps = config.total_steps if config.length_known else math.inf
    length = ("train.steps", "train.tokens")
    require(
        schedule.warmup_steps <= steps,
        f"schedule.warmup_steps = {schedule.warmup_steps} is longer than the run of {steps} steps",
        "schedule.warmup_steps", *length,
    )
    require(
        schedule.decay_steps is None or schedule.kind == "wsd",
        f"schedule.decay_steps is for schedule.kind = wsd, not {schedule.kind}",
        "schedule.decay_steps", "schedule.kind",
    )
    require(
        schedule.decay_steps is None or schedule.decay_steps <= steps,
        f"schedule.decay_steps = {schedule.decay_steps} must lie between 1 and the run's {steps} steps",
        "schedule.decay_steps", *length,
    )
    starts = [0, *schedule.rewarmup_at]
    require(
        all(a < b for a, b in zip(starts, starts[1:], strict=False)),
        f"schedule.rewarmup_at = {schedule.rewarmup_at}: steps must rise and be above 0",
        "schedule.rewarmup_at",
    )


def _precision(config: RunConfig) -> None:
    precision, device = config.precision, config.device
    in_bf16 = ("precision.first_layers_bf16", "precision.last_layers_bf16")
    if precision.fp8 == "none":
        held = precision.first_layers_bf16 or precision.last_layers_bf16
        require(not held, "precision.first_layers_bf16 and last_layers_bf16 only mean something with precision.fp8 set",
                *in_bf16, "precision.fp8")
        return
    require(
        device == "auto" or device in HOPPER_OR_LATER,
        f"precision.fp8 = {precision.fp8} needs a Hopper GPU or later (device: {', '.join(HOPPER_OR_LATER)}); "
        f"device is {device}: set precision.fp8=none",
        "precision.fp8", "device",
    )
    require(
        precision.fp8 != "mxfp8" or device in ("auto", *BLACKWELL),
        f"precision.fp8 = mxfp8 needs a Blackwell GPU (device: b200), not {device}; on Hopper use blockwise",
        "precision.fp8", "device",
    )
    require(precision.params != "fp32", f"precision.fp8 = {precision.fp8} needs precision.params = bf16",
            "precision.params", "precision.fp8")
    held = precision.first_layers_bf16 + precision.last_layers_bf16
    require(
        held < config.model.layers,
        f"precision: {held} first and last layers in BF16 leave none of the {config.model.layers} layers for FP8",
        *in_bf16, "model.layers",
    )
    require(
        held == 0 or precision.fp8 != "delayed",
        "precision.first_layers_bf16 and last_layers_bf16 do not go with fp8 = delayed (a rule of Megatron-Core); "
        "use tensorwise or blockwise",
        *in_bf16, "precision.fp8",
    )


def _recompute(config: RunConfig) -> None:
    recompute = config.recompute
    require(
        recompute.layers is None or recompute.mode == "full",
        f"recompute.layers = {recompute.layers} needs recompute.mode = full, not {recompute.mode}",
        "recompute.layers", "recompute.mode",
    )
    per_stage = config.model.layers // (config.parallel.pp * (config.parallel.vpp or 1))
    require(
        recompute.layers is None or recompute.layers <= per_stage,
        f"recompute.layers = {recompute.layers} is over the {per_stage} layers of a pipeline stage",
        "recompute.layers", "parallel.pp", "parallel.vpp", "model.layers",
    )


def _data(config: RunConfig) -> None:
    for kind in ("sources", "validation"):
        names = [source.name for source in getattr(config.data, kind)]
        twice = {name for name in names if names.count(name) > 1}
        for index, name in enumerate(names):
            require(
                bool(name.strip()) and not {"", ".", ".."} & set(name.split("/")) and name.isprintable(),
                f"data.{kind}.{index}.name = {name!r} names no dataset in metrics and the ledger: use letters, digits, -, _ and, "
                "between folders, /",
                f"data.{kind}.{index}.name",
            )
        require(not twice, f"data.{kind}: the name {', '.join(sorted(twice))} is given twice", f"data.{kind}")
    for index, source in enumerate(config.data.sources):
        if isinstance(source.weight, list):
            _weight_schedule(source.weight, f"data.sources.{index}.weight")


def _weight_schedule(points: list[tuple[float, float]], key: str) -> None:
    require(len(points) > 0, f"{key}: the schedule has no points", key)
    tokens = [at for at, _ in points]
    require(
        all(a < b for a, b in zip(tokens, tokens[1:], strict=False)),
        f"{key}: the token counts of the schedule must rise from 0",
        key,
    )


def _survival(config: RunConfig) -> None:
    watchdog, checkpoint = config.watchdog, config.checkpoint
    require(
        watchdog.limit_seconds == 0 or watchdog.limit_seconds >= 2 * watchdog.beat_seconds,
        f"watchdog.limit_seconds = {watchdog.limit_seconds} must be 0 (off) or at least two beats of "
        f"watchdog.beat_seconds = {watchdog.beat_seconds}",
        "watchdog.limit_seconds", "watchdog.beat_seconds",
    )
    require(
        (checkpoint.local is None) == (checkpoint.local_every is None),
        f"set checkpoint.local ({checkpoint.local}) and checkpoint.local_every ({checkpoint.local_every}) both or neither",
        "checkpoint.local", "checkpoint.local_every",
    )


def _lora(config: RunConfig) -> None:
    lora = config.lora
    if lora is None:
        return
    require(len(lora.targets) > 0, "lora.targets is empty: nothing would be trained; name some of qkv, proj, fc1, fc2",
            "lora.targets")
    require(
        len(set(lora.targets)) == len(lora.targets),
        f"lora.targets = {lora.targets}: each layer gets one adapter, name it once", "lora.targets",
    )
