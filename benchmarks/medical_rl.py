"""What does medical RL teach, what does it make the model forget, and which curriculum is best? Three seeds.

    python benchmarks/medical_rl.py [--quickstart runs/quickstart] [--seed N ...] [--arm NAME ...] [--output FILE]

Each seed deals the diseases anew, fine-tunes the quickstart's checkpoint (sft-tiny-cpu) and carries it through rl-tiny-cpu once
for each arm, at equal numbers of prompts; one of them with a scripted endpoint (scripted_judge.py) behind the rules. The
examination is the same for all: greedy answers to held-out questions (other phrasings about the diseases that RL asked about;
and about diseases that neither stage has asked about), judged by the rules alone, and by the rules with the endpoint behind
them. On the way the held-out questions are asked every 20 steps: the prompts that an arm needs to come to where no resampling
ends. About 7 minutes for an arm of a seed on two cores; a run that is there already is not run again, and with --add the seeds
that the output has from another day stay in it.
"""

import argparse
import itertools
import json
import math
import shlex
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from operator import itemgetter
from pathlib import Path

from megatron_qm.checkpoint.manifest import versions
from megatron_qm.evals.statistics import mean_interval
from megatron_qm.files import write_json
from megatron_qm.lifecycle import Lifecycle, newest
from megatron_qm.rewards.hybrid import hybrid
from megatron_qm.rewards.items import read_items
from megatron_qm.rewards.outcome import Scored
from megatron_qm.rewards.registry import load

import scripted_judge  # isort: skip  (its neighbour)

HELD_OUT = ("held_out", "never_asked")
TASKS = ("diagnosis", "drugs", "exam")
PLAIN = "no resampling"  # what the others are measured against
ARMS = {  # overrides of rl-tiny-cpu; SFT is the folder of the fine-tuning
    PLAIN: ["rl.curriculum.resample=false"],
    "mastered prompts leave": [],
    "a quarter of them is rehearsed": ["rl.curriculum.rehearse=0.25"],
    "asked by difficulty": ["rl.curriculum.by=difficulty", "rl.curriculum.rehearse=0.25"],
    "replay of the fine-tuning": ["rl.curriculum.resample=false", "rl.replay={weight: 0.3, sources: {folder: SFT/data}}"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quickstart", type=Path, default=Path("runs/quickstart"))
    parser.add_argument("--folder", type=Path, default=Path("runs/medical-rl"), help="of the runs (default: %(default)s)")
    parser.add_argument("--seed", type=int, action="append", help="repeatable (default: 0, 1 and 2)")
    parser.add_argument("--add", action="store_true", help="to the seeds that the output has")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/medical-rl.json"))
    parser.add_argument("--arm", action="append", choices=[*ARMS, "rules and model"], help="only this one; repeatable")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="for the recipe of RL, such as train.steps=20")
    args = parser.parse_args()
    with scripted_judge.scripted_judge() as base:
        judge = f"rl.verifier.judge={{base: '{base}', model: scripted, votes: 1, agreement: 0.5, seconds: 5}}"
        told = {**ARMS, "rules and model": [judge]}
        arms = {name: told[name] for name in args.arm or told}
        seeds = [_seed(args.quickstart, args.folder / f"seed-{seed}", seed, arms, args.overrides)
                 for seed in args.seed or (0, 1, 2)]
    if args.add and args.output.exists():
        there = json.loads(args.output.read_text(encoding="utf-8"))["seeds"]
        known = {seed["seed"] for seed in seeds}
        seeds = sorted([*seeds, *(seed for seed in there if seed["seed"] not in known)], key=itemgetter("seed"))
    report = {
        "what": "greedy answers to held-out questions before and after RL, judged by rules; mean score of each task",
        "date": date.today().isoformat(),
        "command": shlex.join(["python", "benchmarks/medical_rl.py", *sys.argv[1:]]),
        "versions": versions(),
        "all_seeds": _pooled(seeds),
        "prompts_to_where_no_resampling_ends": _prompts_needed(seeds),
        "seeds": seeds,
    }
    write_json(args.output, report)
    print(json.dumps({name: report[name] for name in ("all_seeds", "prompts_to_where_no_resampling_ends")}, indent=2))


def _seed(quickstart: Path, folder: Path, seed: int, arms: Mapping[str, list[str]], overrides: list[str]) -> dict:
    life = Lifecycle(folder=quickstart, output=folder, seed=seed)
    life.pretrained()
    if not (folder / "sft" / "done.json").exists():
        life.build_data()
        life.fine_tune("sft-tiny-cpu")
        _done(folder / "sft", life.seconds)
    found = {"seed": seed, "after SFT": _last(folder / "sft")}
    for name, told in arms.items():
        run = folder / f"rl-{name.replace(',', '').replace(' ', '-')}"
        if not (run / "done.json").exists():
            walk = Lifecycle(folder=quickstart, output=folder, seed=seed)
            told = [override.replace("SFT", str(folder / "sft")) for override in told]
            walk.reinforce("rl-tiny-cpu", [f"output={run}", "observe.examine_every=20", *told, *overrides])
            _done(run, walk.seconds)
        found[f"after RL: {name}"] = _last(run) | {"rewards": _rewards(run), "on_the_way": _on_the_way(run)}
    return found


def _done(run: Path, seconds: Mapping[str, float]) -> None:
    write_json(run / "done.json", {"seconds": {title: round(value) for title, value in seconds.items()}})


def _last(run: Path) -> dict:
    """How the last checkpoint of a run answers, by task as accuracy, interval and count; and what the run took."""
    found: dict = {name: _by_task(_examined(run, name)["summary"]) for name in HELD_OUT}
    found["held_out by rules and model"] = _with_model(_examined(run, HELD_OUT[0])["answers"], run.parent / "data")
    return found | {"seconds": sum(json.loads((run / "done.json").read_text(encoding="utf-8"))["seconds"].values())}


def _examined(run: Path, name: str) -> dict:
    """What `megatron-qm evaluate` says of the last checkpoint, asked once."""
    output = run / f"{name}.json"
    if not output.exists():
        items = run.parent / "data" / f"{name}.jsonl"
        subprocess.run([sys.executable, "-m", "megatron_qm.cli", "evaluate", "--model", str(newest(run)), "--items", str(items),
                        "--max-new-tokens", "64", "--output", str(output)], check=True, stdout=subprocess.DEVNULL)
    return json.loads(output.read_text(encoding="utf-8"))


def _with_model(answers: list[dict], data: Path) -> dict:
    """The mean score of each task's answers where the endpoint decides what the rules cannot read."""
    items = {item.key: item for item in read_items(data / f"{HELD_OUT[0]}.jsonl")}
    values: dict[str, list[float]] = {}
    for answer in answers:
        item = items[answer["key"]]
        outcome = hybrid(load(item.task), scripted_judge.verdict, k=1)(
            item.question, answer["response"], item.reference, item.metadata)
        values.setdefault(item.task, []).append(outcome.value if isinstance(outcome, Scored) else 0.0)
    found = {task: (_mean(scores), mean_interval(scores), len(scores)) for task, scores in values.items()}
    return {task: _score({"accuracy": mean, "low": low, "high": high, "n": n}) for task, (mean, (low, high), n) in found.items()}


def _by_task(summary: list[dict]) -> dict:
    return {score["group"]: _score(score) for score in summary if score["group"] in TASKS}


def _score(record: Mapping) -> dict:
    return {"accuracy": round(record["accuracy"], 4), "low": round(record["low"], 4), "high": round(record["high"], 4),
            "n": record["n"]}


def _rewards(run: Path, parts: int = 4) -> dict:
    """Mean reward of each task over quarters of the run; how often the model behind the rules was asked, and said yes."""
    records = [json.loads(line) for line in (run / "metrics.jsonl").open(encoding="utf-8")]
    batches = [record for record in records if record["kind"] == "rl"]
    cuts = [batches[len(batches) * i // parts : len(batches) * (i + 1) // parts] for i in range(parts)]
    tasks = sorted(batches[0]["reward_by_task"])
    by_task = {task: [round(_mean([b["reward_by_task"][task] for b in cut if task in b["reward_by_task"]]), 3) for cut in cuts]
               for task in tasks}
    outcomes = [json.loads(line) for path in run.glob("rollouts/*.outcomes.jsonl") for line in path.open(encoding="utf-8")]
    asked = [outcome for outcome in outcomes if "model" in outcome.get("parts", {})]
    return {
        "by_quarter": by_task, "prompts": sum(batch["prompts"] for batch in batches), "responses": len(outcomes),
        "mastered": max((batch["resampled"]["mastered"] for batch in batches if batch["resampled"]), default=0),
        "model_asked": len(asked), "model_passed": sum(outcome["value"] > 0.5 for outcome in asked),
    }


def _on_the_way(run: Path) -> list[list[float]]:
    """[prompts that were asked, mean score of the tasks on the held-out questions], from the first examination to the last."""
    records = [json.loads(line) for line in (run / "metrics.jsonl").open(encoding="utf-8")]
    prompts = {record["step"]: record["prompts"] for record in records if record["kind"] == "rl"}
    scores: dict[int, list[float]] = {}
    for record in records:
        if record["kind"] == "probe" and record["name"] in TASKS:
            scores.setdefault(record["step"], []).append(record["accuracy"])
    return [[sum(count for at, count in prompts.items() if at <= step), round(_mean(values), 4)]
            for step, values in sorted(scores.items())]


def _prompts_needed(seeds: list[dict]) -> dict[str, int | None]:
    """Of each arm, by linear interpolation of the seeds' mean; None where it does not come there."""
    curves = {name: [[_mean(column) for column in zip(*points, strict=True)] for points in
                     zip(*(seed[name]["on_the_way"] for seed in seeds), strict=True)]
              for name in seeds[0] if name.startswith("after RL")}
    plain = curves.get(f"after RL: {PLAIN}")
    return {name: _reached(curve, plain[-1][1]) for name, curve in curves.items()} if plain else {}


def _reached(curve: list[list[float]], goal: float) -> int | None:
    for (prompts, score), (later, higher) in itertools.pairwise(curve):
        if higher >= goal > score:
            return round(prompts + (later - prompts) * (goal - score) / (higher - score))
    return None


def _pooled(seeds: list[dict]) -> dict:
    """Means over the seeds with 95% intervals: the seeds' items counted as drawn independently."""
    stages = [name for name in seeds[0] if name != "seed"]
    return {stage: {held: {task: _over([seed[stage][held][task] for seed in seeds]) for task in TASKS}
                    for held, scores in seeds[0][stage].items() if isinstance(scores, dict) and set(scores) == set(TASKS)}
            for stage in stages}


def _over(scores: list[dict]) -> dict:
    half = math.sqrt(sum(((score["high"] - score["low"]) / 2) ** 2 for score in scores)) / len(scores)
    mean = _mean([score["accuracy"] for score in scores])
    return {"accuracy": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4),
            "n": sum(score["n"] for score in scores)}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
