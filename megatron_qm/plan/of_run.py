"""What a run that begins should need: kept with the run, and shown in its report beside what was measured."""

from contextlib import suppress

from megatron_qm.config.run import RunConfig
from megatron_qm.costs.memory import GIB
from megatron_qm.errors import UserError
from megatron_qm.plan.hardware import gpu_of_device
from megatron_qm.plan.predict import fullest_stage, predict


def prediction_of_run(config: RunConfig, world_size: int, device_name: str) -> dict[str, object]:
    """{"memory_gib", "memory_gib_by_kind", "step_seconds"} for environment.json; the time only for a GPU with a data sheet."""
    memory = fullest_stage(config, world_size)
    kinds = ("weights", "gradients", "optimizer", "activations", "logits")
    gpu, seconds = gpu_of_device(device_name), None
    if gpu is not None:
        with suppress(UserError, ZeroDivisionError):  # FP8 on a GPU without it, forced by hand
            seconds = predict(config, world_size, gpu).step_seconds
    return {
        "memory_gib": round(memory.total / GIB, 4),
        "memory_gib_by_kind": {kind: round(getattr(memory, kind) / GIB, 4) for kind in kinds},
        "step_seconds": None if seconds is None else round(seconds, 4),
    }
