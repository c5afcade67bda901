"""More text than there is: copies with one unit in twelve taken from another document, so that a copy is no duplicate."""

import random
from collections.abc import Iterator, Sequence
from itertools import chain, count

_STRIDE = 12


def varied(texts: Sequence[str], between: str) -> Iterator[str]:
    """The texts, then the texts varied, and so on without end. between: what parts their units; empty: units are characters."""
    chance = random.Random(0)
    parted = [text.split(between) if between else list(text) for text in texts]
    yield from texts
    for text in chain.from_iterable(parted for _ in count()):
        units, other, first = list(text), chance.choice(parted), chance.randrange(_STRIDE)
        wanted = len(units[first::_STRIDE])
        units[first::_STRIDE] = (other * (wanted // max(1, len(other)) + 1))[:wanted]
        yield between.join(units)
