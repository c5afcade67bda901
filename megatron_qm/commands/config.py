"""`megatron-qm config`: the resolved config of a recipe, or one value of it for a script."""

import argparse
from dataclasses import fields, is_dataclass
from typing import Any

from megatron_qm.commands.recipe import add_recipe_arguments
from megatron_qm.config.load import to_yaml
from megatron_qm.config.run import load_run
from megatron_qm.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_recipe_arguments(parser)
    parser.add_argument("--get", metavar="KEY", help="print the value of one dotted key alone; nothing for null")


def run(args: argparse.Namespace) -> int:
    config = load_run(args.config, args.overrides)
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
