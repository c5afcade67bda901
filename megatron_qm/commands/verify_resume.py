"""`megatron-qm verify-resume`: prove, on this machine and for this recipe, that a killed run ends as an undisturbed one."""

import argparse
from pathlib import Path

from megatron_qm.commands.recipe import add_recipe_arguments
from megatron_qm.config.run import load_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_recipe_arguments(parser)
    parser.add_argument("--nproc", type=int, metavar="N", help="ranks on this machine (as for pretrain)")
    parser.add_argument("--steps", type=int, default=8, help="steps of the run (default: 8)")
    parser.add_argument("--kills", type=int, default=2, help="how often all its processes are killed on the way (default: 2)")
    parser.add_argument("--folder", type=Path, help="where the two runs are kept (default: a temporary folder, removed)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")


def run(args: argparse.Namespace) -> int:
    load_run(args.config, args.overrides)  # a wrong recipe fails here, at once
    from megatron_qm.drills.verify_resume import Drill

    return Drill(args.config, args.overrides, args.nproc, args.steps, args.kills, args.seed).run(args.folder)
