"""What a run would be: the resolved config, its layout, size and memory per rank. Imports no torch."""

from megatron_qm.config.load import to_yaml
from megatron_qm.config.rules import check_world
from megatron_qm.config.run import RunConfig
from megatron_qm.costs.flops import training_flops_per_token
from megatron_qm.costs.memory import GIB, KINDS, KINDS_OF_RL, memory_by_stage
from megatron_qm.costs.parameters import parameter_count
from megatron_qm.errors import UserError
from megatron_qm.plan.hardware import Assumptions, Gpu, find_gpu, gpu_of_device
from megatron_qm.plan.layouts import nearest_fitting
from megatron_qm.plan.predict import buffer_bytes
from megatron_qm.platform.detect import detect_hardware


def describe(config: RunConfig, ranks: int) -> str:
    """The text of `--dry-run` on `ranks` ranks. Raises UserError where the layout does not fit them."""
    check_world(config, ranks)
    return "\n".join([to_yaml(config), *_summary(config, ranks), "", *_memory(config, ranks)])


def ranks_of(config: RunConfig, given: int | None) -> int:
    """As many as are asked for, or what the recipe is planned for, or one copy of the model."""
    return given or config.parallel.devices or config.parallel.model_ranks


def refuse_what_does_not_fit(config: RunConfig, ranks: int) -> str:
    """What the recipe's kind of card has left (device = auto: this machine's). Raises UserError naming the nearest layout where
    it has not enough."""
    if config.device == "cpu":
        return ""
    gpu, given = _card(config.device), Assumptions()
    if gpu is None:
        return "whether it fits is not known: device = auto, and this machine has no GPU that is known; name one: device=h100"
    needed = max(memory.total for memory in memory_by_stage(config, ranks)) + buffer_bytes(config)
    left = (gpu.memory - needed) / GIB
    if left >= given.reserve_gib:
        return f"fits: {left:.1f} of {gpu.memory / GIB:.1f} GiB of {gpu.name.upper()} are left for what is not counted"
    nearest = nearest_fitting(config, ranks, gpu, given)
    advice = "no layout does: take more GPUs or a shorter data.sequence_length" if nearest is None else (
        f"the nearest layout that does ({nearest.prediction.bytes / GIB:.1f} GiB): {' '.join(nearest.overrides())}"
    )
    if left >= 0:
        return f"tight: {left:.1f} GiB are left, and some {given.reserve_gib:g} are not counted; {advice}"
    raise UserError(
        f"a rank needs {needed / GIB:.1f} GiB and {gpu.name.upper()} has {gpu.memory / GIB:.1f}: it does not fit; {advice}"
    )


def _card(device: str) -> Gpu | None:
    if device != "auto":
        return find_gpu(device)
    names = detect_hardware().names
    return gpu_of_device(names[0]) if names else None


def _summary(config: RunConfig, ranks: int) -> list[str]:
    flops = training_flops_per_token(config.model, config.data.sequence_length, lora=config.lora)
    dp = config.parallel.data_parallel(ranks)
    micro_batches = config.train.global_batch_size // (dp * config.train.micro_batch_size)
    what, most = ("sequences", "") if config.tokens_planned else ("responses", "at most ")
    lines = [
        f"layout       {config.parallel.describe(ranks)} on {ranks} ranks",
        f"parameters   {parameter_count(config.model):,}",
        f"batch        {config.train.global_batch_size} {what} of {most}{config.data.sequence_length} tokens "
        f"({most}{config.tokens_per_step:,} tokens), {micro_batches} micro-batches a step and rank",
    ]
    if not config.length_known:
        return [*lines, f"steps        as many as {config.stage}.epochs = {config.epochs} of the data make"]
    tokens = config.total_steps * config.tokens_per_step
    return [
        *lines,
        f"steps        {config.total_steps:,}",
        f"tokens       {most}{tokens:,}",
        f"FLOPs        {'at most ' if config.packing else most}{flops * tokens:.3g} in all, "
        f"{flops * config.tokens_per_step / ranks:.3g} a step and rank",
    ]


def _memory(config: RunConfig, ranks: int) -> list[str]:
    """Estimated GiB per rank, a row for each pipeline stage that differs from the one before."""
    stages = memory_by_stage(config, ranks)
    kinds = [kind for kind in KINDS if kind not in KINDS_OF_RL or any(getattr(memory, kind) for memory in stages)]
    rows = [f"{'GiB per rank':<14}" + "".join(f"{kind:>13}" for kind in (*kinds, "total"))]
    for memory in stages:
        values = [getattr(memory, kind) / GIB for kind in (*kinds, "total")]
        rows.append(f"{f'stage {memory.stage}':<14}" + "".join(f"{value:>13.3f}" for value in values))
    rows.append("(not counted: CUDA context, communication buffers, fragmentation; some 2 to 5 GiB on a GPU)")
    return rows
