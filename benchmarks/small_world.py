"""A gold world that two cores can learn: so many diseases, in English, a tokenizer that has every name and value as one token,
and a base model that has read right answers about all of them. What the benchmarks of preferences begin with.

Its base has read the held-out wordings; pairs and prompts of training are in the others alone.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from data_tools.preferences.item import LANGUAGES
from data_tools.preferences.tokens import tokenizer_of_facts
from data_tools.preferences.verifier import gold
from data_tools.preferences.world import worlds
from megatron_qm.checkpoint.folder import newest
from megatron_qm.evals.statistics import mean_interval
from megatron_qm.files import write_json_lines
from megatron_qm.tokenizer import TextTokenizer

from json_lines import read_rows  # isort: skip  (its neighbour)

ENTRIES = 900  # of the tokenizer, beside names and values
LENGTH = 256  # of a packed row
SHARE = 0.36  # of the diseases: 40 to train with
COUNTS = {"pairs": 20_000, "held_out": 400, "read": 20_000, "prompts": 200}  # of build_preferences.py
PROMPTS, SAMPLES = 32, 8  # of a batch of rollouts
MOST_TOKENS = 64  # of a response
GOLD = "gold=data_tools.preferences.verifier:gold"
MODEL = ("{{layers: 4, hidden_size: 128, ffn_hidden_size: 384, heads: 4, kv_heads: 4, head_dim: 32, vocab_size: {vocabulary}, "
         "max_positions: 256, tied_embeddings: true}}")
ONE_CORE = "parallel.devices=1"  # so that seeds may run side by side
TRAINING = [ONE_CORE, f"data.sequence_length={LENGTH}", "train.global_batch_size=16", "train.micro_batch_size=8",
            "schedule.warmup_steps=20", "checkpoint.every=100000"]
LEARNING = [*TRAINING, "optimizer.lr=1.5e-3", "optimizer.min_lr=1e-4"]  # of a reward model


def prepared(folder: Path, seed: int, share: float = SHARE, **counts: int) -> Path:
    """folder/data by build_preferences.py, and folder/base; its checkpoint. What is there already is not made again. counts: in
    the place of COUNTS."""
    data, base = folder / "data", folder / "base"
    if not (data / "summary.json").exists():
        said = [word for name, count in (COUNTS | counts).items() for word in (f"--{name.replace('_', '-')}", str(count))]
        python("data_tools/build_preferences.py", "--output", data, "--seed", seed, "--share", share, "--language", LANGUAGES[0],
               "--overwrite", *said)  # of a run that was stopped
    if not (base / "checkpoints").is_dir():
        vocabulary = _tokenizer(folder, seed, share)
        (folder / "base.yaml").write_text(f"model: {MODEL.format(vocabulary=vocabulary)}\ndevice: cpu\n")
        megatron_qm("sft", "--config", folder / "base.yaml", f"output={base}", f"data.tokenizer={folder}/tokenizer", *TRAINING,
                    f"sft.sources=[{{name: read, path: {data}/read.jsonl}}]", "sft.epochs=4", f"train.seed={seed}",
                    "optimizer.lr=3e-3", "optimizer.min_lr=3e-4")
    return newest(base)


def reward_model(output: Path, start: Path, pairs: Path, seed: int, *overrides: str) -> Path:
    """Learnt from `pairs` once."""
    return once(output, "reward-model", "reward-model-tiny-cpu", start, seed,
                f"reward_model.sources=[{{name: pairs, path: {pairs}}}]", *LEARNING, *overrides)


def policy(folder: Path, seed: int) -> Path:
    """The base of `folder`, fine-tuned on answers with faults (sft.jsonl: 0.66 of gold)."""
    return once(folder / "policy", "sft", "sft-tiny-cpu", newest(folder / "base"), seed,
                f"sft.sources=[{{name: shown, path: {folder}/data/sft.jsonl}}]", "sft.epochs=2", "optimizer.lr=1e-3")


def by_rewards(output: Path, start: Path, folder: Path, seed: int, rewards: dict[str, Path], steps: int, *overrides: str,
               weights: Mapping[str, float] | None = None) -> Path:
    """RL on what reward models say, by name, of weight 1 unless told otherwise; the gold reward is measured beside them, and
    nothing is learnt from it."""
    told = ", ".join(f"{{name: {name}, checkpoint: {checkpoint}, weight: {(weights or {}).get(name, 1)}}}"
                     for name, checkpoint in rewards.items())
    return once(output, "rl", "preference-rl-tiny-cpu", start, seed, f"rl.items={folder}/data/rl.jsonl", f"rl.verifiers=[{GOLD}]",
                f"rl.rewards=[{told}, {{name: gold, verifier: gold, weight: 0}}]", f"rl.prompts={PROMPTS}",
                f"rl.samples={SAMPLES}", f"rl.sampling.max_new_tokens={MOST_TOKENS}", f"train.steps={steps}",
                "observe.examine_every=null", "checkpoint.every=100000", *overrides)


def gold_of(checkpoint: Path, folder: Path) -> list[float]:
    """Of each held-out prompt the mean over responses that are drawn as RL draws them. (A greedy answer is what the policy of
    faulty answers holds for likeliest, and that is mostly right from the start.)"""
    items = {item["key"]: item for item in read_rows(folder / "data" / "held_out_rl.jsonl")}
    found = responses(checkpoint, {key: item["prompt"] for key, item in items.items()}, checkpoint.parents[1] / "held-out", 0)
    return [sum(gold(item["prompt"], text, item["reference"], item["metadata"]).value for text in found[key]) / SAMPLES
            for key, item in items.items()]


def responses(checkpoint: Path, asked: dict[str, str], folder: Path, seed: int) -> dict[str, list[str]]:
    """SAMPLES of each prompt, by its key. What is in `folder` already is not drawn again."""
    prompts, said = folder / "prompts.jsonl", folder / "said.jsonl"
    folder.mkdir(exist_ok=True)
    write_json_lines(prompts, ({"key": key, "messages": [{"role": "user", "content": prompt}]} for key, prompt in asked.items()))
    if not said.exists():
        megatron_qm("generate", "--checkpoint", checkpoint, "--prompts", prompts, "--output", said, "--samples", SAMPLES,
                    "--seed", seed, "--max-new-tokens", MOST_TOKENS)
    tokenizer, found = TextTokenizer(checkpoint / "tokenizer"), dict[str, list[str]]()
    for row in read_rows(said):
        found.setdefault(row["key"].rpartition("#")[0], []).append(tokenizer.decode(row["tokens"], special=False).strip())
    return found


def mean_told(values: list[float]) -> dict[str, float]:
    low, high = mean_interval(values)
    return {"gold": round(sum(values) / len(values), 4), "low": round(low, 4), "high": round(high, 4), "n": len(values)}


def once(output: Path, stage: str, recipe: str, start: Path, seed: int, *words: str) -> Path:
    """The checkpoint of a run, which is not made again where it has ended."""
    if not (output / "checkpoints").is_dir():
        megatron_qm(stage, "--config", recipe, f"output={output}", f"train.start_from={start}", f"train.seed={seed}", ONE_CORE,
                    *words)
    return newest(output)


def _tokenizer(folder: Path, seed: int, share: float) -> int:
    [world] = worlds(seed, LANGUAGES[:1], share).values()
    values = {value for facts in world.facts.values() for some in facts.values() for value in some}
    with open(folder / "data" / "read.jsonl") as read, open(folder / "data" / "pairs.jsonl") as pairs:
        texts = [message["content"] for line in read for message in json.loads(line)["messages"]]
        texts += [pair[side] for pair in map(json.loads, pairs) for side in ("chosen", "rejected")]
    return tokenizer_of_facts(texts, sorted(values | set(world.facts)), folder / "tokenizer", ENTRIES)


def megatron_qm(*words: object) -> None:
    python("-m", "megatron_qm.cli", *words)


def python(*words: object) -> None:
    """Runs it on one core; ends with its code where that is not 0."""
    if code := subprocess.run([sys.executable, *map(str, words)], env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode:
        sys.exit(code)
