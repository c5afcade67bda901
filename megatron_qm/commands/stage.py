"""`megatron-qm pretrain | sft | rl`: one verb a stage, all of this shape."""

import argparse
import sys

from megatron_qm.commands.recipe import add_recipe_arguments
from megatron_qm.commands.resolve import Resolved, resolve
from megatron_qm.commands.start import check_places, check_user_code, processes_for, start, this_rank
from megatron_qm.config.bounds import Processes, Sequences
from megatron_qm.config.rules import check, check_world
from megatron_qm.config.run import RunConfig
from megatron_qm.config.stages import STAGES
from megatron_qm.errors import UserError
from megatron_qm.identities import check_identities
from megatron_qm.options import Number
from megatron_qm.work import Work, work_of

_EXIT_CODES = """\
The same command goes on from the newest good checkpoint. SIGTERM and SIGUSR1 save and stop.
exit codes: 0 done; 2 something to mend; 3 bad numbers, step after step; 74 a rank hung; 75 stopped by a signal, saved
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """parser: of the verb whose stage is its default `stage`."""
    parser.epilog = work_of(STAGES[parser.get_default("stage")]).epilog + _EXIT_CODES
    add_recipe_arguments(parser)
    parser.add_argument("--nproc", type=Number(Processes), metavar="N",
                        help="start N ranks on this machine (default: its GPUs; on a CPU parallel.devices of the recipe)")
    parser.add_argument("--dry-run", action="store_true",
                        help="print the resolved config, layout, parameters, tokens and memory per rank, and stop")
    parser.add_argument("--show", type=Number(Sequences), metavar="N",
                        help="print the first N samples of each group with what is learnt of them marked, and stop")


def run(args: argparse.Namespace) -> int:
    if args.show is not None:
        shown = resolve(args, args.stage)
        shown.work.show(shown.config, args.show, sys.stdout)
        return 0
    if args.dry_run:
        return _dry_run(resolve(args, args.stage), args.nproc)
    resolved = resolve(args, args.stage, to_run=True)
    check_places(resolved.config)
    check_user_code(resolved.config)
    check_identities(resolved.config)
    if this_rank() in (None, 0):
        resolved.work.ready(resolved.config)
    processes = processes_for(resolved.config, args.nproc)

    def checked(config: RunConfig) -> None:
        check(config)
        check_world(config, processes)

    ready = resolved.work.prepare(resolved.config, this_rank() or 0, checked)
    return start(args, ready, processes, lambda: _train(resolved, ready))


def _dry_run(resolved: Resolved, nproc: int | None) -> int:
    """Prints what the run would be, and writes nothing."""
    from megatron_qm.commands.dry_run import describe, ranks_of, refuse_what_does_not_fit
    check_identities(resolved.config)  # before its samples are rendered, to be counted
    config = resolved.counted().config
    check(config)
    check_user_code(config)
    ranks = ranks_of(config, nproc)
    print(describe(config, ranks))
    print(refuse_what_does_not_fit(config, ranks))
    _say_what_a_start_would(resolved.work, config)
    return 0


def _say_what_a_start_would(work: Work[RunConfig], config: RunConfig) -> None:
    """Refuse, all of it: what is needed may still be on its way, and a plan be looked at before."""
    def ready(config: RunConfig) -> None:
        work.need(config)
        work.ready(config)

    for asked in (check_places, ready):
        try:
            asked(config)
        except UserError as error:
            print(f"not ready to run: {error}")


def _train(resolved: Resolved, ready: RunConfig) -> bool:
    from megatron_qm.training import train

    return train(ready, resolved.work.learning(ready))
