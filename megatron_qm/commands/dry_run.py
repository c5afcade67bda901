"""What a run would be: the resolved config, its layout, size and memory per rank. Imports no torch."""

from megatron_qm.commands.start import check_user_code
from megatron_qm.config.load import to_yaml
from megatron_qm.config.rules import check_world
from megatron_qm.config.run import RunConfig
from megatron_qm.costs.flops import training_flops_per_token
from megatron_qm.costs.memory import GIB, memory_by_stage
from megatron_qm.costs.parameters import parameter_count

_KINDS = ("weights", "gradients", "optimizer", "activations", "logits")
_OF_RL = ("reference", "cache")  # the cache and activations are there in turns


def describe(config: RunConfig, ranks: int | None) -> str:
    """The text of `--dry-run` on `ranks` ranks (default: what the recipe is planned for, else one model copy).

    Raises UserError where the layout does not fit them, or a function that the recipe names cannot be loaded.
    """
    check_user_code(config)
    ranks = ranks or config.parallel.devices or config.parallel.model_ranks
    check_world(config, ranks)
    return "\n".join([to_yaml(config), *_summary(config, ranks), "", *_memory(config, ranks)])


def _summary(config: RunConfig, ranks: int) -> list[str]:
    tokens = config.total_steps * config.tokens_per_step
    flops = training_flops_per_token(config.model, config.data.sequence_length, lora=config.lora)
    dp = config.parallel.data_parallel(ranks)
    micro_batches = config.train.global_batch_size // (dp * config.train.micro_batch_size)
    return [
        f"layout       {config.parallel.describe(ranks)} on {ranks} ranks",
        f"parameters   {parameter_count(config.model):,}",
        f"batch        {config.train.global_batch_size} sequences of {config.data.sequence_length} tokens "
        f"({config.tokens_per_step:,} tokens), {micro_batches} micro-batches a step and rank",
        f"steps        {config.total_steps:,}",
        f"tokens       {tokens:,}",
        f"FLOPs        {flops * tokens:.3g} in all, {flops * config.tokens_per_step / ranks:.3g} a step and rank",
    ]


def _memory(config: RunConfig, ranks: int) -> list[str]:
    """Estimated GiB per rank, a row for each pipeline stage that differs from the one before."""
    stages = memory_by_stage(config, ranks)
    kinds = [*_KINDS, *(kind for kind in _OF_RL if any(getattr(memory, kind) for memory in stages)), "total"]
    rows = [f"{'GiB per rank':<14}" + "".join(f"{kind:>13}" for kind in kinds)]
    for memory in stages:
        values = [getattr(memory, kind) / GIB for kind in kinds]
        rows.append(f"{f'stage {memory.stage}':<14}" + "".join(f"{value:>13.3f}" for value in values))
    rows.append("(not counted: CUDA context, communication buffers, fragmentation; some 2 to 5 GiB on a GPU)")
    return rows
