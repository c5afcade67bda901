"""A block of lines to the arrays that go to disk, with a sample of its documents compared with HF tokenizers."""

import hashlib
import threading
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from data_tools.options import Options
from data_tools.sources.blocks import NO_TOKENS, Block, Damage, Parsed, Position, Reject
from data_tools.sources.inputs import Input
from data_tools.sources.parse import parse_block
from data_tools.tokenizer import Tokenizer
from megatron_qm.errors import UserError

# Documents compared in the first block of each input, and in one of every four later ones.
_FIRST_SAMPLES = 8
_LATER_SAMPLES = 1
_LATER_BLOCKS = 4
# Of a longer document this many characters are tokenised by both: HF takes 0.4 s for a megabyte.
_SAMPLE_CHARACTERS = 1 << 15


class Batch(NamedTuple):
    """The documents of a block: `tokens` of the dataset's type, `lengths` int32 with end-of-document tokens counted."""

    input: int
    tokens: np.ndarray
    lengths: np.ndarray
    rejects: list[Reject]
    lines: int
    text_bytes: int
    consumed: int
    end: Position
    damage: Damage | None


class Encoder:
    """Turns blocks into batches; called from several threads at once."""

    def __init__(
        self, tokenizer: Tokenizer, inputs: Sequence[Input], options: Options, dtype: np.dtype, seed: int
    ) -> None:
        self._tokenizer = tokenizer
        self._inputs = inputs
        self._options = options
        self._dtype = dtype
        self._seed = seed  # of the choice of samples
        self._sampled: set[int] = set()
        self._lock = threading.Lock()

    def __call__(self, block: Block) -> Batch:
        item = self._inputs[block.input]
        parsed = parse_block(block, item.kind, self._options.text_key, self._options.max_document_bytes)
        ids, offsets = self._tokenizer.encode(parsed.texts) if parsed.texts else _NOTHING
        self._check_range(item, parsed, ids, offsets)
        if self._tokenizer.checked and parsed.texts:
            self._check_sample(item, block, parsed, ids, offsets)
        lengths = np.diff(offsets)
        rejects = parsed.rejects
        if not lengths.all():
            rejects = rejects + [Reject(parsed.lines[at], NO_TOKENS, "") for at in np.flatnonzero(lengths == 0).tolist()]
            rejects.sort()
            lengths = lengths[lengths > 0]
        tokens, lengths = self._finished(ids, lengths)
        return Batch(
            block.input, tokens, lengths, rejects, block.lines, parsed.text_bytes, block.consumed, block.end,
            block.damage,
        )  # fmt: skip

    def _check_range(self, item: Input, parsed: Parsed, ids: np.ndarray, offsets: np.ndarray) -> None:
        """Raise UserError for an id above the largest: the type of the dataset may not hold it."""
        largest = self._tokenizer.largest_id
        if len(ids) and ids.max() > largest:
            at = int(np.argmax(ids > largest))
            line = parsed.lines[int(np.searchsorted(offsets, at, side="right")) - 1] + 1
            raise UserError(
                f"{item.path}, line {line}: the tokenizer gave the id {ids[at]}, and its largest is {largest}; nothing was "
                "published. Start again with --engine hf --overwrite"
            )

    def _finished(self, ids: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(tokens of the dataset's type with the end-of-document token after each document, lengths int32)."""
        eod = self._tokenizer.eod_id
        if eod is None:
            return _cast(ids, self._dtype), lengths.astype("<i4")
        ends = np.cumsum(lengths) + np.arange(len(lengths))
        tokens = np.empty(len(ids) + len(lengths), self._dtype)
        is_text = np.ones(len(tokens), bool)
        is_text[ends] = False
        tokens[ends] = eod
        tokens[is_text] = ids
        return tokens, (lengths + 1).astype("<i4")

    def _check_sample(self, item: Input, block: Block, parsed: Parsed, ids: np.ndarray, offsets: np.ndarray) -> None:
        """Compare some documents with HF tokenizers. Raises UserError at the first difference."""
        chance = _number_of(f"{item.name} {parsed.lines[0]} {self._seed}")
        with self._lock:
            first = block.input not in self._sampled
            self._sampled.add(block.input)
        if not first and chance % _LATER_BLOCKS:
            return
        for at in _spread(len(parsed.texts), _FIRST_SAMPLES if first else _LATER_SAMPLES, chance // _LATER_BLOCKS):
            text = parsed.texts[at]
            found = ids[offsets[at] : offsets[at + 1]]
            if len(text) > _SAMPLE_CHARACTERS:
                text = text[:_SAMPLE_CHARACTERS]
                found = self._tokenizer.encode([text])[0]
            expected = np.array(self._tokenizer.reference(text), "<u4")
            if not np.array_equal(found, expected):
                raise UserError(_difference(item, parsed.lines[at] + 1, found, expected))


_NOTHING = (np.empty(0, "<u4"), np.zeros(1, "<i8"))


def _cast(ids: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return ids.view(dtype) if dtype.itemsize == ids.itemsize else ids.astype(dtype)


def _number_of(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "little")


def _spread(count: int, samples: int, first: int) -> list[int]:
    """Up to `samples` different numbers below `count`, evenly spread from `first` on."""
    step = max(1, count // samples)
    return sorted({(first + number * step) % count for number in range(min(samples, count))})


def _difference(item: Input, line: int, found: np.ndarray, expected: np.ndarray) -> str:
    shared = min(len(found), len(expected))
    unequal = np.flatnonzero(found[:shared] != expected[:shared])
    at = int(unequal[0]) if len(unequal) else shared
    ours, theirs = (str(ids[at]) if at < len(ids) else "the end" for ids in (found, expected))
    return (
        f"{item.path}, line {line}: token {at} of the document is {ours} from fastokens and {theirs} from HF "
        "tokenizers; nothing was published. Start again with --engine hf --overwrite, and report it to fastokens"
    )
