"""For verbs that run a checkpoint's model on some ranks: this process is one of them, or starts them."""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.platform.detect import rank_variables


def at_least_one(args: argparse.Namespace, *names: str) -> None:
    """Raises UserError for an option of `names` that is given and below 1."""
    for name in names:
        value = getattr(args, name)
        if value is not None and value < 1:
            raise UserError(f"--{name.replace('_', '-')} {value}: must be 1 or more")


def on_ranks(args: argparse.Namespace, processes: int, work: Callable[[], int]) -> int:
    """`work()` where torchrun, srun or our launcher started this process, or where one is enough; else as many ranks here."""
    if processes == 1 or rank_variables() is not None:
        return work()
    from megatron_qm.train.launch import launch_local

    with tempfile.TemporaryDirectory(prefix=f"{args.argv[0]}-") as logs:
        return launch_local(args.argv, processes, Path(logs))
