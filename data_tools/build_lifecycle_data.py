#!/usr/bin/env python3
"""Conversations, prompts and held-out items about the facts of the quickstart's corpus: what `make lifecycle` goes on with.

    python data_tools/build_lifecycle_data.py --output DIR

Writes DIR/sft-{cards,diagnosis,drugs,exam}.jsonl (all phrasings of the questions, about some diseases), DIR/rl.jsonl (two of
the four phrasings, about others), and two files of held-out questions: DIR/held_out.jsonl has the other two phrasings about
the diseases of rl.jsonl, DIR/never_asked.jsonl about diseases of neither. All facts are in the pretraining corpus. The same
seed writes the same bytes.
"""

import argparse
import random
import sys
from pathlib import Path

from data_tools.corpus.arguments import add_overwrite
from data_tools.knowledge.rows import write_files
from data_tools.knowledge.tasks import cards, deal, tasks
from data_tools.knowledge.triples import disease_triples
from megatron_qm.errors import UserError

_ALL, _ASKED, _HELD_OUT = (0, 1, 2, 3), (0, 1), (2, 3)  # phrasings of the questions


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    try:
        for name, count in build(args.output, args.sft_share, args.never_share, args.cards, args.seed, args.overwrite).items():
            print(f"{args.output / name}: {count:,} lines")
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def build(output: Path, sft_share: float, never_share: float, copies: int, seed: int, overwrite: bool = False) -> dict[str, int]:
    """Write all files and return the lines in each. Raises UserError where a number makes no data, or a file is there."""
    for name, value in (("--sft-share", sft_share), ("--never-share", never_share)):
        if not 0 < value < 1:
            raise UserError(f"{name} {value}: must lie between 0 and 1")
    if sft_share + never_share >= 1:
        raise UserError(f"--sft-share {sft_share} and --never-share {never_share} leave nothing for RL")
    if copies < 0:
        raise UserError(f"--cards {copies}: must be 0 or more")
    files: dict[str, list[dict[str, object]]] = {}
    for language in ("en", "zh"):
        triples, draw = disease_triples(language), random.Random(f"{seed} {language}")
        shown, never, asked = deal(triples, (sft_share, never_share), draw)
        files.setdefault("sft-cards.jsonl", []).extend(cards(triples, copies, draw))
        for task in tasks(triples, shown, _ALL, draw, exams=3):
            files.setdefault(f"sft-{task.item['task']}.jsonl", []).append(task.conversation())
        for name, subjects, phrasings in (("rl.jsonl", asked, _ASKED), ("held_out.jsonl", asked, _HELD_OUT),
                                          ("never_asked.jsonl", never, _HELD_OUT)):
            files.setdefault(name, []).extend(task.item for task in tasks(triples, subjects, phrasings, draw))
    return write_files(output, files, overwrite)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--sft-share", type=float, default=0.3, help="of the diseases (default: %(default)s)")
    parser.add_argument("--never-share", type=float, default=0.4,
                        help="of the diseases, asked about by neither (default: %(default)s)")
    parser.add_argument("--cards", type=int, default=6, metavar="N",
                        help="conversations that tell all about a disease (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    add_overwrite(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
