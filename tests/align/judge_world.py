"""A world in which a tiny model learns to judge: ballots as they are sent, and verdicts under their nonces."""

import random
import re
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
MARKS = ('{"prompt": "What helps against ', '?", "response": "', "VERDICT-", ": PASS", ": FAIL")
BALLOTS = 6000
RECIPE = """\
model: {{layers: 2, hidden_size: 64, ffn_hidden_size: 128, heads: 4, kv_heads: 4, head_dim: 16, vocab_size: {vocabulary},
        max_positions: 256, tied_embeddings: true}}
device: cpu
data: {{sequence_length: 96, tokenizer: {folder}/tokenizer}}
train: {{global_batch_size: 8, micro_batch_size: 8}}
optimizer: {{lr: 5.0e-3}}
checkpoint: {{every: 100000}}
sft: {{sources: [{{name: ballots, path: {folder}/ballots.jsonl}}], epochs: 1, pack: false}}
"""


def drawn(draw: random.Random, good: bool) -> tuple[str, str]:
    """A question, and a response that says when to see a doctor, or does not."""
    said = [*draw.sample(ADVICE, draw.randint(1, 2)), draw.choice(GOOD if good else BAD)]
    draw.shuffle(said)
    return f"What helps against {draw.choice(ILLNESSES)}?", " ".join(said)


def world(folder: Path) -> Path:
    """tokenizer/, ballots.jsonl and the recipe, whose path it gives."""
    from data_tools.train_tokenizer import save

    tokenizer = reader()
    save(tokenizer, folder / "tokenizer")
    draw = random.Random(0)
    written(folder / "ballots.jsonl", [_conversation(draw, draw.random() < 0.5) for _ in range(BALLOTS)])
    recipe = folder / "sft.yaml"
    recipe.write_text(RECIPE.format(folder=folder, vocabulary=-(-tokenizer.get_vocab_size() // 64) * 64))
    return recipe


def reader():
    """A tokenizer that knows what each ballot says, each sentence of a response and each byte of a nonce as one token: what is
    left to be learnt is to copy the nonce and to tell the sentences apart."""
    from tokenizers import AddedToken

    from data_tools.train_tokenizer import train

    nonce = "0123456789abcdef"
    pieces = re.split(f'{nonce}|{{"prompt": "@", "response": "@"}}', Ballot(nonce).asks(QUESTION, "@", "@"))
    whole = {piece for piece in pieces if len(piece) > 2} | {*ADVICE, *GOOD, *BAD, *MARKS}
    tokenizer = train([*ILLNESSES] * 3, 300)
    tokens = [*sorted(whole), *(f"{byte:02x}" for byte in range(256))]
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in tokens])
    return tokenizer


def _conversation(draw: random.Random, good: bool) -> dict:
    ballot = Ballot(f"{draw.getrandbits(64):016x}")
    asked = ballot.asks(QUESTION, *drawn(draw, good))
    said = f"VERDICT-{ballot.nonce}: {'PASS' if good else 'FAIL'}"
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}
