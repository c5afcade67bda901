"""What was found in a corpus: counts by type from the documents that a step wrote, and places for a person to read."""

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from data_tools.corpus.document import Document
from data_tools.corpus.phi.find import find_spans
from data_tools.corpus.phi.spans import TYPES, Span
from data_tools.corpus.reading import TEXT, ReadAs, read_block
from data_tools.sources.blocks import Position
from data_tools.sources.inputs import find_inputs, shares_of
from data_tools.sources.read import read_blocks
from megatron_qm.json_types import JsonObject

_BLOCK_BYTES = 1 << 20
_DOCUMENTS = 2000  # of which places are taken
_AROUND = 40  # characters on each side


class _Drawn(NamedTuple):
    """Ordered by draw: the largest leaves first."""

    draw: int
    place: int
    text: str


def documents(paths: Sequence[str], text_key: str, limit: int) -> Iterator[Document]:
    """Of files as a step reads them."""
    inputs = find_inputs(list(paths), None, "file")
    for block in read_blocks(inputs, shares_of(inputs, 0, 1), Position(0, 0, 0), None, _BLOCK_BYTES, limit):
        yield from read_block(block, ReadAs(inputs[block.input], text_key, TEXT), limit).documents


def counted(paths: Sequence[str], text_key: str, limit: int) -> JsonObject:
    """For a report: documents with any, and values by type."""
    holding, found = 0, Counter[str]()
    for document in documents(paths, text_key, limit):
        counts = document.known.get("phi_counts")
        if isinstance(counts, dict):
            holding += 1
            found.update(counts)
    return {"documents": holding, "values": {kind: found[kind] for kind in TYPES}}


def places_to_read(paths: Sequence[str], text_key: str, limit: int, count: int, types: Sequence[str]) -> list[JsonObject]:
    """Up to `count` places, each type's share as even as what was found allows, of documents drawn by their place and text."""
    drawn: list[_Drawn] = []
    for place, document in enumerate(documents(paths, text_key, limit)):
        digest = hashlib.blake2b(f"{place}:{document.text[:200]}".encode("utf-8", "replace"), digest_size=6).digest()
        item = _Drawn(-int.from_bytes(digest), place, document.text)
        (heapq.heappushpop if len(drawn) >= _DOCUMENTS else heapq.heappush)(drawn, item)
    by_type: dict[str, list[JsonObject]] = {kind: [] for kind in types}
    for _, place, text in sorted(drawn, reverse=True):
        for span in find_spans(text):
            if span.type in by_type and len(by_type[span.type]) < count:
                by_type[span.type].append(_shown(text, span, place))
    return _evenly(list(by_type.values()), count)


def _shown(text: str, span: Span, place: int) -> JsonObject:
    before, after = text[max(0, span.start - _AROUND) : span.start], text[span.end : span.end + _AROUND]
    return {"document": place, "type": span.type, "value": text[span.start : span.end],
            "context": f"{before}<<{text[span.start : span.end]}>>{after}"}  # fmt: skip


def _evenly(lists: list[list[JsonObject]], count: int) -> list[JsonObject]:
    taken: list[JsonObject] = []
    for turn in range(count):
        taken += [items[turn] for items in lists if turn < len(items)]
    return sorted(taken[:count], key=lambda row: str(row["type"]))
