"""Options that name the models that judge or grade, and what they do it by: data asks for these by name alone."""

import argparse
from dataclasses import replace
from pathlib import Path

from megatron_qm.config.bounds import Votes
from megatron_qm.errors import UserError
from megatron_qm.options import Number
from megatron_qm.rewards.graded import Graded, grader_of
from megatron_qm.rewards.judge import KEY
from megatron_qm.rewards.models import Models


def add_judge_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--judge", action="append", default=[], metavar="MODEL=BASE",
                        help="a model that hybrid and general may ask: its name, and its OpenAI-compatible endpoint, such as "
                        f"judge=http://127.0.0.1:8080/v1; repeatable (key in {KEY})")
    parser.add_argument("--principles", action="append", default=[], metavar="NAME=FILE",
                        help="YAML that general may judge by; repeatable (default: the shipped ones)")
    parser.add_argument("--grader", metavar="MODEL=BASE",
                        help="a generative reward model that graded asks, in the same form (docs/reward-models.md)")
    parser.add_argument("--instruction", type=Path, metavar="FILE",
                        help="of --grader: text that says by what is graded (default: the shipped one)")
    parser.add_argument("--votes", type=Number(Votes), default=8, metavar="K",
                        help="of a model about a response, and samples of --grader (default: %(default)s)")


def models_of(args: argparse.Namespace) -> Models:
    """Raises UserError for an endpoint that is no URL, and for principles or an instruction that cannot be read."""
    judges, principles = _pairs("--judge", args.judge), _pairs("--principles", args.principles)
    models = Models.named(judges, principles, args.votes, "--judge MODEL=BASE")
    return replace(models, grader=_grader(args), grader_setting="--grader MODEL=BASE")


def _grader(args: argparse.Namespace) -> Graded | None:
    if args.grader is None:
        if args.instruction is not None:
            raise UserError("--instruction says nothing without --grader: add --grader MODEL=BASE, or leave it out")
        return None
    [(model, base)] = _pairs("--grader", [args.grader]).items()
    return grader_of(base, model, args.votes, args.instruction)


def _pairs(option: str, given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not (name and equals and value) or name in found:
            raise UserError(f"{option} {one}: must be a name of its own, =, and what it stands for")
        found[name] = value
    return found
