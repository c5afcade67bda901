"""`--template-argument NAME=VALUE`: what a chat template reads beside the messages, on the command line."""

import argparse

from megatron_qm.config.build import scalar
from megatron_qm.config.hints import Scalar
from megatron_qm.errors import UserError
from megatron_qm.yaml_nodes import parse

_OPTION = "--template-argument"


def add_template_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(_OPTION, action="append", default=[], metavar="NAME=VALUE",
                        help="what the chat template reads beside the messages, such as enable_thinking=false; repeatable")


def template_arguments(args: argparse.Namespace) -> dict[str, Scalar]:
    """Values as YAML reads them. Raises UserError naming the option that is none, or is given twice."""
    found: dict[str, Scalar] = {}
    for given in args.template_argument:
        name, equals, text = given.partition("=")
        if not equals or not name:
            raise UserError(f"{_OPTION} {given}: write it as NAME=VALUE, for example enable_thinking=false")
        if name in found:
            raise UserError(f"{_OPTION} {given}: {name} is given twice")
        found[name] = scalar(parse(text, f"{_OPTION} {given}", lines=False), name)
    return found
