"""`megatron-qm pretrain`: continued pretraining on indexed datasets."""

import argparse
from pathlib import Path

from megatron_qm.commands.start import EXIT_CODES, add_start_arguments, start
from megatron_qm.config.run import RunConfig, load_run
from megatron_qm.errors import UserError

_EPILOG = f"""\
  megatron-qm pretrain --config tiny-cpu 'data.sources=[{{name: medical, prefix: data/medical}}]'
  megatron-qm pretrain --config qwen3-1.7b-h100 train.start_from=checkpoints/qwen3-1.7b ...
{EXIT_CODES}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    add_start_arguments(parser)


def load(args: argparse.Namespace) -> RunConfig:
    return load_run(args.config, args.overrides)


def run(args: argparse.Namespace) -> int:
    config = load(args)
    if args.dry_run:
        from megatron_qm.commands.dry_run import describe

        print(describe(config, args.nproc))
        return 0
    _check_sources(config)
    return start(args, config, lambda: _train(config))


def _train(config: RunConfig) -> bool:
    from megatron_qm.training import train

    return train(config)


def _check_sources(config: RunConfig) -> None:
    if not config.data.sources:
        raise UserError(
            "data.sources is empty: name at least one dataset, for example "
            "'data.sources=[{name: medical, prefix: data/medical}]'"
        )
    for kind in ("sources", "validation"):
        for source in getattr(config.data, kind):
            for suffix in (".bin", ".idx"):
                path = Path(source.prefix + suffix)
                if not path.is_file():
                    raise UserError(
                        f"data.{kind}: {source.name}: there is no {path}; "
                        "make it with `python data_tools/preprocess.py --output-prefix " + source.prefix + " ...`"
                    )
