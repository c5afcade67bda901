"""How near texts are to others: Jaccard's index of their shingles, exact, by an index of the others' shingles."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

_LENGTH = 3  # words or characters of a shingle
# Runs of letters and digits are words; of scripts without spaces (Chinese, Japanese, Thai, their neighbours) each character is.
_ALONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+")

Shingle: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Nearest:
    """similarity: from 0 to 1; index: of which of the others, None where none has anything in common."""

    similarity: float
    index: int | None


def shingles(text: str) -> frozenset[Shingle]:
    """All runs of three words, or characters of scripts without spaces; case and punctuation do not count. Of a shorter text
    the whole is one; of a text without words there are none."""
    tokens = _TOKEN.findall(text.casefold())
    if 0 < len(tokens) < _LENGTH:
        return frozenset([tuple(tokens)])
    return frozenset(zip(*(islice(tokens, start, None) for start in range(_LENGTH)), strict=False))


def nearest(texts: Iterable[str], others: Sequence[str]) -> Iterator[Nearest]:
    """For each text the nearest of `others`, the first of equals. Memory: of the others, and of one text."""
    index: defaultdict[Shingle, list[int]] = defaultdict(list)
    sizes = []
    for number, other in enumerate(others):
        found = shingles(other)
        sizes.append(len(found))
        for one in found:
            index[one].append(number)
    known = frozenset(index)
    for text in texts:
        own = shingles(text)
        common = Counter(number for one in own & known for number in index[one])
        yield max((Nearest(count / (len(own) + sizes[number] - count), number) for number, count in common.items()),
                  key=lambda near: (near.similarity, -(near.index or 0)), default=Nearest(0.0, None))
