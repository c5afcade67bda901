"""`megatron-qm verify-resume`: prove, on this machine and for this recipe, that a killed run ends as an undisturbed one."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Le

from megatron_qm import outputs
from megatron_qm.commands.recipe import add_recipe_arguments
from megatron_qm.commands.resolve import Resolved, resolve
from megatron_qm.config.bounds import Processes, Seed
from megatron_qm.config.stages import STAGES
from megatron_qm.options import Number

_Steps = Annotated[int, Ge(2), Le(1_000_000)]  # to be killed in between
_Kills = Annotated[int, Ge(0), Le(1000)]
_EPILOG = """\
  megatron-qm verify-resume --config qwen3-1.7b-h100
  megatron-qm verify-resume --stage rl --config rl-tiny-cpu train.start_from=CKPT rl.items=items.jsonl
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    add_recipe_arguments(parser)
    parser.add_argument("--stage", choices=STAGES, help="of training (default: what the recipe says)")
    parser.add_argument("--nproc", type=Number(Processes), metavar="N", help="ranks on this machine (as for the stage itself)")
    parser.add_argument("--steps", type=Number(_Steps), default=8, help="steps of the run (default: 8)")
    parser.add_argument("--kills", type=Number(_Kills), default=2,
                        help="how often all its processes are killed on the way (default: 2)")
    parser.add_argument("--folder", type=outputs.folder,
                        help="where the two runs are kept (default: a temporary folder, removed)")
    parser.add_argument("--seed", type=Number(Seed), default=0, help="of the moments of the kills")


def run(args: argparse.Namespace) -> int:
    resolved = resolve(args, args.stage)  # a wrong recipe fails here, at once
    verb = resolved.stage.name

    def loaded(overrides: Sequence[str]) -> Resolved:
        return resolve(argparse.Namespace(config=args.config, overrides=overrides), verb)

    def own(folder: Path) -> list[str]:
        return resolved.work.drill(resolved.config, folder)

    from megatron_qm.drills.verify_resume import Drill

    drill = Drill(verb, args.config, args.overrides, lambda overrides: loaded(overrides).config, own, resolved.work.heard,
                  args.nproc, args.steps, args.kills, args.seed)
    return drill.run(args.folder)
