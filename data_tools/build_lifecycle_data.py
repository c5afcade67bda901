#!/usr/bin/env python3
"""Conversations, prompts and held-out items about the facts of the quickstart's corpus: what `make lifecycle` goes on with.

    python data_tools/build_lifecycle_data.py --output DIR

Writes DIR/sft-{diagnosis,drugs,exam}.jsonl, DIR/rl.jsonl and DIR/held_out.jsonl. The diseases of the three do not overlap;
their facts are all in the pretraining corpus. The same seed writes the same bytes.
"""

import argparse
import random
import sys
from pathlib import Path
from typing import Any

import orjson

from data_tools.knowledge.tasks import deal, tasks
from data_tools.knowledge.triples import disease_triples
from megatron_qm.errors import UserError
from megatron_qm.files import atomic_write


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    try:
        for name, count in build(args.output, args.sft_share, args.held_out_share, args.seed).items():
            print(f"{args.output / name}: {count:,} lines")
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def build(output: Path, sft_share: float, held_out_share: float, seed: int) -> dict[str, int]:
    """Write all files and return the lines in each."""
    for name, value in (("--sft-share", sft_share), ("--held-out-share", held_out_share)):
        if not 0 < value < 1:
            raise UserError(f"{name} {value}: must lie between 0 and 1")
    if sft_share + held_out_share >= 1:
        raise UserError(f"--sft-share {sft_share} and --held-out-share {held_out_share} leave nothing for RL")
    files: dict[str, list[dict[str, Any]]] = {}
    for language in ("en", "zh"):
        triples, draw = disease_triples(language), random.Random(f"{seed} {language}")
        shown, held, asked = deal(triples, (sft_share, held_out_share), draw)
        for task in tasks(triples, shown, 4, draw):
            files.setdefault(f"sft-{task.item['task']}.jsonl", []).append(task.conversation())
        for name, subjects in (("rl.jsonl", asked), ("held_out.jsonl", held)):
            files.setdefault(name, []).extend(task.item for task in tasks(triples, subjects, 4, draw))
    return {name: _write(output / name, rows) for name, rows in files.items()}


def _write(path: Path, rows: list[dict[str, Any]]) -> int:
    with atomic_write(path) as stream:
        for row in rows:
            stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    return len(rows)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--sft-share", type=float, default=0.3, help="of the diseases (default: %(default)s)")
    parser.add_argument("--held-out-share", type=float, default=0.25, help="of the diseases (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
