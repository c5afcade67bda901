"""What is it worth to choose the pairs that annotators see? Rounds of labels that a reward model asks for, against as many that
are drawn at random, from the same start. Three seeds.

    python benchmarks/reward_loop.py [--seed N ...] [--rounds N] [--labels N] [--loop KEY=VALUE ...]

Each seed's world and base are those of benchmarks/reward_model.py (--folder), and so is the first reward model, which has
learnt from 20,000 noisy pairs. `megatron-qm reward-loop` goes on from it twice, on --pairs of those pairs and on labels of two
annotators, one of whom is wrong in 15% of his verdicts (data_tools/preferences/annotators.py): --rounds rounds of --labels
pairs, chosen; and one round of all of them, random. Told are errors on held-out pairs of the stratum `hard`, which the gold
reward judges, with Wilson's intervals; the share of errors saved by choosing, with an interval by a bootstrap over held-out
pairs (the same for both; seeds are kept apart); and labels per point gained. (Of the diseases of `hard_diseases` no pair of
training speaks: what is right of them cannot be learnt from labels, so `loop.html` alone has them.)
"""

import argparse
import json
import shlex
import shutil
import sys
from datetime import date
from pathlib import Path

import numpy as np

from megatron_qm.checkpoint.manifest import versions
from megatron_qm.evals.statistics import wilson_interval
from megatron_qm.files import write_json

import small_world  # isort: skip  (its neighbour)

HARD = "hard"
ARMS = ("chosen", "random")
RESAMPLES = 5000
# Labels outweigh the noisy pairs, and are read once or twice: more passes learn mistakes by heart.
LOOP = ("labels_share=0.9", "pairs_per_prompt=6")
GOING_ON = ("reward_model.epochs=1", "optimizer.lr=1e-3", "schedule.warmup_steps=5")


def main() -> None:
    args = _arguments()
    seeds = [_seed(args, args.folder / f"seed-{seed}", seed) for seed in args.seed or (0, 1, 2)]
    write_json(args.output, {
        "what": "errors on hard held-out pairs after labels that a reward model asks for, and after as many random ones",
        "date": date.today().isoformat(), "command": shlex.join(["python", "benchmarks/reward_loop.py", *sys.argv[1:]]),
        "versions": versions(), "labels": args.rounds * args.labels,
        "all_seeds": _told([seed.pop("wrong") for seed in seeds], args), "seeds": seeds,
    })
    print(args.output.read_text())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/gold"), help="of the runs (default: %(default)s)")
    parser.add_argument("--seed", type=int, action="append", help="repeatable (default: 0, 1 and 2)")
    parser.add_argument("--pairs", type=int, default=300, help="noisy ones, learnt from beside labels (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--labels", type=int, default=200, help="of each round (default: %(default)s)")
    parser.add_argument("--recipe", default="reward-model-tiny-cpu", help="of the reward model (default: %(default)s)")
    parser.add_argument("--annotator", default="data_tools.preferences.annotators:one_hasty", metavar="MODULE:FUNCTION")
    parser.add_argument("--loop", action="append", default=[], metavar="KEY=VALUE", help="for both, such as labels_share=0.5")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/reward-loop.json"))
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="for the recipe, such as reward_model.epochs=1")
    return parser.parse_args()


def _seed(args: argparse.Namespace, folder: Path, seed: int) -> dict:
    base, data = small_world.prepared(folder, seed), folder / "data"
    start = small_world.reward_model(folder / "bradley-terry", base, data / "pairs.jsonl", seed, "reward_model.loss={}")
    folder = folder / "reward-loop"
    folder.mkdir(exist_ok=True)
    lines = (data / "pairs.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "first.jsonl").write_text("".join(lines[: args.pairs]), encoding="utf-8")
    config = {"start_from": str(start), "recipe": args.recipe, "overrides": [*small_world.LEARNING, *GOING_ON, *args.overrides],
              "first_pairs": str(folder / "first.jsonl"), "candidates": str(data / "candidates.jsonl"), "seed": seed,
              "held_out": str(data / "held_out_pairs.jsonl"), "annotators": {"names": ["ann", "ben"], "function": args.annotator}}
    last = {"chosen": args.rounds, "random": 1}
    _loop(config, folder / "chosen", [*LOOP, *args.loop, f"rounds={args.rounds}", f"labels={args.labels}"])
    if not (folder / "random" / "start").exists():  # the same start, which is done once
        shutil.copytree(folder / "chosen" / "start", folder / "random" / "start")
    _loop(config, folder / "random", [*LOOP, *args.loop, "rounds=1", f"labels={args.rounds * args.labels}", "choose=random"])
    found: dict = {"seed": seed}
    strata = {str(at): json.loads(line)["stratum"] for at, line in enumerate((data / "held_out_pairs.jsonl").open(), start=1)}
    found["wrong"] = {"start": _wrong(folder / "chosen" / "start", strata),
                      **{arm: _wrong(folder / arm / f"round-{last[arm]}", strata) for arm in ARMS}}
    found |= _told([found["wrong"]], args)
    found["rounds"] = json.loads((folder / "chosen" / "loop.json").read_text())["rows"]
    return found


def _loop(config: dict, output: Path, changes: list[str]) -> None:
    path = output.with_suffix(".yaml")
    path.write_text(json.dumps(config | {"output": str(output)}))  # JSON is YAML
    small_world.megatron_qm("reward-loop", "--config", path, *changes)


def _wrong(folder: Path, strata: dict[str, str]) -> np.ndarray:
    """[pairs] of the hard stratum, in the file's order: whether the better response has no higher score."""
    rows = json.loads((folder / "measure" / "held-out.json").read_text())["scores"]
    return np.array([not row["chosen"] > row["rejected"] for row in rows if strata[row["key"]] == HARD])


def _told(wrong: list[dict[str, np.ndarray]], args: argparse.Namespace) -> dict:
    """wrong: of each seed, by start and arm."""
    pooled = {arm: np.concatenate([one[arm] for one in wrong]) for arm in ("start", *ARMS)}
    errors = {arm: _share(some) for arm, some in pooled.items()}
    gained = {arm: 100 * (pooled["start"].mean() - pooled[arm].mean()) for arm in ARMS}
    labels = args.rounds * args.labels
    return {"errors_on_hard_pairs": errors, "points_gained": gained,
            "labels_per_point": {arm: labels / points if points > 0 else None for arm, points in gained.items()},
            "errors_saved_by_choosing": _saved(wrong)}


def _share(wrong: np.ndarray) -> dict:
    low, high = wilson_interval(int(wrong.sum()), len(wrong))
    return {"share": float(wrong.mean()), "low": low, "high": high, "n": len(wrong)}


def _saved(wrong: list[dict[str, np.ndarray]]) -> dict:
    """1 - errors(chosen) / errors(random), and the middle 95% of what resampled pairs give."""
    draw, found = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        some = [draw.integers(len(one["random"]), size=len(one["random"])) for one in wrong]
        counts = [sum(one[arm][at].sum() for one, at in zip(wrong, some, strict=True)) for arm in ARMS]
        found.append(1 - counts[0] / max(counts[1], 1))
    chosen, random = (sum(one[arm].sum() for one in wrong) for arm in ARMS)
    low, high = np.quantile(found, [0.025, 0.975])
    return {"share": float(1 - chosen / max(random, 1)), "low": float(low), "high": float(high)}


if __name__ == "__main__":
    main()
