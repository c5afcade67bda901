"""A slow reader that is right by inspection: whole epochs as lists, one token at a time, exact fractions."""

from collections.abc import Iterator
from fractions import Fraction

from megatron_qm.data.permutation import Permutation


def epoch_tokens(name: str, tokens: int, block_size: int, seed: int, epoch: int) -> list[int]:
    """Every token of the dataset once: full blocks in permuted order, the left-over block put in among them."""
    blocks = [list(range(start, start + block_size)) for start in range(0, tokens - block_size + 1, block_size)]
    order = Permutation.keyed(len(blocks), "blocks", seed, name, epoch)
    shuffled = [blocks[order(slot)] for slot in range(len(blocks))]
    left_over = list(range(len(blocks) * block_size, tokens))
    shuffled.insert(Permutation.keyed(len(blocks) + 1, "tail", seed, name, epoch)(0), left_over)
    return [token for block in shuffled for token in block]


def stream_tokens(name: str, tokens: int, block_size: int, seed: int) -> Iterator[tuple[int, int]]:
    """(epoch, token of the dataset), without end."""
    epoch = 0
    while True:
        yield from ((epoch, token) for token in epoch_tokens(name, tokens, block_size, seed, epoch))
        epoch += 1


def tijdeman(weights: list[int], count: int) -> list[int]:
    """Sources of `count` sequences under constant integer weights, in exact arithmetic (Tijdeman 1980)."""
    total = sum(weights)
    shares = [Fraction(weight, total) for weight in weights]
    active = [i for i in range(len(weights)) if weights[i]]
    slack = Fraction(1, 2 * len(active) - 2) if len(active) > 1 else Fraction(0)
    drawn = [0] * len(weights)
    chosen = []
    for step in range(1, count + 1):
        due = [i for i in active if shares[i] * step - drawn[i] >= slack]
        source = min(due, key=lambda i: (1 - slack - (shares[i] * step - drawn[i])) / shares[i])
        drawn[source] += 1
        chosen.append(source)
    return chosen
