"""`megatron-qm config`: the resolved config of a recipe of any stage, or one value of it for a script."""

import argparse
from dataclasses import fields, is_dataclass, replace
from typing import Any

from megatron_qm.commands.recipe import add_recipe_arguments
from megatron_qm.commands.start import load_stage
from megatron_qm.config.load import to_yaml
from megatron_qm.config.rl import RlRun
from megatron_qm.config.run import RunConfig
from megatron_qm.config.sft import SftRun
from megatron_qm.config.tree import read
from megatron_qm.errors import UserError

_STAGES: dict[str, type[RunConfig]] = {"sft": SftRun, "rl": RlRun}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_recipe_arguments(parser)
    parser.add_argument("--get", metavar="KEY", help="print the value of one dotted key alone; nothing for null")


def run(args: argparse.Namespace) -> int:
    config = _resolved(args)
    if args.get is None:
        print(to_yaml(config), end="")
        return 0
    value: Any = config
    for part in args.get.split("."):
        known = [field.name for field in fields(value)] if is_dataclass(value) else []
        if part not in known:
            raise UserError(f"--get {args.get}: no such key" + (f"; here there are {', '.join(known)}" if known else ""))
        value = getattr(value, part)
    print("" if value is None else to_yaml(value).rstrip() if is_dataclass(value) else value)
    return 0


def _resolved(args: argparse.Namespace) -> RunConfig:
    """Of the stage whose section the recipe or an override has. Steps that follow from epochs are known to the run alone."""
    tree = read(args.config, args.overrides)
    given = [name for name in _STAGES if name in tree]
    stage = given[0] if given else None
    epochs = False

    def complete(config: RunConfig) -> RunConfig:
        nonlocal epochs
        epochs = stage is not None and getattr(config, stage).epochs is not None
        return replace(config, train=replace(config.train, steps=1 << 40)) if epochs and config.train.tokens is None else config

    config = load_stage(args, _STAGES.get(stage, RunConfig), complete)
    return replace(config, train=replace(config.train, steps=None)) if epochs else config
