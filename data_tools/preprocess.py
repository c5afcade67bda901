"""Raw text to an indexed dataset that Megatron-Core trains on.

    python data_tools/preprocess.py --input 'raw/*.jsonl.gz' --output-prefix data/medical --tokenizer TOKENIZER

reads documents, tokenises them in large batches and writes PREFIX.bin and PREFIX.idx in Megatron's format, with a
manifest PREFIX.json. A run that was killed goes on with --resume. An array job gives every task its --shard-index and
the --shard-count; afterwards

    python data_tools/preprocess.py merge --output-prefix data/medical data/medical-shard-*

makes one dataset of the shards. docs/data-format.md tells the rest.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":  # as a script: the imports below are found from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from data_tools import options
from data_tools.disk import disk_errors_explained
from data_tools.pipeline import preprocess
from data_tools.stopping import Interrupted, stop_requests
from megatron_qm.errors import UserError

log = logging.getLogger(__name__)

add_arguments = options.add_arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 2 for what the user can mend, 128 + signal after a clean stop."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    if arguments[:1] == ["merge"]:
        from data_tools import merge

        return merge.main(arguments[1:])
    parser = argparse.ArgumentParser(
        prog="preprocess.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    try:
        return run(parser.parse_args(arguments))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # the second one: the first is answered by a clean stop
        print("interrupted; --resume goes on from the last commit", file=sys.stderr)
        return 130


def run(args: argparse.Namespace) -> int:
    """What parsed arguments ask for. Raises UserError."""
    asked = options.from_arguments(args)
    try:
        with stop_requests() as stop, disk_errors_explained():
            preprocess(asked, stop)
    except Interrupted as interruption:
        log.warning("%s", interruption)
        return interruption.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
