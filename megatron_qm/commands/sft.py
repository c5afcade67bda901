"""`megatron-qm sft`: supervised fine-tuning on conversations, with the loss on answers only."""

import argparse
from dataclasses import replace

from megatron_qm.commands.start import EXIT_CODES, add_start_arguments, load_stage, start, this_rank
from megatron_qm.config.rules import check
from megatron_qm.config.sft import SftRun
from megatron_qm.errors import UserError

_EPILOG = f"""\
  megatron-qm sft --config sft-tiny-cpu train.start_from=runs/quickstart/run/checkpoints/step-00000450 \\
      'sft.sources=[{{name: exams, path: data/exams.jsonl}}]'
Model and tokenizer are those of train.start_from where the recipe names none. A sample is a JSON line with `messages`,
`prompt` and `completion`, `input` and `output`, or NeMo-Aligner's `conversations`.
{EXIT_CODES}"""
_UNKNOWN = 1 << 40  # steps of a run whose length is known once its samples are counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    add_start_arguments(parser)


def load(args: argparse.Namespace) -> SftRun:
    """Checked; its data are not made yet."""
    return load_stage(args, SftRun, _with_length, _check)


def run(args: argparse.Namespace) -> int:
    config = load(args)
    from megatron_qm.align.sft.prepare import prepare

    ready = prepare(config, this_rank() or 0)
    check(ready)
    if args.dry_run:
        from megatron_qm.commands.dry_run import describe

        print(describe(ready, args.nproc))
        return 0
    return start(args, ready, lambda: _train(ready))


def _with_length(config: SftRun) -> SftRun:
    if not config.sft.sources:
        raise UserError("sft.sources is empty: name a group, for example 'sft.sources=[{name: chat, path: chat.jsonl}]'")
    if config.sft.epochs is None:
        return config
    train = config.train
    if train.steps is not None or train.tokens is not None:
        raise UserError("set one of sft.epochs, train.steps and train.tokens")
    return replace(config, train=replace(train, steps=_UNKNOWN))


def _check(config: SftRun) -> None:
    sft = config.sft
    if config.data.sources or config.data.validation:
        raise UserError("data.sources and data.validation are for pretraining; sft takes sft.sources and sft.validation")
    if config.data.tokenizer is None:
        raise UserError("data.tokenizer is not set, and train.start_from carries none: name the model's tokenizer folder")
    names = [group.name for group in (*sft.sources, *sft.validation)]
    for name in names:
        if not name or "/" in name or name.startswith("."):
            raise UserError(f"sft: the group name {name!r} becomes a file name: use letters, digits, - and _")
        if names.count(name) > 1:
            raise UserError(f"sft: the group name {name!r} is given twice (sources and validation share one folder)")
    if sft.pack and config.parallel.cp > 1:
        raise UserError("sft.pack = true does not go with parallel.cp > 1: documents would need padding; set sft.pack=false")


def _train(config: SftRun) -> bool:
    from megatron_qm.training import train

    return train(config)
