"""`megatron-qm rl`: reinforcement learning from verifiable medical rewards."""

import argparse
import math
from dataclasses import replace
from pathlib import Path

from megatron_qm.commands.start import EXIT_CODES, add_start_arguments, load_stage, start
from megatron_qm.config.rl import RlRun
from megatron_qm.config.rl_rules import check_rl
from megatron_qm.errors import UserError
from megatron_qm.rewards.general import GENERAL, SHIPPED, read_principles
from megatron_qm.rewards.items import Item, read_items
from megatron_qm.rewards.registry import Verifiers

_EPILOG = f"""\
  megatron-qm rl --config rl-tiny-cpu train.start_from=runs/sft/checkpoints/step-00000072 rl.items=data/rl.jsonl
  megatron-qm rl --config medical-rl-h100 train.start_from=... rl.items=...      (32 responses to a prompt, as the report)
Model and tokenizer are those of train.start_from where the recipe names none. An item is a JSON line with task (exam,
diagnosis, drugs, ordering, or what rl.verifiers names), prompt or messages, reference, metadata, label (docs/rewards.md).
{EXIT_CODES}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    add_start_arguments(parser)


def load(args: argparse.Namespace) -> RlRun:
    """Checked, against the items too."""
    items: list[Item] = []

    def complete(config: RlRun) -> RlRun:
        if config.train.start_from is None:
            raise UserError("train.start_from is not set: the policy starts from a checkpoint, such as sft's last")
        items[:] = _items(config)
        return _with_length(config, len(items))

    config = load_stage(args, RlRun, complete)
    check_rl(config)
    _check_general(config, items)
    return config


def run(args: argparse.Namespace) -> int:
    config = load(args)
    if args.dry_run:
        from megatron_qm.commands.dry_run import describe

        print(describe(config, args.nproc))
        return 0
    return start(args, config, lambda: _train(config))


def _items(config: RlRun) -> list[Item]:
    if not config.rl.items:
        raise UserError("rl.items is not set: name a file of items, for example rl.items=data/rl.jsonl")
    return read_items(Path(config.rl.items), Verifiers.named(config.rl.verifiers, "rl.verifiers"))


def _with_length(config: RlRun, items: int) -> RlRun:
    rl, train = config.rl, config.train
    if rl.epochs is None:
        return config
    if train.steps is not None or train.tokens is not None:
        raise UserError("set one of rl.epochs, train.steps and train.tokens")
    updates = rl.prompts * rl.samples / train.global_batch_size
    return replace(config, train=replace(train, steps=math.ceil(rl.epochs * items / rl.prompts * updates)))


def _check_general(config: RlRun, items: list[Item]) -> None:
    """Items that a model alone judges: it must be there, and so must what it judges by."""
    if not any(item.task == GENERAL for item in items):
        return
    verifier = config.rl.verifier
    if verifier.judge is None:
        raise UserError(
            f'rl.items: items of task "{GENERAL}" are judged by a model: set rl.verifier.judge={{base: ..., model: ...}}'
        )
    principles = read_principles(Path(verifier.principles) if verifier.principles else SHIPPED)
    needed = len(principles) * verifier.judge.votes * verifier.judge.seconds
    if verifier.seconds <= needed:
        raise UserError(f"rl.verifier.seconds = {verifier.seconds:g} must be over principles x votes x seconds of the judge = "
                        f"{needed:g}, or a slow endpoint costs every answer")


def _train(config: RlRun) -> bool:
    from megatron_qm.align.rl.run import train_policy

    return train_policy(config)
