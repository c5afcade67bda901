"""Options that commands over whole corpora have in common."""

import argparse
from collections.abc import Sequence

from data_tools.options import MOST_WORKERS

LINES = "JSON lines with a key text, also .gz, .bz2, .xz, .zst; globs"


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """doc: what --help says first."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def add_input(parser: argparse.ArgumentParser, meant: str, name: str = "--input", metavar: str = "FILE") -> None:
    parser.add_argument(name, nargs="+", action="extend", required=True, metavar=metavar, help=meant)


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace these files where they are there")


def add_workers(parser: "argparse.ArgumentParser | argparse._ArgumentGroup", what: str = "processes") -> None:
    parser.add_argument("--workers", type=int, default=1, metavar="N", help=f"{what} (%(default)s)")


def parsed(parser: argparse.ArgumentParser, argv: Sequence[str] | None, **most: int) -> argparse.Namespace:
    """Ends the command where --workers, or one of `most`, is not from 1 to its bound."""
    args = parser.parse_args(argv)
    for name, bound in {"workers": MOST_WORKERS, **most}.items():
        if not 1 <= getattr(args, name) <= bound:
            parser.error(f"--{name.replace('_', '-')} {getattr(args, name)}: 1 to {bound:,} is meant")
    return args
