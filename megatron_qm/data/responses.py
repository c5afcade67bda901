"""Datasets whose documents are several responses to one prompt: what lies beside the tokens, and what it says of a sequence.

    PREFIX.branch   a byte a token: 0 where it is of the prompt that all share, n where of the document's n-th response
    PREFIX.ends     int64, of each response its last token, rising
    PREFIX.values   float32, of each response what it is worth: who has more is preferred
    PREFIX.reference    float64, of each response its log-probability under the reference policy, where a stage has asked for that

A document is the prompt but for its last token, then for each response that token and the response; or, where nothing is shared,
whole texts one after another. `branched` gives the segments that attention knows (model/branches.py).

Axes: s tokens, r responses, g segments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from megatron_qm.data.file_array import FileArray, ReadOnlyFile
from megatron_qm.errors import UserError

BRANCH, ENDS, VALUES, REFERENCE = ".branch", ".ends", ".values", ".reference"
# What a batch has of them, [b, s] each, 0 elsewhere. end: 1 at the last token of a response; there also group: 1 + the place in
# the dataset of its document's last token, value: its worth, reference: in nats.
COLUMNS = {"end": np.float32, "group": np.int64, "value": np.float32, "reference": np.float64}


@dataclass(frozen=True, eq=False)
class Responses:
    """Of one dataset, opened."""

    paths: Sequence[Path]
    branch_s: FileArray
    end_r: np.ndarray  # int64
    columns: dict[str, np.ndarray]  # [r] each, by name: "value", and "reference" where that is known

    @classmethod
    def beside(cls, prefix: str, tokens: int) -> "Responses | None":
        """None for a dataset that has none. Raises UserError for files that are not of `tokens` tokens, or not whole."""
        paths = [Path(f"{prefix}{suffix}") for suffix in (BRANCH, ENDS, VALUES)]
        if not paths[0].is_file():
            return None
        try:
            ends, values = np.fromfile(paths[1], "<i8"), np.fromfile(paths[2], "<f4")
            size = paths[0].stat().st_size
            reference = Path(f"{prefix}{REFERENCE}")
            known = np.fromfile(reference, "<f8") if reference.is_file() else None
        except OSError as error:
            raise UserError(f"{error.filename}: cannot be read: {error.strerror}; make the dataset again") from None
        if size != tokens or len(ends) != len(values) or (np.diff(ends, prepend=-1) <= 0).any() or (ends >= tokens).any():
            raise UserError(f"{paths[0]}: {size} bytes, {len(ends)} ends and {len(values)} values do not belong to a dataset of "
                            f"{tokens} tokens: make it again")
        columns = {"value": values}
        if known is not None:
            if len(known) != len(ends):
                raise UserError(f"{reference}: {len(known)} numbers for {len(ends)} responses: remove it, to have it made again")
            columns["reference"] = known
        return cls(paths, FileArray(ReadOnlyFile(paths[0]), np.dtype(np.uint8), 0, tokens), ends, columns)

    def columns_of(self, start: int, stop: int, document_starts: np.ndarray) -> dict[str, np.ndarray]:
        """`COLUMNS`, and whatever else is known of each response, at the tokens [start, stop), as [s] each. document_starts: of
        the dataset in that range, rising."""
        first, last = np.searchsorted(self.end_r, [start, stop])
        end_r = self.end_r[first:last]
        next_start_r = np.append(document_starts, stop)[np.searchsorted(document_starts, end_r, side="right")]
        known = {"end": np.ones(len(end_r), np.float32), "group": next_start_r,
                 **{name: column_r[first:last] for name, column_r in self.columns.items()}}
        found = {name: np.zeros(stop - start, COLUMNS[name]) for name in known}
        for name, value_r in known.items():
            found[name][end_r - start] = value_r
        return found


def segments(document_starts_s: np.ndarray, branch_s: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """(first tokens of the segments int64 [g], rising from 0; the prefix [first, last) of each, empty for none) of packed rows.
    A segment is a document up to the end of its first response, or a further response, which continues the shared prompt."""
    begins_s = document_starts_s.copy()
    begins_s[0] = True
    further_s = np.zeros(len(begins_s), bool)
    further_s[1:] = (branch_s[1:] > 1) & (branch_s[1:] != branch_s[:-1]) & ~begins_s[1:]
    edges = np.flatnonzero(begins_s | further_s)
    start_g = np.maximum.accumulate(np.where(begins_s, np.arange(len(begins_s)), 0))[edges]
    shared_s = np.append(0, np.cumsum(branch_s == 0))  # of the prompt, before each token
    end_g = start_g + np.where(further_s[edges], shared_s[edges] - shared_s[start_g], 0)
    prefixes = list(zip(start_g.tolist(), end_g.tolist(), strict=True))
    return edges, prefixes


def positions(edges: np.ndarray, prefixes: Sequence[tuple[int, int]], tokens: int) -> np.ndarray:
    """int64 [s]: of each token in its own text, from 0."""
    lengths = np.diff(np.append(edges, tokens))
    shared = np.array([last - first for first, last in prefixes], np.int64)
    result_s: np.ndarray = np.arange(tokens) - np.repeat(edges - shared, lengths)
    return result_s
