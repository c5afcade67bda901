#!/usr/bin/env python3
"""Pairs that teach a reward model whether a conclusion follows from the reasoning before it: the better side is a response, the
worse one the same reasoning with another sample's conclusion, or with another option in the place of its answer.

    python data_tools/build_consistency.py --input responses.jsonl --output runs/consistency --seed 0
    megatron-qm reward-model --config reward-model-tiny-cpu train.start_from=CKPT \\
        'reward_model.sources=[{name: consistency, path: runs/consistency/pairs.jsonl}]'
    megatron-qm evaluate --model runs/reward-model/checkpoints/STEP --pairs runs/consistency/held_out_pairs.jsonl

Lines of --input hold prompt and response; kind (conclusions are exchanged within a kind), answer and options where they have
them. The conclusion is what follows the last </think>, or begins with the last --marker, or is the last paragraph. Writes
DIR/pairs.jsonl, DIR/held_out_pairs.jsonl (other prompts), and last DIR/summary.json: counts, and a digest of both. The same seed
writes the same bytes. All are made aside first: what a killed run has left is known by that, and goes with the next one.
"""

import argparse
import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_tools.consistency.pairs import is_held_out, pairs_of
from data_tools.consistency.samples import Sample, read_samples
from data_tools.knowledge.rows import write_rows
from megatron_qm.errors import UserError
from megatron_qm.files import folder_for, publish, sha256, write_json
from megatron_qm.json_types import parse_json

FILES, SUMMARY = ("pairs.jsonl", "held_out_pairs.jsonl"), "summary.json"
_ASIDE = ".build_consistency.partial"
_MOST_EXCHANGES = 1000


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    try:
        summary = build(args.input, args.output, args.seed, args.held_out, args.exchanges, args.kind, args.marker)
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name, told in summary["files"].items():
        print(f"{args.output / name}: " + ", ".join(f"{count:,} {stratum}" for stratum, count in told["strata"].items()))
    print("left out: " + (", ".join(f"{count:,} {why}" for why, count in summary["left_out"].items()) or "none"))
    return 0


def build(
    input: Path, output: Path, seed: int, held_out: float = 0.1, exchanges: int = 1, kind: str = "kind",
    markers: Sequence[str] = (),
) -> dict[str, Any]:
    """Write the files, the summary last, and return it. Raises UserError for an option out of its range, for a line that is no
    response, and where no pair can be made."""
    if not 0 <= held_out < 1:
        raise UserError(f"--held-out {held_out}: a share of the prompts, 0 or more and less than 1")
    if not 1 <= exchanges <= _MOST_EXCHANGES:
        raise UserError(f"--exchanges {exchanges}: must lie between 1 and {_MOST_EXCHANGES:,}")
    if not all(markers):
        raise UserError("--marker is empty: it is a text with which conclusions begin")
    _take_back(output)
    _check_free(output)
    read = read_samples(input, kind, markers)
    samples = [one for one in read if isinstance(one, Sample)]
    left_out = Counter(one for one in read if isinstance(one, str))
    apart = [is_held_out(sample.prompt, held_out, seed) for sample in samples]
    files: dict[str, list[dict[str, Any]]] = {}
    for name, held in zip(FILES, (False, True), strict=True):
        mine = [sample for sample, out in zip(samples, apart, strict=True) if out == held]
        files[name], why = pairs_of(mine, exchanges, seed)
        left_out += why
    if not files["pairs.jsonl"]:
        raise UserError(f"{input}: no pair can be made of it: " + ", ".join(f"{n} {why}" for why, n in left_out.most_common()))
    return _written(output, files, left_out, seed)


def _check_free(output: Path) -> None:
    """Raises UserError for a folder in which a file of these names is already."""
    there = next((output / name for name in (*FILES, SUMMARY) if os.path.lexists(output / name)), None)
    if there is not None:
        raise UserError(f"--output {output}: {there} is there already, and is not replaced; name another folder, or move it away")


def _take_back(output: Path) -> None:
    """What a run has left that was killed: all of it lies aside, or part of it under its name and the rest aside."""
    aside = output / _ASIDE
    if not aside.is_dir():
        return
    try:
        told = parse_json((aside / SUMMARY).read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        told = {}  # it had not come to the names
    for name in FILES:
        moved = not (aside / name).exists() and (output / name).is_file()
        if moved and told.get(name, {}).get("sha256") == sha256(output / name):
            (output / name).unlink()
    shutil.rmtree(aside)


def _written(output: Path, files: dict[str, list[dict[str, Any]]], left_out: Counter[str], seed: int) -> dict[str, Any]:
    aside = output / _ASIDE
    with folder_for(output):
        try:
            aside.mkdir()
            lines = {name: write_rows(aside / name, rows) for name, rows in files.items()}
            strata = {name: dict(sorted(Counter(row["stratum"] for row in rows).items())) for name, rows in files.items()}
            told = {name: {"lines": lines[name], "strata": strata[name], "sha256": sha256(aside / name)} for name in files}
            summary = {"seed": seed, "files": told, "left_out": dict(left_out.most_common())}
            write_json(aside / SUMMARY, summary)
            for name in (*FILES, SUMMARY):
                publish(aside / name, output / name)
            aside.rmdir()
        except BaseException:
            _take_back(output)
            raise
    return summary


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, required=True, metavar="FILE", help="JSON lines of responses")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn, and of the split (default: %(default)s)")
    parser.add_argument("--held-out", type=float, default=0.1, metavar="SHARE", help="of the prompts (default: %(default)s)")
    parser.add_argument("--exchanges", type=int, default=1, metavar="N", help="of each conclusion (default: %(default)s)")
    parser.add_argument("--kind", default="kind", metavar="FIELD",
                        help="conclusions are exchanged between lines that have the same here; those without it are of one kind "
                        "(default: %(default)s)")
    parser.add_argument("--marker", action="append", default=[], metavar="TEXT",
                        help='with which conclusions begin, such as "The answer is"; repeatable')
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
