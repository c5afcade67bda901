"""How well does a reward model tell gold answers apart, what do ties teach it, and what does it make of length? Three seeds.

    python benchmarks/reward_model.py [--seed N ...] [--share S] [--pairs N] [--arm NAME ...] [--output FILE]

Each seed draws its world anew (benchmarks/small_world.py: a share of the diseases, in English, and a base model that has read
about them), and pairs with mistakes (10% turned round, 10% ties, in 15% the longer side preferred whatever it is worth). A
reward model learns from them by reward-model-tiny-cpu, once for each arm, and is asked about held-out pairs in other wordings and
about other diseases. Told are accuracy by stratum and part with intervals, how far apart scores of equals are, and the slope of
the score on length; then all seeds together.
"""

import argparse
import json
import shlex
import sys
from datetime import date
from pathlib import Path

from megatron_qm.checkpoint.manifest import versions
from megatron_qm.evals.statistics import wilson_interval
from megatron_qm.files import write_json

import small_world  # isort: skip  (its neighbour)

ARMS = {
    "bradley-terry": "{}",
    "closeness": "{ties: closeness, tie_weight: 4}",
    "rao-kupper": "{ties: rao-kupper}",
    "closeness, beside length": "{ties: closeness, tie_weight: 4, length: %s}",
}
_WORLD = small_world.COUNTS
KEYS = ("accuracy", "low", "high", "n", "ties", "longer_wins", "strata", "tied", "slopes", "calibration")


def main() -> None:
    args = _arguments()
    seeds = [_seed(args.folder / f"seed-{seed}", seed, args) for seed in args.seed or (0, 1, 2)]
    write_json(args.output, {
        "what": "accuracy of reward models on held-out pairs whose better side the gold reward knows",
        "date": date.today().isoformat(), "command": shlex.join(["python", "benchmarks/reward_model.py", *sys.argv[1:]]),
        "versions": versions(), "all_seeds": _all([seed["wins"] for seed in seeds]),
        "seeds": [{key: value for key, value in seed.items() if key != "wins"} for seed in seeds],
    })
    print(args.output.read_text())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/gold"), help="of the runs (default: %(default)s)")
    parser.add_argument("--seed", type=int, action="append", help="repeatable (default: 0, 1 and 2)")
    parser.add_argument("--share", type=float, default=small_world.SHARE, help="of the diseases (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=_WORLD["pairs"], help="default: %(default)s")
    parser.add_argument("--held-out", type=int, default=_WORLD["held_out"], help="pairs of each stratum (default: %(default)s)")
    parser.add_argument("--read", type=int, default=_WORLD["read"], help="answers that the base reads (default: %(default)s)")
    parser.add_argument("--length", type=float, default=0.7, help="of the arm beside length (default: %(default)s)")
    parser.add_argument("--arm", action="append", choices=list(ARMS), help="only this one; repeatable")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/reward-model.json"))
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="for the recipe, such as reward_model.epochs=2")
    return parser.parse_args()


def _seed(folder: Path, seed: int, args: argparse.Namespace) -> dict:
    start = small_world.prepared(folder, seed, args.share, pairs=args.pairs, held_out=args.held_out, read=args.read)
    pairs = [json.loads(line) for line in (folder / "data" / "held_out_pairs.jsonl").open()]
    found: dict = {"seed": seed, "wins": {}}
    for arm in args.arm or ARMS:
        run = folder / arm.replace(", ", "-").replace(" ", "-")
        if not (run / "held_out.json").exists():
            loss = ARMS[arm] % args.length if "%" in ARMS[arm] else ARMS[arm]
            model = small_world.reward_model(run, start, folder / "data" / "pairs.jsonl", seed, f"reward_model.loss={loss}",
                                             *args.overrides)
            small_world.megatron_qm("evaluate", "--model", model, "--pairs", folder / "data" / "held_out_pairs.jsonl",
                                    "--output", run / "held_out.json", "--page", run / "held_out.html", "--overwrite")
        said = json.loads((run / "held_out.json").read_text())
        found["wins"][arm] = _wins(pairs, said)
        found[arm] = {key: said[key] for key in KEYS if key in said} | {"parts": _shares(found["wins"][arm])}
    return found


def _wins(pairs: list[dict], said: dict) -> dict[str, list[bool]]:
    """Of each stratum and part, pair by pair: whether the better response has the higher score."""
    wins: dict[str, list[bool]] = {}
    for pair, row in zip(pairs, said["scores"], strict=True):
        if pair["label"] != "tie":
            for name in (pair["stratum"], f"{pair['stratum']}, {pair['part']}"):
                wins.setdefault(name, []).append(row["chosen"] > row["rejected"])
    return wins


def _all(seeds: list[dict[str, dict[str, list[bool]]]]) -> dict:
    return {arm: _shares({name: [win for seed in seeds for win in seed[arm].get(name, [])] for name in seeds[0][arm]})
            for arm in seeds[0]}


def _shares(wins: dict[str, list[bool]]) -> dict:
    found = {}
    for name, some in sorted(wins.items()):
        low, high = wilson_interval(sum(some), len(some))
        found[name] = {"accuracy": round(sum(some) / len(some), 4), "low": round(low, 4), "high": round(high, 4), "n": len(some)}
    return found


if __name__ == "__main__":
    main()
