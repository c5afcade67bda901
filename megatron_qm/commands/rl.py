"""`megatron-qm rl`: reinforcement learning from verifiable medical rewards."""

import argparse
import math
from dataclasses import replace
from pathlib import Path

from megatron_qm.commands.start import EXIT_CODES, add_start_arguments, load_stage, start
from megatron_qm.config.alarms import check_alarms
from megatron_qm.config.rl import RlRun
from megatron_qm.errors import UserError
from megatron_qm.rewards.items import Item, read_items
from megatron_qm.rewards.registry import load

_EPILOG = f"""\
  megatron-qm rl --config rl-tiny-cpu train.start_from=runs/sft/checkpoints/step-00000072 rl.items=data/rl.jsonl
  megatron-qm rl --config medical-rl-h100 train.start_from=... rl.items=...      (32 responses to a prompt, as the report)
Model and tokenizer are those of train.start_from where the recipe names none. An item is a JSON line with task (exam,
diagnosis, drugs, ordering, or module:function), prompt or messages, reference, metadata, label (docs/rewards.md).
{EXIT_CODES}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    add_start_arguments(parser)


def run(args: argparse.Namespace) -> int:
    items: list[Item] = []

    def complete(config: RlRun) -> RlRun:
        if config.train.start_from is None:
            raise UserError("train.start_from is not set: the policy starts from a checkpoint, such as sft's last")
        items[:] = _items(config)
        return _with_length(config, len(items))

    config = load_stage(args, RlRun, complete)
    _check(config, items)
    if args.dry_run:
        from megatron_qm.commands.dry_run import describe

        print(describe(config, args.nproc))
        return 0
    return start(args, config, lambda: _train(config))


def _items(config: RlRun) -> list[Item]:
    if not config.rl.items:
        raise UserError("rl.items is not set: name a file of items, for example rl.items=data/rl.jsonl")
    items = read_items(Path(config.rl.items))
    for task in dict.fromkeys(item.task for item in items):
        load(task)  # a verifier that is not there is said now
    return items


def _with_length(config: RlRun, items: int) -> RlRun:
    rl, train = config.rl, config.train
    if rl.epochs is None:
        return config
    if train.steps is not None or train.tokens is not None:
        raise UserError("set one of rl.epochs, train.steps and train.tokens")
    updates = rl.prompts * rl.samples / train.global_batch_size
    return replace(config, train=replace(train, steps=math.ceil(rl.epochs * items / rl.prompts * updates)))


def _check(config: RlRun, items: list[Item]) -> None:
    rl, train = config.rl, config.train
    at_least_one = {"rl.prompts": rl.prompts, "rl.samples": rl.samples, "rl.sampling.max_sequences": rl.sampling.max_sequences,
                    "rl.sampling.max_new_tokens": rl.sampling.max_new_tokens, "rl.verifier.workers": rl.verifier.workers,
                    "rl.keep_rollouts": rl.keep_rollouts}
    for key, value in at_least_one.items():
        if value is not None and value < 1:
            raise UserError(f"{key} = {value}: must be 1 or more")
    whole = rl.prompts * rl.samples
    verifier, shaping, curriculum = rl.verifier, rl.shaping, rl.curriculum
    reference = rl.reference or train.start_from
    longest = rl.sampling.max_new_tokens
    rules = (
        (config.data.tokenizer is not None, "data.tokenizer is not set, and train.start_from carries none"),
        (not config.data.sources, "data.sources is for pretraining; rl takes rl.items"),
        (whole % train.global_batch_size == 0,
         f"rl.prompts x rl.samples = {whole} responses must be a multiple of train.global_batch_size = "
         f"{train.global_batch_size}, the responses of an update"),
        (rl.samples > 1, "rl.samples = 1: a response is judged against the others to its prompt; set 2 or more"),
        (longest < config.data.sequence_length,
         f"rl.sampling.max_new_tokens = {longest} leaves no room for a prompt in data.sequence_length = "
         f"{config.data.sequence_length}"),
        (rl.sampling.temperature > 0, f"rl.sampling.temperature = {rl.sampling.temperature}: must be above 0, or all "
         "responses to a prompt are the same"),
        (not rl.loss.kl or reference is not None, f"rl.loss.kl = {rl.loss.kl} needs rl.reference"),
        (verifier.seconds > 0 and verifier.memory_gib >= 0, "rl.verifier.seconds must be above 0, memory_gib 0 or more"),
        (verifier.judge is None or verifier.seconds > verifier.judge.seconds * verifier.judge.votes,
         f"rl.verifier.seconds = {verifier.seconds:g} must be over rl.verifier.judge's votes x seconds, or a slow endpoint "
         "costs every answer"),
        (0 <= shaping.format_weight < 1, f"rl.shaping.format_weight = {shaping.format_weight}: must lie in [0, 1)"),
        (shaping.overlong_buffer is None or 0 < shaping.overlong_buffer <= longest,
         f"rl.shaping.overlong_buffer = {shaping.overlong_buffer}: must lie in [1, rl.sampling.max_new_tokens = {longest}]"),
        (shaping.repetition_weight >= 0, f"rl.shaping.repetition_weight = {shaping.repetition_weight}: must not be negative"),
        (shaping.repetition_ngram >= 1, f"rl.shaping.repetition_ngram = {shaping.repetition_ngram}: must be at least 1"),
        (0 < curriculum.mastered_at <= 1, f"rl.curriculum.mastered_at = {curriculum.mastered_at}: must lie in (0, 1]"),
        (curriculum.hopeless_at is None or curriculum.hopeless_at < curriculum.mastered_at,
         "rl.curriculum.hopeless_at must be below mastered_at"),
        (curriculum.refills >= 0, f"rl.curriculum.refills = {curriculum.refills}: must not be negative"),
        (not (curriculum.refills and rl.overlap), "rl.curriculum.refills does not go with rl.overlap: whether to ask again "
         "is known only once a batch is judged"),
        (not (rl.pack and config.parallel.cp > 1), "rl.pack = true does not go with parallel.cp > 1; set rl.pack=false"),
        (rl.epochs is None or rl.epochs > 0, f"rl.epochs = {rl.epochs}: must be above 0"),
    )
    for holds, message in rules:
        if not holds:
            raise UserError(message)
    check_alarms(rl.alarms, "rl.alarms")


def _train(config: RlRun) -> bool:
    from megatron_qm.align.rl.run import train_policy

    return train_policy(config)
