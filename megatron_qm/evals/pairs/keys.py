"""Keys of a file of pairs as digests: eight bytes each, however long they are."""

import hashlib
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

Digest = Callable[[str], int]


def digest_of(text: str) -> int:
    """64 bits. Different texts may share theirs: among a million that happens once in some 40 million files."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True)
class Keys:
    """digests: of all keys so far, in their order."""

    digest: Digest = digest_of
    digests: "array[int]" = field(default_factory=lambda: array("Q"))

    def add(self, key: str) -> None:
        self.digests.append(self.digest(key))

    def repeated(self) -> set[int]:
        """Digests of more than one key, be these equal or not."""
        sorted_r = np.sort(np.asarray(self.digests))
        return set(sorted_r[1:][sorted_r[1:] == sorted_r[:-1]].tolist())
