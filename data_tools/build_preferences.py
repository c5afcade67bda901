#!/usr/bin/env python3
"""Preferences about the facts of the quickstart's corpus, whose true worth a program knows: pairs with annotators' mistakes for
reward models, graded sets, prompts for RL, conversations that a policy begins with, judgements that a generative reward model is
tuned on, and reasonings that consistency is learnt from.

    python data_tools/build_preferences.py --output DIR --seed 0 --pairs 4000

Writes DIR/pairs.jsonl and DIR/held_out_pairs.jsonl, DIR/graded.jsonl and DIR/held_out_graded.jsonl, DIR/candidates.jsonl,
DIR/rl.jsonl and DIR/held_out_rl.jsonl, DIR/sft.jsonl, DIR/judgements.jsonl, DIR/reasonings.jsonl, DIR/read.jsonl, and last
DIR/summary.json: counts, and a digest of every file. The same seed writes the same bytes.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from data_tools.corpus.arguments import add_overwrite
from data_tools.knowledge.rows import check_folder, write_files
from data_tools.preferences.item import LANGUAGES
from data_tools.preferences.sets import (
    Row,
    candidates_to_judge,
    conversations,
    graded,
    held_out_pairs,
    judgements,
    prompts,
    readings,
    reasonings,
    training_pairs,
)
from data_tools.preferences.world import worlds
from megatron_qm.errors import UserError
from megatron_qm.files import sha256, write_json

SUMMARY = "summary.json"
_COUNTS = {"pairs": "for training", "held_out": "held-out pairs of each stratum", "graded": "sets for training",
           "candidates": "sets that nobody has judged", "prompts": "for RL, as many of each file",
           "conversations": "to begin with", "judgements": "for a model that grades", "reasonings": "for build_consistency.py",
           "read": "right answers that a base model has read"}
_DEFAULTS = {"pairs": 4000, "held_out": 400, "graded": 1000, "candidates": 1000, "prompts": 800, "conversations": 3000,
             "judgements": 3000, "reasonings": 3000, "read": 3000}
_MOST = 1_000_000
_PLAIN = ("phrasings", "diseases")  # strata of graded sets and prompts


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    try:
        counts = {name: getattr(args, name) for name in _COUNTS}
        summary = build(args.output, args.seed, counts, args.language, args.share, args.overwrite)
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name, count in summary["lines"].items():
        print(f"{args.output / name}: {count:,} lines")
    print(f"{args.output / SUMMARY}: mean gold of the conversations {summary['gold_of_conversations']:.2f}")
    return 0


def build(
    output: Path, seed: int, counts: Mapping[str, int], languages: Sequence[str] | None = None, share: float = 1.0,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write all files, the summary last, and return it. languages: both for None. share: of the diseases. Raises UserError for a
    count or a share that cannot be, and for a file that is there."""
    for name, count in counts.items():
        if not 1 <= count <= _MOST:
            raise UserError(f"--{name.replace('_', '-')} {count}: must lie between 1 and {_MOST:,}")
    if not 0 < share <= 1:
        raise UserError(f"--share {share}: must lie above 0 and be 1 or less")
    known = worlds(seed, languages or LANGUAGES, share)
    shown, worth = conversations(known, counts["conversations"], seed)
    judged, moved = judgements(known, counts["judgements"], seed)
    files = {
        "pairs.jsonl": training_pairs(known, counts["pairs"], seed),
        "held_out_pairs.jsonl": held_out_pairs(known, counts["held_out"], seed),
        "graded.jsonl": graded(known, counts["graded"], seed, ("train",)),
        "held_out_graded.jsonl": graded(known, counts["held_out"], seed, _PLAIN),
        "candidates.jsonl": candidates_to_judge(known, counts["candidates"], seed),
        "rl.jsonl": prompts(known, counts["prompts"], seed, ("rl",)),
        "held_out_rl.jsonl": prompts(known, counts["prompts"], seed, _PLAIN),
        "sft.jsonl": shown,
        "judgements.jsonl": judged,
        "reasonings.jsonl": reasonings(known, counts["reasonings"], seed),
        "read.jsonl": readings(known, counts["read"], seed),
    }
    check_folder(output, [*files, SUMMARY], overwrite)
    (output / SUMMARY).unlink(missing_ok=True)  # what it says of the files must hold at any time
    lines = write_files(output, files, overwrite)
    summary: dict[str, Any] = {"seed": seed, "counts": dict(counts), "lines": lines, "gold_of_conversations": round(worth, 4),
                               "judgements": {"noise": _counted(moved)}}
    summary |= {name.removesuffix(".jsonl"): _told(files[name]) for name in ("pairs.jsonl", "held_out_pairs.jsonl")}
    summary["diseases"] = {language: {group: len(names) for group, names in world.groups.items()}
                           for language, world in known.items()}
    summary["sha256"] = {name: sha256(output / name) for name in files}
    write_json(output / SUMMARY, summary)
    return summary


def _told(pairs: list[Row]) -> dict[str, Any]:
    """What a file of pairs consists of. longer_wins: how often the longer side is the better, ties apart; agree: how often the
    verdict is the gold reward's."""
    apart = [pair for pair in pairs if pair["label"] != "tie"]
    better = [_gold(pair, "chosen") - _gold(pair, "rejected") for pair in apart]
    longer = [len(str(pair["chosen"])) - len(str(pair["rejected"])) for pair in apart]
    uneven = [gap * length > 0 for gap, length in zip(better, longer, strict=True) if length]
    return {"noise": _counted(pair["metadata"]["noise"] for pair in pairs),
            "parts": _counted(pair["part"] for pair in pairs), "strata": _counted(pair["stratum"] for pair in pairs),
            "longer_wins": round(sum(uneven) / max(len(uneven), 1), 4),
            "agree": round(sum(gap > 0 for gap in better) / max(len(better), 1), 4)}


def _gold(pair: Row, side: str) -> float:
    total: float = pair["metadata"]["gold"][side]["total"]
    return total


def _counted(names: Iterable[object]) -> dict[str, int]:
    return {str(name): count for name, count in sorted(Counter(names).items(), key=str)}


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--language", action="append", choices=LANGUAGES, help="this one alone (default: both)")
    parser.add_argument("--share", type=float, default=1.0, help="of the diseases, for a smaller world (default: all)")
    for name, meant in _COUNTS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=_DEFAULTS[name], metavar="N",
                            help=f"{meant} (default: %(default)s)")
    add_overwrite(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
