"""`megatron-qm report RUN`: one self-contained HTML page."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="a run's output folder")


def run(args: argparse.Namespace) -> int:
    from megatron_qm.observe.report import render_report

    print(render_report(args.run_folder))
    return 0
