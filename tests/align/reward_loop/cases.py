"""A loop on the tiny world: candidates, first pairs of which some are wrong, annotators that look at a response's letters."""

import json
import os
import random
import urllib.request
from pathlib import Path

from tests.align.stages import written

ROUNDS, LABELS = 2, 10
TRAINING = ["parallel.devices=1", "train.steps=4", "train.global_batch_size=4", "checkpoint.every=2", "train.micro_batch_size=2"]


def better(pair: dict) -> str:
    """The one with more digits; a tie where they have as many."""
    one, other = (sum(letter.isdigit() for letter in pair[side]) for side in "ab")
    return "tie" if one == other else "a" if one > other else "b"


def hasty(pair: dict, annotator: str, reading: int) -> str:
    """Wrong one time in eight, for this annotator and reading."""
    wrong = random.Random(f"{annotator} {pair['key']} {reading}").random() < 0.125
    said = better(pair)
    return {"a": "b", "b": "a", "tie": "tie"}[said] if wrong else said


def exact(pair: dict, annotator: str, reading: int) -> str:
    return better(pair)


def loop(folder: Path, tiny: Path, policy: Path, annotators: dict | None = None, **changes: object) -> Path:
    """loop.yaml in `folder`, with what it reads."""
    draw = random.Random(7)
    codes = [f"{letter}{number}" for letter in "ABC" for number in range(4)]
    candidates = [
        {"key": f"c{at}", "prompt": f"Code of illness {code.lower()}?", "field": code[0],
         "responses": [f"It is {code}.", f"It is {draw.choice(codes)}{draw.choice(codes)}.", "It is", "illness " * (at % 3 + 1)]}
        for at, code in enumerate(codes)]
    pairs = [{"prompt": one["prompt"], "chosen": one["responses"][at % 4], "rejected": one["responses"][(at + 1) % 4]}
             for at, one in enumerate(candidates)]
    config = {
        "output": str(folder / "loop"), "start_from": str(policy), "recipe": str(tiny / "reward-model.yaml"),
        "overrides": TRAINING, "candidates": str(written(folder / "candidates.jsonl", candidates)),
        "first_pairs": str(written(folder / "first.jsonl", pairs)), "rounds": ROUNDS, "labels": LABELS, "pairs_per_prompt": 3,
        "stratum": "field", **changes,
        "annotators": {"names": ["ann", "ben"], "function": f"{__name__}:hasty", "second": 0.3, **(annotators or {})},
    }
    path = folder / "loop.yaml"
    path.write_text(json.dumps(config))  # JSON is YAML
    return path


ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[3])}


def post(base: str, path: str, body: object, token: str) -> dict:
    """Of the page's server."""
    request = urllib.request.Request(f"{base}/{path}", json.dumps(body).encode(), {"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.loads(reply.read())
