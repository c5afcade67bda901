"""How every stage of training starts: checked on this machine without torch, then become the ranks of the job."""

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from megatron_qm import user_code
from megatron_qm.checkpoint.manifest import TOKENIZER, model_of, read_manifest
from megatron_qm.commands.recipe import add_recipe_arguments
from megatron_qm.config.model import ModelConfig
from megatron_qm.config.rules import check_world
from megatron_qm.config.run import RunConfig, load_run
from megatron_qm.errors import UserError
from megatron_qm.exits import DONE, STOPPED
from megatron_qm.platform.detect import Hardware, detect_hardware, rank_variables
from megatron_qm.rewards.registry import Verifiers

R = TypeVar("R", bound=RunConfig)
EXIT_CODES = """\
The same command goes on from the newest good checkpoint. SIGTERM and SIGUSR1 save and stop.
exit codes: 0 done; 2 something to mend; 3 bad numbers, step after step; 74 a rank hung; 75 stopped by a signal, saved
"""
_HOPPER = 9.0


def add_start_arguments(parser: argparse.ArgumentParser) -> None:
    add_recipe_arguments(parser)
    parser.add_argument("--nproc", type=int, metavar="N",
                        help="start N ranks on this machine (default: its GPUs; on a CPU parallel.devices of the recipe)")
    parser.add_argument("--dry-run", action="store_true",
                        help="print the resolved config, layout, parameters, tokens and memory per rank, and stop")


def load_stage(args: argparse.Namespace, kind: type[R], complete: Callable[[R], R] = lambda config: config) -> R:
    """The config of a stage that goes on from a checkpoint: what it does not say of model and tokenizer, that does.
    complete: fills in what the stage itself knows better, before the rules are checked."""
    return load_run(args.config, args.overrides, kind, lambda config: complete(_from_checkpoint(config)))


def _from_checkpoint(config: R) -> R:
    start = config.train.start_from
    if start is None:
        if config.model == ModelConfig() and type(config) is not RunConfig:
            raise UserError("the model is not set: name the checkpoint to start from (train.start_from=CKPT), or model.shape")
        return config
    if config.model == ModelConfig():
        config = replace(config, model=model_of(read_manifest(Path(start))))
    carried = Path(start) / TOKENIZER
    if config.data.tokenizer is None and carried.is_dir():
        config = replace(config, data=replace(config.data, tokenizer=str(carried)))
    return config


def this_rank() -> int | None:
    """Of a process that torchrun, srun or our launcher has started."""
    names = rank_variables()
    return None if names is None else int(os.environ[names[0]])


def start(args: argparse.Namespace, config: RunConfig, train: Callable[[], bool]) -> int:
    """Run `train` as one of the ranks that this process is, or launch them. The exit code."""
    if args.nproc is not None and args.nproc < 1:
        raise UserError(f"--nproc {args.nproc}: must be 1 or more")
    check_user_code(config)
    hardware = detect_hardware()
    _check_hardware(config, hardware)
    if args.nproc is None and this_rank() is not None:
        return DONE if train() else STOPPED
    processes = args.nproc or (hardware.gpus if _wants_gpu(config, hardware) else config.parallel.devices) or 1
    check_world(config, processes)
    if processes == 1:
        return DONE if train() else STOPPED
    from megatron_qm.train.launch import launch_local

    return launch_local([args.argv[0], "--config", args.config, *args.overrides], processes, Path(config.output) / "logs")


def check_user_code(config: RunConfig) -> None:
    """Raise UserError for a hook or a verifier that cannot be loaded, before anything is begun."""
    Verifiers.named(config.observe.verifiers, "observe.verifiers")
    for key in ("after_step", "after_save"):
        for name in getattr(config.hooks, key):
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
