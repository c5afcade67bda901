"""One dataset of many, without tokenising again: shards of an array job, or finished datasets one after another.

    python data_tools/preprocess.py merge --output-prefix data/medical data/medical-shard-*

The shards may be named by prefix or by any of their files, in any order; merged they are, byte for byte, what one run
without shards would have written.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":  # as a script: the imports below are found from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from data_tools.disk import disk_errors_explained
from data_tools.merging import merge
from data_tools.stopping import Interrupted, stop_requests
from megatron_qm.errors import UserError

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output-prefix", required=True, metavar="PREFIX", help="of the merged dataset")
    parser.add_argument("parts", nargs="+", metavar="PART", help="prefixes of finished datasets, or any of their files")
    parser.add_argument("--resume", action="store_true", help="continue an unfinished merge, or start one")
    parser.add_argument("--overwrite", action="store_true", help="replace PREFIX.* and throw an unfinished merge away")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 2 for what the user can mend, 128 + signal after a clean stop."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    parser = argparse.ArgumentParser(
        prog="preprocess.py merge", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    try:
        return run(parser.parse_args(None if argv is None else list(argv)))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(args: argparse.Namespace) -> int:
    """What parsed arguments ask for. Raises UserError."""
    if args.resume and args.overwrite:
        raise UserError("--resume continues an unfinished merge and --overwrite throws it away: choose one")
    try:
        with stop_requests() as stop, disk_errors_explained():
            merge(args.output_prefix, args.parts, stop, resume=args.resume, overwrite=args.overwrite)
    except Interrupted as interruption:
        log.warning("%s", interruption)
        return interruption.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
