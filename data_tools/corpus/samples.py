"""A few of the documents that a step drops, for a person to read: the same ones however many workers there are."""

import hashlib
import heapq
from collections.abc import Iterable
from typing import NamedTuple

from data_tools.corpus.document import Document, Dropped

_PER_REASON = 20
_EXCERPT = 400  # characters


class Sample(NamedTuple):
    """draw: a number that the seed and the document's place decide; the smallest ones of each reason stay."""

    draw: int
    input: int
    line: int  # from 0
    id: str
    reason: str
    detail: str
    text: str


def sample(seed: int, input: int, line: int, document: Document, text: str, dropped: Dropped) -> Sample:
    """Of a document whose text was `text` before the step."""
    place = f"{seed}:{input}:{line}".encode()
    draw = int.from_bytes(hashlib.blake2b(place, digest_size=6).digest())
    identity = str(document.known.get("id", ""))[:200]
    return Sample(draw, input, line, identity, dropped.reason, dropped.detail[:_EXCERPT], text[:_EXCERPT])


def chosen(samples: Iterable[Sample]) -> list[Sample]:
    """The smallest draws of each reason, in the order of the reasons' names and of the documents."""
    by_reason: dict[str, list[Sample]] = {}
    for item in samples:
        by_reason.setdefault(item.reason, []).append(item)
    kept = [item for items in by_reason.values() for item in heapq.nsmallest(_PER_REASON, items)]
    return sorted(kept, key=lambda item: (item.reason, item.input, item.line))
