"""`megatron-qm data preprocess | merge | plan | ledger`."""

import argparse
from pathlib import Path

from megatron_qm.commands.recipe import add_recipe_arguments
from megatron_qm.commands.resolve import resolve, resolve_run
from megatron_qm.config.bounds import Steps
from megatron_qm.identities import check_identities
from megatron_qm.options import Number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(title="what", metavar="WHAT", required=True)
    _add_preprocess(what.add_parser("preprocess", help="raw text to an indexed dataset (data_tools/preprocess.py)"))
    _add_merge(what.add_parser("merge", help="one dataset of many shards, without tokenising again"))
    _add_plan(what.add_parser("plan", help="tokens and epochs per source, before a run"))
    _add_ledger(what.add_parser("ledger", help="the documents that a step of a run has read"))


def run(args: argparse.Namespace) -> int:
    code: int = args.run_data(args)
    return code


def _add_plan(parser: argparse.ArgumentParser) -> None:
    add_recipe_arguments(parser)
    parser.set_defaults(run_data=_plan)


def _add_ledger(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", dest="run_folder", type=Path, required=True, metavar="RUN", help="its output folder")
    parser.add_argument("--step", type=Number(Steps), required=True, metavar="N", help="counted from 1")
    parser.set_defaults(run_data=_ledger)


def _add_preprocess(parser: argparse.ArgumentParser) -> None:
    from data_tools import preprocess

    preprocess.add_arguments(parser)
    parser.set_defaults(run_data=preprocess.run)


def _add_merge(parser: argparse.ArgumentParser) -> None:
    from data_tools import merge

    merge.add_arguments(parser)
    parser.set_defaults(run_data=merge.run)


def _plan(args: argparse.Namespace) -> int:
    resolved = resolve(args)
    check_identities(resolved.config)
    print(resolved.work.data_plan(resolved.config))
    return 0


def _ledger(args: argparse.Namespace) -> int:
    print(resolve_run(args.run_folder).work.read_in(args.run_folder, args.step))
    return 0
