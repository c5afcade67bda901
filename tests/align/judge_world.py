"""A world in which a tiny model learns to judge: ballots as they are sent, and verdicts under their nonces."""

import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from megatron_qm.rewards.ballot import Ballot
from megatron_qm.rewards.general import Principle
from tests.align.stages import written

PRINCIPLE = Principle("doctor", "The response says when to see a doctor.", ("See a doctor at once.",), ("It will pass.",))
QUESTION = f"Principle: {PRINCIPLE.text}"
ILLNESSES = ("a cough", "a fever", "a rash", "a burn", "back pain", "a cold", "a sore throat", "an earache")
ADVICE = ("Rest.", "Drink water.", "Keep it clean.", "Keep warm.", "Sleep well.")
GOOD = ("See a doctor if it lasts.", "See a doctor at once.")
BAD = ("It will pass.", "Wait and see.")
MARKS = ('{"prompt": "What helps against ', '?", "response": "')
BALLOTS = 6000
TINY = """\
model: {{layers: 2, hidden_size: 64, ffn_hidden_size: 128, heads: 4, kv_heads: 4, head_dim: 16, vocab_size: {vocabulary},
        max_positions: 256, tied_embeddings: true}}
device: cpu
train: {{global_batch_size: 8, micro_batch_size: 8}}
optimizer: {{lr: 5.0e-3}}
checkpoint: {{every: 100000}}
"""
RECIPE = TINY + """\
data: {{sequence_length: 96, tokenizer: {folder}/tokenizer}}
sft: {{sources: [{{name: judging, path: {folder}/conversations.jsonl}}], epochs: 1, pack: false}}
"""


def drawn(draw: random.Random, good: bool) -> tuple[str, str]:
    """A question, and a response that says when to see a doctor, or does not."""
    said = [*draw.sample(ADVICE, draw.randint(1, 2)), draw.choice(GOOD if good else BAD)]
    draw.shuffle(said)
    return f"What helps against {draw.choice(ILLNESSES)}?", " ".join(said)


def world(folder: Path) -> Path:
    """tokenizer/, conversations.jsonl and the recipe, whose path it gives."""
    nonce, draw = "0123456789abcdef", random.Random(0)
    said = re.split(f'{nonce}|{{"prompt": "@", "response": "@"}}', Ballot(nonce).asks(QUESTION, "@", "@"))
    bytes_of_nonces = [f"{byte:02x}" for byte in range(256)]
    return judge(folder, [*said, "VERDICT-", ": PASS", ": FAIL"], bytes_of_nonces,
                 [_conversation(draw, draw.random() < 0.5) for _ in range(BALLOTS)])


def judge(folder: Path, said: list[str], more: list[str], conversations: list[dict]) -> Path:
    """The recipe, with its data, of a model that judges. Its tokenizer knows each text of `said` and `more`, and each sentence of
    a response, as one token: what is left to be learnt is to tell the sentences apart, and to copy."""
    from tokenizers import AddedToken

    from data_tools.train_tokenizer import save, train

    tokenizer = train([*ILLNESSES] * 3, 300)
    whole = {piece for piece in said if len(piece) > 2} | {*ADVICE, *GOOD, *BAD, *MARKS}
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in [*sorted(whole), *more]])
    save(tokenizer, folder / "tokenizer")
    written(folder / "conversations.jsonl", conversations)
    recipe = folder / "sft.yaml"
    recipe.write_text(RECIPE.format(folder=folder, vocabulary=-(-tokenizer.get_vocab_size() // 64) * 64))
    return recipe


@contextmanager
def served(checkpoint: Path, token: str, *words: str) -> Iterator[str]:
    """The address of `megatron-qm serve` with a checkpoint behind it. words: further ones of the command."""
    command = [sys.executable, "-m", "megatron_qm.cli", "serve", "--checkpoint", str(checkpoint), "--port", "0", *words]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                              env=os.environ | {"OMP_NUM_THREADS": "1", "MEGATRON_QM_SERVE_TOKEN": token})
    yield server.stdout.readline().split()[-1]
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0


def _conversation(draw: random.Random, good: bool) -> dict:
    ballot = Ballot(f"{draw.getrandbits(64):016x}")
    asked = ballot.asks(QUESTION, *drawn(draw, good))
    said = f"VERDICT-{ballot.nonce}: {'PASS' if good else 'FAIL'}"
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}
