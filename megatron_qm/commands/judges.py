"""Options that name the models that judge, and the principles that they judge by: data asks for these by name alone."""

import argparse
import os
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.rewards.general import read_principles
from megatron_qm.rewards.judge import KEY, Endpoint, Judge
from megatron_qm.rewards.models import Models


def add_judge_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--judge", action="append", default=[], metavar="MODEL=BASE",
                        help="a model that hybrid and general may ask: its name, and its OpenAI-compatible endpoint, such as "
                        f"judge=http://127.0.0.1:8080/v1; repeatable (key in {KEY})")
    parser.add_argument("--principles", action="append", default=[], metavar="NAME=FILE",
                        help="YAML that general may judge by; repeatable (default: the shipped ones)")
    parser.add_argument("--votes", type=int, default=8, metavar="K", help="of a model about a response (default: %(default)s)")


def models_of(args: argparse.Namespace) -> Models:
    """Raises UserError for an endpoint that is no URL and for principles that cannot be read."""
    if args.votes < 1:
        raise UserError(f"--votes {args.votes}: must be 1 or more")
    key = os.environ.get(KEY, "")
    judges = {name: Judge(Endpoint(base, name, key), args.votes) for name, base in _pairs("--judge", args.judge)}
    principles = {name: tuple(read_principles(Path(file))) for name, file in _pairs("--principles", args.principles)}
    setting = "--judge MODEL=BASE"
    return Models(judges, principles, setting) if principles else Models(judges, setting=setting)


def _pairs(option: str, given: list[str]) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not (name and equals and value) or name in found:
            raise UserError(f"{option} {one}: must be a name of its own, =, and what it stands for")
        found[name] = value
    return list(found.items())
