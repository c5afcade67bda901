"""`megatron-qm config`: the resolved config of a recipe of any stage, or one value of it for a script; and what the keys mean."""

import argparse
from dataclasses import fields, is_dataclass

from megatron_qm.commands.recipe import add_recipe_arguments
from megatron_qm.commands.resolve import resolve
from megatron_qm.config.load import to_yaml
from megatron_qm.config.reference import describe_keys
from megatron_qm.errors import UserError

_EPILOG = """\
  megatron-qm config --config qwen3-8b-h100 train.steps=100
  megatron-qm config --config qwen3-8b-h100 --get parallel.tp
  megatron-qm config keys rl.loss                             type, default, bounds and meaning of every key below rl.loss
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    add_recipe_arguments(parser, required=False)
    parser.add_argument("--get", metavar="KEY", help="print the value of one dotted key alone; nothing for null")


def run(args: argparse.Namespace) -> int:
    if args.overrides[:1] == ["keys"]:
        print(describe_keys(*args.overrides[1:2]))
        return 0
    if not args.config:
        raise UserError("give --config RECIPE, or `megatron-qm config keys [PREFIX]` to read what each key means")
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
