"""Options that name the models that judge, and the principles that they judge by: data asks for these by name alone."""

import argparse

from megatron_qm.config.bounds import Votes
from megatron_qm.errors import UserError
from megatron_qm.options import Number
from megatron_qm.rewards.judge import KEY
from megatron_qm.rewards.models import Models


def add_judge_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--judge", action="append", default=[], metavar="MODEL=BASE",
                        help="a model that hybrid and general may ask: its name, and its OpenAI-compatible endpoint, such as "
                        f"judge=http://127.0.0.1:8080/v1; repeatable (key in {KEY})")
    parser.add_argument("--principles", action="append", default=[], metavar="NAME=FILE",
                        help="YAML that general may judge by; repeatable (default: the shipped ones)")
    parser.add_argument("--votes", type=Number(Votes), default=8, metavar="K",
                        help="of a model about a response (default: %(default)s)")


def models_of(args: argparse.Namespace) -> Models:
    """Raises UserError for an endpoint that is no URL and for principles that cannot be read."""
    judges, principles = _pairs("--judge", args.judge), _pairs("--principles", args.principles)
    return Models.named(judges, principles, args.votes, "--judge MODEL=BASE")


def _pairs(option: str, given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not (name and equals and value) or name in found:
            raise UserError(f"{option} {one}: must be a name of its own, =, and what it stands for")
        found[name] = value
    return found
