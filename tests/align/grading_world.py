"""A world in which a tiny model learns to grade: what `grade` asks, and a reason with a score behind it."""

import random
from pathlib import Path

from megatron_qm.rewards.grading import grading_prompt, read_instruction
from tests.align.judge_world import drawn, judge

CONVERSATIONS = 1200
SAID = {True: "It says when to see a doctor.\nScore: 9", False: "It sends nobody to a doctor.\nScore: 2"}


def world(folder: Path) -> Path:
    """tokenizer/, conversations.jsonl and the recipe, whose path it gives."""
    draw = random.Random(0)
    frame = asks("@", "@").split('{"prompt": "@", "response": "@"}')
    return judge(folder, [*frame, *SAID.values()], [], [_conversation(draw, draw.random() < 0.5) for _ in range(CONVERSATIONS)])


def asks(prompt: str, response: str) -> str:
    return grading_prompt(read_instruction(), [{"role": "user", "content": prompt}], response)


def _conversation(draw: random.Random, good: bool) -> dict:
    return {"messages": [{"role": "user", "content": asks(*drawn(draw, good))}, {"role": "assistant", "content": SAID[good]}]}
