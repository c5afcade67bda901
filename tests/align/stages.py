"""A tiny world for the stages after pretraining: a tokenizer, conversations, items, and the commands run as people run them."""

import json
import os
import sys
import time
from pathlib import Path

from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from tests import warm

MODEL = ("model: {layers: 4, hidden_size: 32, ffn_hidden_size: 64, heads: 4, kv_heads: 2, head_dim: 8, vocab_size: 320, "
         "max_positions: 128, tied_embeddings: true}\n")
SFT = MODEL + """\
device: cpu
data: {sequence_length: 64}
train: {global_batch_size: 4, micro_batch_size: 1}
optimizer: {lr: 3.0e-3}
"""
RL = """\
device: cpu
data: {sequence_length: 64}
rl:
  prompts: 4
  samples: 4
  sampling: {max_new_tokens: 12}
  verifier: {workers: 1}
  loss: {kl: 0.05}
train: {steps: 6, global_batch_size: 8, micro_batch_size: 2}
optimizer: {lr: 3.0e-3, weight_decay: 0.0}
checkpoint: {every: 2, keep_last: 10}
"""
VERIFIER = "tests.align.stages:by_letters"
# What may lie between two sums in single precision of amounts near one that cancel, such as a policy loss near zero.
NEAR_ZERO = 1e-6
LAYOUTS = {"one": [], "TP2+SP": ["parallel.tp=2", "parallel.sp=true"], "PP2": ["parallel.pp=2"], "DP2": []}


def world(folder: Path) -> None:
    """tokenizer/, chat.jsonl, items.jsonl, pairs.jsonl and a recipe of every stage, sft.yaml and so on, in `folder`."""
    from data_tools.train_tokenizer import save, train

    codes = [f"{letter}{number}" for letter in "ABC" for number in range(4)]
    pairs = [(f"Code of illness {code.lower()}?", f"It is {code}.") for code in codes]
    save(train([text for pair in pairs for text in pair] * 3, 300), folder / "tokenizer")
    turns = [[("user", question), ("assistant", answer)] for question, answer in pairs]
    turns.append([*turns[0], *turns[1]])
    lines = [{"messages": [{"role": role, "content": text} for role, text in some]} for some in turns]
    written(folder / "chat.jsonl", lines)
    written(folder / "items.jsonl", [
        {"key": code, "task": VERIFIER, "prompt": question, "reference": answer, "label": code[0]}
        for code, (question, answer) in zip(codes, pairs, strict=True)
    ])
    written(folder / "pairs.jsonl", [
        {"prompt": question, "chosen": answer, "rejected": f"It is {codes[at - 5]}."}
        for at, (question, answer) in enumerate(pairs)
    ])
    for stage in ("reward-model", "dpo"):
        section = stage.replace("-", "_")
        (folder / f"{stage}.yaml").write_text(
            SFT.removeprefix(MODEL) + f"{section}: {{sources: [{{name: pairs, path: {folder}/pairs.jsonl}}]}}\n")
    tokenizer = f"data: {{sequence_length: 64, tokenizer: {folder}/tokenizer}}"
    (folder / "sft.yaml").write_text(SFT.replace("data: {sequence_length: 64}", tokenizer)
                                     + f"sft: {{sources: [{{name: chat, path: {folder}/chat.jsonl}}]}}\n")
    (folder / "rl.yaml").write_text(RL.replace("rl:\n", f"rl:\n  items: {folder}/items.jsonl\n  verifiers: [{VERIFIER}]\n"))


def by_letters(prompt: str, response: str, reference: str, metadata: dict) -> Outcome:
    """A verifier that any model earns something from: the share of vowels in the response."""
    vowels = sum(letter in "aeiouAEIOU" for letter in response)
    return Scored(vowels / max(len(response), 1), {"vowels": float(vowels)})


def written(path: Path, rows: list) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def command(verb: str, recipe: Path, output: Path, *overrides: str, ranks: int = 1) -> list[str]:
    return [sys.executable, "-m", "megatron_qm.cli", *words(verb, recipe, output, *overrides, ranks=ranks)]


def words(verb: str, recipe: Path, output: Path, *overrides: str, ranks: int = 1) -> list[str]:
    return [verb, "--config", str(recipe), "--nproc", str(ranks), f"output={output}", *overrides]


def run(verb: str, recipe: Path, output: Path, *overrides: str, ranks: int = 1) -> Path:
    """To the end; the last checkpoint."""
    done = warm.megatron_qm(*words(verb, recipe, output, *overrides, ranks=ranks), timeout=600)
    assert done.returncode == 0, done.stderr[-4000:]
    return sorted((output / "checkpoints").glob("step-*"))[-1]


def numbers(output: Path, *names: str) -> list[list[float]]:
    """[[loss, grad_norm, others by name ...] per step] of a run."""
    rows = []
    for line in (output / "metrics.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["kind"] == "train":
            rows.append([record["loss"], record["grad_norm"], *(record["others"][name] for name in names)])
    return rows


def records(output: Path, kind: str) -> list[dict]:
    found = map(json.loads, (output / "metrics.jsonl").read_text().splitlines())
    return [record for record in found if record["kind"] == kind]


def by_chance(prompt: str, response: str, reference: str, metadata: dict) -> Outcome:
    """A judge that never says the same thing twice, and every seventh time nothing; the file `reference` gets a byte for every
    time that it is asked."""
    with open(reference, "ab") as asked:
        asked.write(b".")
        silent = asked.tell() % 7 == 0
    drawn = int.from_bytes(os.urandom(8), "little") / 2**64
    return Unscored(f"judge: no, {drawn}") if silent else Scored(drawn, {"chance": drawn / 3, "model": 1.0}, f"“{drawn}”")


def unreliable(prompt: str, response: str, reference: str, metadata: dict) -> Outcome:
    """Hangs or crashes as the reference says, else scores what it says."""
    if reference == "hang":
        time.sleep(3600)
    if reference == "crash":
        os._exit(11)
    return Scored(float(reference))


def down_at_first(prompt: str, response: str, reference: str, metadata: dict) -> Outcome:
    """A judge that does not answer before it has been asked `metadata["answers"]` times, which the file `reference` counts; then
    the share of vowels."""
    with open(reference, "ab") as asked:
        asked.write(b".")
        if asked.tell() <= metadata["answers"]:
            raise ConnectionError("refused")
    return by_letters(prompt, response, reference, metadata)
