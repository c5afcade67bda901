"""A file of pairs that was read through, every line of it whole, and is read again: when it is scored, and when it is told."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.keys import Keys
from megatron_qm.evals.pairs.reading import read_rows, whole_rows
from megatron_qm.evals.pairs.rows import Messages, Row


@dataclass(frozen=True)
class Checked:
    """Iterated as often as one likes: nothing of the file is held but the digests of its keys."""

    path: Path
    keys: Keys

    def __iter__(self) -> Iterator[Row]:
        """Its rows. Raises UserError for a file that is no longer the one that was checked: a score would get another's key."""
        for row, digest in itertools.zip_longest(whole_rows(self.path), self.keys.digests):
            if row is None or self.keys.digest(row.key) != digest:
                raise UserError(f"{self.path}: has changed since its lines were checked; evaluate it again, and leave it alone "
                                "meanwhile")
            yield row


def check_pairs(path: Path, check: Callable[[Messages], object] = lambda messages: None) -> Checked:
    """check: is given every conversation, and raises ValueError for one that cannot be scored. Raises UserError for the first
    line that is not whole or has such a one, and for what cannot be read more than once."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: is no file; pairs are read several times, so give a file")
    keys = Keys()
    for row in read_rows(path, keys):
        try:
            for conversation in row.conversations():
                check(conversation)
        except ValueError as error:
            raise UserError(f"{path}:{row.line}: the pair {row.key!r:.60}: {error}") from None
    return Checked(path, keys)
