"""`megatron-qm pretrain`: check everything that can be checked without torch, then become the ranks of the job."""

import argparse
from pathlib import Path

from megatron_qm.commands.recipe import add_recipe_arguments
from megatron_qm.config.rules import check_world
from megatron_qm.config.run import RunConfig, load_run
from megatron_qm.errors import UserError
from megatron_qm.exits import DONE, STOPPED
from megatron_qm.platform.detect import Hardware, detect_hardware, rank_variables

_HOPPER = 9.0


_EPILOG = """\
  megatron-qm pretrain --config tiny-cpu 'data.sources=[{name: medical, prefix: data/medical}]'
  megatron-qm pretrain --config qwen3-1.7b-h100 train.start_from=checkpoints/qwen3-1.7b ...
The same command goes on from the newest good checkpoint. SIGTERM and SIGUSR1 save and stop.
exit codes: 0 done; 2 something to mend; 3 bad numbers, step after step; 74 a rank hung; 75 stopped by a signal, saved
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    add_recipe_arguments(parser)
    parser.add_argument("--nproc", type=int, metavar="N",
                        help="start N ranks on this machine (default: its GPUs; on a CPU parallel.devices of the recipe)")
    parser.add_argument("--dry-run", action="store_true",
                        help="print the resolved config, layout, parameters, tokens and memory per rank, and stop")


def run(args: argparse.Namespace) -> int:
    config = load_run(args.config, args.overrides)
    if args.nproc is not None and args.nproc < 1:
        raise UserError(f"--nproc {args.nproc}: must be 1 or more")
    if args.dry_run:
        from megatron_qm.commands.dry_run import describe

        print(describe(config, args.nproc))
        return 0
    hardware = detect_hardware()
    _check_hardware(config, hardware)
    _check_sources(config)
    if args.nproc is None and rank_variables() is not None:
        return _train(config)
    processes = args.nproc or (hardware.gpus if _wants_gpu(config, hardware) else config.parallel.devices) or 1
    check_world(config, processes)
    if processes == 1:
        return _train(config)
    from megatron_qm.train.launch import launch_local

    return launch_local(_without_nproc(args), processes, Path(config.output) / "logs")


def _train(config: RunConfig) -> int:
    from megatron_qm.pretrain import pretrain

    return DONE if pretrain(config) else STOPPED


def _without_nproc(args: argparse.Namespace) -> list[str]:
    return ["pretrain", "--config", args.config, *args.overrides]


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


def _check_sources(config: RunConfig) -> None:
    if not config.data.sources:
        raise UserError(
            "data.sources is empty: name at least one dataset, for example "
            "'data.sources=[{name: medical, prefix: data/medical}]'"
        )
    for kind in ("sources", "validation"):
        for source in getattr(config.data, kind):
            for suffix in (".bin", ".idx"):
                path = Path(source.prefix + suffix)
                if not path.is_file():
                    raise UserError(
                        f"data.{kind}: {source.name}: there is no {path}; "
                        "make it with `python data_tools/preprocess.py --output-prefix " + source.prefix + " ...`"
                    )
