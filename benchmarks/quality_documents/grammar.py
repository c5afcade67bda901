"""Texts from templates: `{a|b}` is one of these, `{name}` of a word list, `{n:1-20}` a whole, `{d:0.1-5}` a decimal number."""

import re
from collections.abc import Mapping, Sequence
from random import Random

Words = Mapping[str, Sequence[str]]
_SLOT = re.compile(r"\{([^{}]*)\}")


def fill(template: str, words: Words, rng: Random) -> str:
    """Slots may stand inside of slots; the innermost are filled first."""

    def one(found: re.Match[str]) -> str:
        slot = found[1]
        if "|" in slot:
            return rng.choice(slot.split("|"))
        name, _, bounds = slot.partition(":")
        if name == "n":
            low, high = map(int, bounds.split("-"))
            return str(rng.randint(low, high))
        if name == "d":
            low_text, high_text = bounds.split("-")
            return f"{rng.uniform(float(low_text), float(high_text)):.{rng.choice((1, 1, 2))}f}"
        return rng.choice(words[name])

    while _SLOT.search(template):
        template = _SLOT.sub(one, template)
    return template


def some(rng: Random, templates: Sequence[str], low: int, high: int) -> list[str]:
    """Between low and high of `templates`, each once as long as they last."""
    count = rng.randint(low, high)
    return rng.sample(templates, min(count, len(templates))) + [rng.choice(templates) for _ in range(count - len(templates))]


def lines(words: Words, rng: Random, templates: Sequence[str], low: int, high: int, join: str = "\n") -> str:
    return join.join(fill(one, words, rng) for one in some(rng, templates, low, high))


def numbered(words: Words, rng: Random, mark: str, templates: Sequence[str], low: int, high: int) -> str:
    """Lines that are counted from 1. mark: with {} for the number."""
    chosen = some(rng, templates, low, high)
    return "\n".join(mark.format(at) + fill(one, words, rng) for at, one in enumerate(chosen, 1))


def numbers(rng: Random, heads: Sequence[str]) -> str:
    """A table of them under one of `heads`."""
    columns = rng.randint(3, 8)
    rows = [rng.choice(["\t", " ", ",", "  "]).join(f"{rng.uniform(0, 999):.{rng.randint(0, 3)}f}" for _ in range(columns))
            for _ in range(rng.randint(10, 40))]
    return rng.choice(heads) + "\n".join(rows)
