"""What counts as a duplicate, and which pairs are looked at."""

import math
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

_LEAST_RECALL = 0.95  # of pairs exactly at the threshold; those above it are found more often
_FOUND = 0.98  # what a refusal proposes


@dataclass(frozen=True)
class DuplicatesConfig:
    """Near-duplicates by MinHash and banding: two documents are compared if all hashes of some band agree.

    A pair of Jaccard J is looked at with probability 1 - (1 - J^rows)^bands: 0.986 at 0.8, 0.13 at 0.5, 0.004 at 0.3.
    """

    # Jaccard of the sets of shingles from which on one of two documents goes.
    threshold: Annotated[float, Ge(0.5), Le(1)] = 0.8
    # Units (Chinese characters, words) in a shingle.
    shingle: Annotated[int, Ge(1), Le(64)] = 5
    # Key of documents with their grade, A to E: of duplicates the best graded is kept, then the longest, then the first.
    # Empty: grades are not asked.
    best: str = ""
    # Groups of hashes, any of which lets two documents meet.
    bands: Annotated[int, Ge(1), Le(1024)] = 18
    # Hashes in a band: more, and fewer unlike documents meet.
    rows: Annotated[int, Ge(1), Le(64)] = 7
    # Of the documents that meet in one band, the best so many are compared with all others of it, which bounds the work
    # where very many are alike; the report says how many pairs were passed over.
    heads: Annotated[int, Ge(1), Le(100_000)] = 100
    # Memory for sorts and joins, in GiB; what is more goes to disk.
    memory_gib: Annotated[float, Ge(0.25), Le(4096)] = 2.0

    def __post_init__(self) -> None:
        if self.recall < _LEAST_RECALL:
            needed = math.ceil(math.log(1 - _FOUND) / math.log(1 - self.threshold**self.rows))
            raise ValueError(f"bands = {self.bands} of rows = {self.rows} look at {self.recall:.0%} of the pairs with Jaccard "
                             f"{self.threshold}, and {_LEAST_RECALL:.0%} are the least; {needed} bands look at {_FOUND:.0%}")

    @property
    def recall(self) -> float:
        """The share of pairs exactly at the threshold that are looked at."""
        return 1 - (1 - self.threshold**self.rows) ** self.bands

    @property
    def hashes(self) -> int:
        return self.bands * self.rows
