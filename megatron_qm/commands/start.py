"""How every stage of training starts: checked on this machine without torch, then become the ranks of the job."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from megatron_qm import outputs, user_code
from megatron_qm.checkpoint.manifest import MANIFEST
from megatron_qm.config.recipes import as_arguments
from megatron_qm.config.rules import check_world
from megatron_qm.config.run import RunConfig
from megatron_qm.errors import UserError, in_key
from megatron_qm.exits import DONE, STOPPED
from megatron_qm.observe.metrics import METRICS_FILE
from megatron_qm.observe.sinks import check_sinks
from megatron_qm.platform.detect import Hardware, detect_hardware, rank_variables
from megatron_qm.rewards.registry import Verifiers

_HOPPER = 9.0


def this_rank() -> int | None:
    """Of a process that torchrun, srun or our launcher has started."""
    return _from_environment(0)


def _from_environment(which: int) -> int | None:
    """0: the rank; 1: how many there are."""
    names = rank_variables()
    return None if names is None else int(os.environ[names[which]])


def processes_for(config: RunConfig, nproc: int | None) -> int:
    """How many ranks the job has: those that were started, or those to start here. Raises UserError where this machine has not
    what the recipe is meant for, or the ranks do not fit the layout."""
    hardware = detect_hardware()
    _check_hardware(config, hardware)
    started = None if nproc is not None else _from_environment(1)
    processes = started or nproc or (hardware.gpus if _wants_gpu(config, hardware) else config.parallel.devices) or 1
    check_world(config, processes)
    return processes


def start(args: argparse.Namespace, config: RunConfig, processes: int, train: Callable[[], bool]) -> int:
    """Run `train` as one of the ranks that this process is, or launch them. The exit code."""
    if processes == 1 or (args.nproc is None and this_rank() is not None):
        return DONE if train() else STOPPED
    from megatron_qm.train.launch import launch_local

    output = Path(config.output)
    again = [args.argv[0], *as_arguments(args.config), *args.overrides]
    return launch_local(again, processes, output / "logs", begun=output / METRICS_FILE)


def check_places(config: RunConfig) -> None:
    """Raise UserError for a folder that the run cannot write, and for one that is a checkpoint."""
    if (Path(config.output) / MANIFEST).is_file():
        raise UserError(f"output = {config.output}: is a checkpoint (its {MANIFEST} says so), no folder for a run; name another "
                        "output, and to start from it train.start_from")
    for key, place in (("output", config.output), ("checkpoint.local", config.checkpoint.local)):
        if place is not None:
            with in_key(key):
                outputs.folder(place)


def check_user_code(config: RunConfig) -> None:
    """Raise UserError for a hook, a verifier or a package that cannot be loaded, before anything is begun."""
    check_sinks(config.observe.tensorboard, config.observe.wandb_project)
    Verifiers.named(config.observe.verifiers, "observe.verifiers")
    for key, names in (("after_step", config.hooks.after_step), ("after_save", config.hooks.after_save)):
        for name in names:
            user_code.load(name, f"hooks.{key}")


def _wants_gpu(config: RunConfig, hardware: Hardware) -> bool:
    return config.device != "cpu" and hardware.kind == "cuda"


def _check_hardware(config: RunConfig, hardware: Hardware) -> None:
    if config.device not in ("auto", "cpu") and hardware.kind == "cpu":
        raise UserError(
            f"device = {config.device}, but this machine has no CUDA GPU (nvidia-smi lists none); "
            "add --dry-run to look at the plan here, or take a CPU recipe such as tiny-cpu"
        )
    if config.precision.fp8 != "none" and (
        not _wants_gpu(config, hardware) or min(hardware.capabilities) < _HOPPER
    ):
        here = ", ".join(sorted(set(hardware.names))) or "only CPUs"
        raise UserError(
            f"precision.fp8 = {config.precision.fp8} needs a Hopper GPU or later; this machine has {here}: "
            "set precision.fp8=none"
        )
