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
