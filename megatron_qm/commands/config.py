"""`megatron-qm config`: the resolved config of a recipe of any stage, or one value of it for a script."""

import argparse
from dataclasses import fields, is_dataclass

from megatron_qm.commands.recipe import add_recipe_arguments
from megatron_qm.commands.resolve import resolve
from megatron_qm.config.load import to_yaml
from megatron_qm.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_recipe_arguments(parser)
    parser.add_argument("--get", metavar="KEY", help="print the value of one dotted key alone; nothing for null")


def run(args: argparse.Namespace) -> int:
    config = resolve(args).config
    print(to_yaml(config).rstrip() if args.get is None else _one(config, args.get))
    return 0


def _one(config: object, key: str) -> str:
    value = config
    for part in key.split("."):
        known = [field.name for field in fields(value)] if is_dataclass(value) else []
        if part not in known:
            raise UserError(f"--get {key}: no such key" + (f"; here there are {', '.join(known)}" if known else ""))
        value = getattr(value, part)
    return "" if value is None else to_yaml(value).rstrip() if is_dataclass(value) else str(value)
