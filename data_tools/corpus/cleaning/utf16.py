"""Texts in UTF-16, whose units look up tables of one entry for each; many texts at once, as a look-up costs more than a hundred
signs that it is asked about."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data_tools.corpus.document import Document

UNITS = 1 << 16  # that there are
_BATCH = 1 << 17  # characters that are worked on at once: some MB, which caches hold


class Units(NamedTuple):
    """Of many texts, one behind the other: those of text i are values[ends[i - 1] : ends[i]]. What is beyond the first plane has
    two."""

    values: npt.NDArray[np.uint16]
    ends: npt.NDArray[np.int64]

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        return np.append(0, self.ends)[:-1]

    def owners(self) -> npt.NDArray[np.int64]:
        """The number of the text of each unit."""
        return np.repeat(np.arange(self.ends.size), np.diff(self.ends, prepend=0))


def units_of(texts: Sequence[str]) -> Units:
    parts = [text.encode("utf-16-le", "surrogatepass") for text in texts]
    sizes = np.fromiter(map(len, parts), np.int64, len(parts))
    return Units(np.frombuffer(b"".join(parts), np.uint16), np.cumsum(sizes) // 2)


def batches(documents: Sequence[Document]) -> Iterator[list[Document]]:
    """In their order, some at a time."""
    left, size, count = iter(documents), 0, 0
    for document in documents:
        size, count = size + len(document.text), count + 1
        if size >= _BATCH:
            yield list(islice(left, count))
            size = count = 0
    if count:
        yield list(left)
