"""What becomes of the gold reward where a policy learns from one reward model alone, and where from several?

    python benchmarks/over_optimisation.py [--seed N ...] [--steps N] [--output FILE]
    python benchmarks/over_optimisation.py --kl 0.05 --steps 150 --output benchmarks/results/reward-fusion.json

Each seed's world and base are those of benchmarks/reward_model.py (--folder). A reward model of each part (honesty,
helpfulness, consistency, compliance) learns from the noisy pairs of that part alone; that of all pairs is bradley-terry there.
From one policy RL goes on for --steps batches on each of the five, and on the four of parts, fused as gold is made of its
parts: honesty and helpfulness twice as heavy as consistency, and nothing for what compliance holds for forbidden
(rl.fusion.kind: adaptive). The gold reward is measured beside them. Told are, of each run, gold at its beginning, at its best
and at its end (means of 20 batches), how much of its gain is lost, when the alarm of rl.alarms.unlearnt_loss came and how much
was lost by then, and gold of responses drawn to held-out prompts. `megatron-qm report` plots gold and proxy of each.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np

from data_tools.preferences.gold import PARTS
from megatron_qm.checkpoint.folder import newest
from megatron_qm.checkpoint.manifest import versions
from megatron_qm.config.alarms import AlarmConfig
from megatron_qm.files import write_json
from megatron_qm.observe.alarms import Watch

import small_world  # isort: skip  (its neighbours)
from json_lines import read_rows  # isort: skip

RUNS = ("all", *PARTS, "fused")
WINDOW = 20  # batches of a mean
PROMPTS = 8  # of a batch: many small steps show a course better than few large ones
BATCH = [f"rl.prompts={PROMPTS}", f"train.global_batch_size={PROMPTS * small_world.SAMPLES}"]
WEIGHTS = {"honesty": 0.4, "helpfulness": 0.4, "consistency": 0.2, "compliance": 0.0}
FUSED = ["rl.fusion={kind: adaptive, over: sum, cap: {reward: compliance, below: 0.5, total: 0.0}}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/gold"), help="of the runs (default: %(default)s)")
    parser.add_argument("--seed", type=int, action="append", help="repeatable (default: 0, 1 and 2)")
    parser.add_argument("--steps", type=int, default=300, help="batches of rollouts (default: %(default)s)")
    parser.add_argument("--kl", type=float, default=0.0, help="weight of the distance from the policy (default: %(default)s)")
    parser.add_argument("--run", action="append", choices=RUNS, help="only this one; repeatable")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/over-optimisation.json"))
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="for RL")
    args = parser.parse_args()
    runs = args.run or RUNS
    seeds = {seed: _seed(args.folder / f"seed-{seed}", seed, runs, args) for seed in args.seed or (0, 1, 2)}
    write_json(args.output, {
        "what": "gold reward in RL on reward models of one part each, and on all of them, fused", "steps": args.steps,
        "kl": args.kl, "date": date.today().isoformat(),
        "command": shlex.join(["python", "benchmarks/over_optimisation.py", *sys.argv[1:]]),
        "versions": versions(),
        "all_seeds": {run: small_world.mean_told([value for seed in seeds.values() for value in seed[run].pop("answers")])
                      for run in runs},
        "seeds": [{"seed": seed, **found} for seed, found in seeds.items()],
    })
    print(args.output.read_text())


def _seed(folder: Path, seed: int, runs: Sequence[str], args: argparse.Namespace) -> dict[str, dict]:
    policy, found = small_world.policy(folder, seed), {}
    judges = {part: _judge(folder, part, seed) for part in PARTS if part in runs or "fused" in runs}
    for run in runs:
        output, fused = folder / (f"rl-kl{args.kl:g}-on-{run}" if args.kl else f"rl-on-{run}"), run == "fused"
        rewards = judges if fused else {run: newest(folder / "bradley-terry") if run == "all" else judges[run]}
        weights = WEIGHTS if fused else None
        checkpoint = small_world.by_rewards(output, policy, folder, seed, rewards, args.steps, *BATCH, f"rl.loss.kl={args.kl}",
                                            *(FUSED if fused else []), *args.overrides, weights=weights)
        small_world.megatron_qm("report", output, "--output", f"{output}.html")
        answers = small_world.gold_of(checkpoint, folder)
        found[run] = {**_course(output / "metrics.jsonl"), "held_out": small_world.mean_told(answers), "answers": answers}
    return found


def _judge(folder: Path, part: str, seed: int) -> Path:
    """A reward model of one part of the gold reward."""
    pairs = folder / f"pairs-{part}.jsonl"
    with open(folder / "data" / "pairs.jsonl", encoding="utf-8") as read, open(pairs, "w", encoding="utf-8") as written:
        written.writelines(line for line in read if json.loads(line)["part"] in (part, "tie"))
    return small_world.reward_model(folder / f"judge-{part}", newest(folder / "base"), pairs, seed,
                                    "reward_model.loss={ties: closeness}", "reward_model.epochs=2")


def _course(metrics: Path) -> dict:
    """Of gold and of what is learnt from, batch by batch."""
    records = list(read_rows(metrics))
    batches = [record for record in records if record["kind"] == "rl"]
    gold = np.convolve([one["component_mean"]["gold"] for one in batches], np.full(WINDOW, 1 / WINDOW), "valid")
    proxy = np.convolve([one["reward"] for one in batches], np.full(WINDOW, 1 / WINDOW), "valid")
    watch = Watch(AlarmConfig())  # says what the run's own said
    alarms = [alarm.step for record in records for alarm in watch.see(record) if alarm.metric == "reward gold"]
    ends = [min(max(step - WINDOW, 0), len(gold) - 1) for step in alarms[:1]]
    return {"gold": {"first": gold[0], "best": gold.max(), "best_at": int(gold.argmax()) + WINDOW, "last": gold[-1]},
            "proxy": {"first": proxy[0], "last": proxy[-1]}, "lost_of_gain": _lost(gold),
            "alarm": [{"step": step, "lost_of_gain": _lost(gold[: end + 1])} for step, end in zip(alarms, ends, strict=False)]}


def _lost(gold: np.ndarray) -> float | None:
    """The share of the gain up to its best that is gone at its end."""
    gain = float(gold.max() - gold[0])
    return float(gold.max() - gold[-1]) / gain if gain > 0 else None


if __name__ == "__main__":
    main()
