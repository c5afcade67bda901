"""`megatron-qm report RUN ...`: one self-contained HTML page."""

import argparse
from pathlib import Path

from megatron_qm import outputs
from megatron_qm.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folders", type=Path, nargs="+", metavar="RUN", help="output folders of runs; several, the stages "
                        "of a model's life, on one page")
    parser.add_argument("--output", type=outputs.file, metavar="FILE",
                        help="the page (default: RUN/report.html; several runs need it)")


def run(args: argparse.Namespace) -> int:
    from megatron_qm.observe.report import REPORT_FILE, render_report, render_reports

    if args.output is not None:
        print(render_reports(args.run_folders, args.output))
    elif len(args.run_folders) == 1:
        outputs.file(str(args.run_folders[0] / REPORT_FILE))
        print(render_report(args.run_folders[0]))
    else:
        raise UserError("several runs on one page: say where with --output FILE")
    return 0
