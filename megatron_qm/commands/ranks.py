"""For verbs that run a checkpoint's model on some ranks: this process is one of them, or starts them."""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from megatron_qm.config.bounds import Processes, Ranks
from megatron_qm.config.model import ModelConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.rules import check_split
from megatron_qm.options import Number
from megatron_qm.platform.detect import rank_variables


def add_layout_arguments(parser: argparse.ArgumentParser, of: str = "") -> None:
    parser.add_argument("--tp", type=Number(Ranks), default=1, help=f"tensor parallel ranks{of}")
    parser.add_argument("--pp", type=Number(Ranks), default=1, help=f"pipeline stages{of}")


def add_ranks_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nproc", type=Number(Processes), metavar="N", help="ranks on this machine (default: tp x pp)")


def layout(model: ModelConfig, tp: int, pp: int, nproc: int | None = None) -> tuple[ParallelConfig, int]:
    """The layout, and how many ranks it has here. Raises UserError where `model` or the ranks cannot be split so."""
    parallel = ParallelConfig(tp=tp, pp=pp)
    processes = nproc or parallel.model_ranks
    check_split(model, parallel)
    parallel.data_parallel(processes)
    return parallel, processes


def on_ranks(args: argparse.Namespace, processes: int, work: Callable[[], int]) -> int:
    """`work()` where torchrun, srun or our launcher started this process, or where one is enough; else as many ranks here."""
    if processes == 1 or rank_variables() is not None:
        return work()
    from megatron_qm.train.launch import launch_local

    with tempfile.TemporaryDirectory(prefix=f"{args.argv[0]}-") as logs:
        return launch_local(args.argv, processes, Path(logs))
