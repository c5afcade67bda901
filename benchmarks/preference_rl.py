"""SFT, DPO and GRPO on one reward model, at equal rollouts: how much gold do they end with? (Table 5 of the report, in small.)

    python benchmarks/preference_rl.py [--seed N ...] [--steps N] [--arm NAME ...] [--output FILE]

Each seed's world, base and reward model are those of benchmarks/reward_model.py (--folder), which is run first. A policy is made
by fine-tuning on answers with faults (sft.jsonl: 0.66 of gold). GRPO takes --steps batches of rollouts of its own. For the other
two the policy writes as many responses to the same prompts; the reward model picks the best of each eight, which SFT learns, and
the worst, which DPO sets against it. Told is the gold reward of responses that are drawn to held-out prompts, with intervals.
"""

import argparse
import itertools
import json
import shlex
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from megatron_qm.checkpoint.folder import newest
from megatron_qm.checkpoint.manifest import versions
from megatron_qm.files import write_json, write_json_lines

import small_world  # isort: skip  (its neighbours)
from json_lines import read_rows  # isort: skip

ARMS = ("policy", "sft", "dpo", "grpo")
PROMPTS, SAMPLES = small_world.PROMPTS, small_world.SAMPLES


def main() -> None:
    args = _arguments()
    seeds = {seed: _seed(args.folder / f"seed-{seed}", seed, args) for seed in args.seed or (0, 1, 2)}
    worth = {arm: [value for seed in seeds.values() for value in seed[arm]] for arm in args.arm or ARMS}
    write_json(args.output, {
        "what": "gold reward of responses that are drawn to held-out prompts, by what the reward model's verdicts were used for",
        "date": date.today().isoformat(), "command": shlex.join(["python", "benchmarks/preference_rl.py", *sys.argv[1:]]),
        "versions": versions(), "rollouts": args.steps * PROMPTS * SAMPLES,
        "all_seeds": _told(worth), "seeds": [{"seed": seed, **_told(found)} for seed, found in seeds.items()],
    })
    print(args.output.read_text())


def _told(worth: dict[str, list[float]]) -> dict:
    return {arm: small_world.mean_told(values) for arm, values in worth.items()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/gold"), help="of the runs (default: %(default)s)")
    parser.add_argument("--seed", type=int, action="append", help="repeatable (default: 0, 1 and 2)")
    parser.add_argument("--steps", type=int, default=60, help="batches of rollouts (default: %(default)s)")
    parser.add_argument("--reward-model", default="bradley-terry", metavar="ARM",
                        help="of benchmarks/reward_model.py (default: %(default)s)")
    parser.add_argument("--arm", action="append", choices=ARMS, help="only this one; repeatable")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/preference-rl.json"))
    return parser.parse_args()


def _seed(folder: Path, seed: int, args: argparse.Namespace) -> dict[str, list[float]]:
    """Of each arm the gold of each held-out prompt's answer."""
    judge, policy, found = newest(folder / args.reward_model), small_world.policy(folder, seed), {}
    for arm in args.arm or ARMS:
        found[arm] = small_world.gold_of(_trained(arm, folder, policy, judge, seed, args.steps), folder)
        print(f"seed {seed}, {arm}: {small_world.mean_told(found[arm])}", flush=True)
    return found


def _trained(arm: str, folder: Path, policy: Path, judge: Path, seed: int, steps: int) -> Path:
    output = folder / f"preference-{arm}"
    if arm == "policy":
        return policy
    if arm == "grpo":
        return small_world.by_rewards(output, policy, folder, seed, {"preferred": judge}, steps)
    pairs = folder / "rollouts" / "pairs.jsonl"
    if not pairs.exists():
        _rollouts(pairs, folder, policy, judge, seed, steps)
    if arm == "dpo":
        return small_world.once(output, "dpo", "dpo-tiny-cpu", policy, seed,
                                f"dpo.sources=[{{name: rollouts, path: {pairs}}}]", "schedule.warmup_steps=3")
    best = pairs.with_name("best.jsonl")
    write_json_lines(best, ({"messages": [{"role": "user", "content": row["prompt"]},
                                          {"role": "assistant", "content": row["chosen"]}]} for row in read_rows(pairs)))
    return small_world.once(output, "sft", "sft-tiny-cpu", policy, seed, f"sft.sources=[{{name: best, path: {best}}}]",
                            "sft.epochs=1", "optimizer.lr=3e-4", "schedule.warmup_steps=3")


def _rollouts(pairs: Path, folder: Path, policy: Path, judge: Path, seed: int, steps: int) -> None:
    """The best and the worst of each group of responses, by the reward model, as pairs."""
    pairs.parent.mkdir(exist_ok=True)
    items = [row["prompt"] for row in read_rows(folder / "data" / "rl.jsonl")]
    in_turns = itertools.islice(itertools.cycle(items), steps * PROMPTS)
    asked = [{"key": str(at), "prompt": prompt} for at, prompt in enumerate(in_turns)]
    responses = small_world.responses(policy, {row["key"]: row["prompt"] for row in asked}, pairs.parent, seed)
    sides = pairs.with_name("sides.jsonl")
    # What is empty is no response to learn from. `evaluate --pairs` tells the score of every response of a line; which side
    # one stands on does not matter to that.
    told = {key: distinct for key, some in responses.items() if len(distinct := list(dict.fromkeys(filter(None, some)))) > 1}
    asked = [row for row in asked if row["key"] in told]
    write_json_lines(sides, ({"key": row["key"], "prompt": row["prompt"], "chosen": told[row["key"]][:1],
                              "rejected": told[row["key"]][1:]} for row in asked))
    scores = pairs.with_name("scores.json")
    small_world.megatron_qm("evaluate", "--model", judge, "--pairs", sides, "--output", scores, "--overwrite")
    by_key = {row["key"]: [*row["chosen"], *row["rejected"]] for row in json.loads(scores.read_text())["scores"]}
    write_json_lines(pairs, _extremes(asked, told, by_key))


def _extremes(asked: list[dict], responses: dict[str, list[str]], scores: dict[str, list[float | None]]) -> Iterator[dict]:
    for row in asked:
        scored = zip(scores[row["key"]], responses[row["key"]], strict=True)
        known = [(score, text) for score, text in scored if score is not None]
        if known and (best := max(known))[1] != (worst := min(known))[1]:
            yield {"prompt": row["prompt"], "chosen": best[1], "rejected": worst[1]}


if __name__ == "__main__":
    main()
