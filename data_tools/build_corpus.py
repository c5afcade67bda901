#!/usr/bin/env python3
"""A corpus from its sources to tokens: graded, clean, and traceable from any training step to file and line.

    python data_tools/build_corpus.py --config corpus.yaml [key=value ...] [--dry-run] [--until STAGE] [--workers N]
    sbatch launch/slurm/build_corpus.sh --config corpus.yaml [key=value ...] [--tasks N]

Reads the sources, takes the documents through the stages in the order of corpus.yaml, and makes an indexed dataset of what is
left. A run that was killed goes on with the same command; what is there and made of the same is not made again. docs/corpus.md.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":  # as a script: the imports below are found from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from data_tools.corpus.arguments import add_workers
from data_tools.corpus.building import Building, Options
from data_tools.corpus.config import read_config
from data_tools.corpus.corpus_report import write_report
from data_tools.corpus.places import exit_code
from data_tools.corpus.stage import Stage
from data_tools.corpus.stages import STAGES
from data_tools.options import check_workers
from data_tools.stopping import StopRequest

_KEPT = "what was committed is kept: free some space, then run the same command"


def main(argv: Sequence[str] | None = None, stages: Sequence[Stage] = STAGES) -> int:
    """The exit code is 2 for what the user can mend, 128 + signal after a clean stop. stages: that a corpus.yaml may name."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    args = _arguments(argv)
    return exit_code(lambda stop: _build(args, stages, stop), _KEPT, "the same command goes on from the last commit")


def _build(args: argparse.Namespace, stages: Sequence[Stage], stop: StopRequest) -> None:
    check_workers(args.workers)
    asked = read_config(args.config, args.overrides, stages)
    building = Building(asked, Options(args.until, args.redo, args.workers, args.tasks), stop)
    if args.dry_run:
        print(building.plan())
    elif args.task is not None:
        building.run_task(args.task)
    else:
        print(write_report(asked, building.run()))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="build_corpus.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="corpus.yaml")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="over what it says, such as stages.grade.keep=[A,B]")
    parser.add_argument("--dry-run", action="store_true", help="say what would be read and made, and write nothing")
    parser.add_argument("--until", metavar="STAGE", help="make no stage after this one")
    parser.add_argument("--redo", metavar="STAGE", help="make this stage and all after it again")
    add_workers(parser, "processes; what is written does not depend on it")
    cluster = parser.add_argument_group("on a cluster, where launch/slurm/build_corpus.sh says both")
    cluster.add_argument("--tasks", type=int, metavar="N", 
                         help="the first pass is made in N slices of the files; what is written does not depend on it")
    cluster.add_argument("--task", type=int, metavar="I", help="make slice I of them, from 0, and nothing else")
    args = parser.parse_intermixed_args(argv)
    _check_tasks(parser, args)
    return args


def _check_tasks(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Ends the command where slices are asked for that cannot be."""
    if args.tasks is not None and args.tasks < 1:
        parser.error(f"--tasks {args.tasks}: 1 or more are meant")
    if args.task is not None and args.tasks is None:
        parser.error(f"--task {args.task}: of how many? --tasks says it")
    if args.task is not None and not 0 <= args.task < args.tasks:
        parser.error(f"--task {args.task}: 0 to {args.tasks - 1} is meant")
    if args.task is not None and args.redo:
        parser.error(f"--redo {args.redo}: tasks make what is missing; take away the folder of that stage and of all after it")


if __name__ == "__main__":
    sys.exit(main())
