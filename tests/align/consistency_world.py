"""A world in which a tiny model learns whether a conclusion follows: reasonings of the gold world, in a tokenizer that knows
every value of a fact as one token, so that what is left to be learnt is to look for it in the reasoning."""

from pathlib import Path

from data_tools.build_consistency import build
from data_tools.preferences.sets import reasonings
from data_tools.preferences.tokens import tokenizer_of_facts
from data_tools.preferences.world import worlds
from tests.align.judge_world import TINY
from tests.align.stages import written

REASONINGS = 6000
BASE = TINY + """\
data: {{sequence_length: 128, tokenizer: {folder}/tokenizer}}
sft: {{sources: [{{name: reasonings, path: {folder}/conversations.jsonl}}], epochs: 2}}
"""
MODEL = """\
device: cpu
data: {{sequence_length: 256}}
train: {{global_batch_size: 8, micro_batch_size: 8}}
optimizer: {{lr: 2.0e-3}}
checkpoint: {{every: 100000}}
reward_model: {{sources: [{{name: consistency, path: {folder}/consistency/pairs.jsonl}}], epochs: 2}}
"""


def world(folder: Path) -> dict[str, Path]:
    """tokenizer/, the pairs of consistency/, and recipes by stage: a model that has read the reasonings, and one that judges."""
    rows = [row for row in reasonings(worlds(0), REASONINGS, 0) if row["kind"].startswith("en ")]
    written(folder / "responses.jsonl", rows)
    written(folder / "conversations.jsonl", [
        {"messages": [{"role": role, "content": row[name]} for role, name in (("user", "prompt"), ("assistant", "response"))]}
        for row in rows])
    build(folder / "responses.jsonl", folder / "consistency", 0, 0.15)
    vocabulary = _tokenizer(folder / "tokenizer", rows)
    texts = {"sft": BASE.format(folder=folder, vocabulary=vocabulary), "reward-model": MODEL.format(folder=folder)}
    for stage, text in texts.items():
        (folder / f"{stage}.yaml").write_text(text)
    return {stage: folder / f"{stage}.yaml" for stage in texts}


def _tokenizer(folder: Path, rows: list[dict]) -> int:
    """How many entries a model's vocabulary needs for it."""
    values = sorted({value for row in rows for value in row["options"]})
    return tokenizer_of_facts([row["prompt"] + row["response"] for row in rows[:1000]], values, folder, 500)
