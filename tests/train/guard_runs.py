"""What the ranks of tests/train/test_guard.py run."""

from typing import Any

from tests.train.layout_runs import GLOBAL_BATCH, MODEL, SOURCES, batch


def poisoned_and_clean(cases: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """{case: {poisoned: rows, clean: rows, weights_equal: bool}}; one rank alone meets the gradient that is not a number."""
    from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment

    ranks = ranks_from_environment()
    platform = choose_platform("cpu")
    with process_group(platform, ranks), platform.scope():
        return {name: _case(platform, ranks, case) for name, case in cases.items()}


def _case(platform: Any, ranks: Any, case: dict[str, Any]) -> dict[str, Any]:
    import torch

    from megatron_qm.config.parallel import ParallelConfig
    from tests.groups import passing_groups

    with passing_groups(ParallelConfig(**case)):
        poisoned, one = _run(platform, ranks, case, ["0", "1", "poisoned 2", "3"])
        clean, other = _run(platform, ranks, case, ["0", "1", "3"])
    equal = all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    return {"poisoned": poisoned, "clean": clean, "weights_equal": equal}


def _run(platform: Any, ranks: Any, case: dict[str, Any], steps: list[str]) -> tuple[list[dict[str, Any]], list[Any]]:
    from megatron_qm.config.model import ModelConfig
    from megatron_qm.config.parallel import ParallelConfig
    from megatron_qm.config.train import GuardConfig, OptimizerConfig, PrecisionConfig
    from megatron_qm.model.build import build_model
    from megatron_qm.train.batches import micro_batches
    from megatron_qm.train.guard import Guard
    from megatron_qm.train.optimizer import build_optimizer, data_parallel
    from megatron_qm.train.step import Stepper, this_place

    parallel, settings = ParallelConfig(**case), OptimizerConfig()
    platform.seed(1)
    chunks = build_model(ModelConfig(**MODEL).resolved(), parallel, platform, PrecisionConfig())
    wrapped = data_parallel(chunks, parallel, PrecisionConfig())
    guard = Guard(GuardConfig(), platform.device)
    stepper = Stepper(wrapped, build_optimizer(wrapped, settings, parallel), settings, SOURCES, guard)
    place = this_place()
    mine = sum(place.sequences(GLOBAL_BATCH, 1), [])
    rows = []
    for step in steps:
        numbers = batch(int(step.split()[-1]), mine)
        hook = None
        if step.startswith("poisoned") and ranks.rank == ranks.world_size - 1:
            victim = next(p for p in chunks[0].parameters() if p.dim() == 2)
            hook = victim.register_hook(lambda grad: grad * float("nan"))
        result = stepper.train(micro_batches(numbers, 1, place, platform.device, packed=False), len(mine), 1e-3)
        if hook is not None:
            hook.remove()
        rows.append({"loss": result.losses.mean, "norm": repr(result.grad_norm), "refused": result.refused})
    if case.get("overlap_param_gather"):
        for chunk in wrapped:
            chunk.start_param_sync(force_sync=True)
    return rows, [p.detach().clone() for chunk in chunks for p in chunk.parameters()]
