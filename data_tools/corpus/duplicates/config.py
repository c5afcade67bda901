"""What counts as a duplicate, and which pairs are looked at."""

import math
from dataclasses import dataclass

_LEAST_RECALL = 0.95  # of pairs exactly at the threshold; those above it are found more often
_FOUND = 0.98  # what a refusal proposes


@dataclass(frozen=True)
class DuplicatesConfig:
    """Near-duplicates by MinHash and banding: two documents are compared if all hashes of some band agree.

    A pair of Jaccard J is looked at with probability 1 - (1 - J^rows)^bands: 0.986 at 0.8, 0.13 at 0.5, 0.004 at 0.3.
    """

    threshold: float = 0.8
    """Jaccard of the sets of shingles from which on one of two documents is removed."""
    shingle: int = 5
    """Units (Chinese characters, words) in a shingle."""
    bands: int = 18
    """Groups of hashes, any of which lets two documents meet."""
    rows: int = 7
    """Hashes in a band: more, and fewer unlike documents meet."""
    heads: int = 100
    """Of the documents that meet in one band, the best so many are compared with all others of it, which bounds the work where
    very many are alike; the report says how many pairs were passed over."""
    best: str = ""
    """Key of documents whose value is their grade, A to E: of two duplicates the better graded is kept. Empty: grades are not
    asked. Then the longer one is kept, then the first."""
    memory_gib: float = 2.0
    """For sorts and joins; what is more goes to disk."""

    def __post_init__(self) -> None:
        for name, low, high in (("threshold", 0.5, 1.0), ("shingle", 1, 64), ("bands", 1, 1024), ("rows", 1, 64),
                                ("heads", 1, 100_000), ("memory_gib", 0.25, 4096.0)):
            value = getattr(self, name)
            if not low <= value <= high:  # not a number neither
                raise ValueError(f"{name} = {value}: {low} to {high} is meant")
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
