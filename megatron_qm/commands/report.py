"""`megatron-qm report RUN ...`: one self-contained HTML page."""

import argparse
from pathlib import Path

from megatron_qm import outputs
from megatron_qm.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folders", type=Path, nargs="+", metavar="RUN", help="output folders of runs; several, the stages "
                        "of a model's life, on one page")
    parser.add_argument("--output", type=outputs.file, metavar="FILE",
                        help="the page (default: RUN/report.html; several runs need it); one that report has written before is "
                        "written again")
    parser.add_argument("--overwrite", action="store_true",
                        help="replace a file that is no page of report (default: it is refused)")


def run(args: argparse.Namespace) -> int:
    from megatron_qm.observe.report import REPORT_FILE, is_report, render_report, render_reports

    several = args.output is not None
    if not several and len(args.run_folders) > 1:
        raise UserError("several runs on one page: say where with --output FILE")
    page = args.output if several else outputs.file(str(args.run_folders[0] / REPORT_FILE))
    if not args.overwrite and not is_report(page):
        outputs.check_not_there("--output" if several else "the page", page)
    print(render_reports(args.run_folders, page) if several else render_report(args.run_folders[0]))
    return 0
