"""How many pairs of characters of each kind texts have: two look-ups a character, exact, and no search for each of a thousand."""

from collections.abc import Sequence, Set

import numpy as np
import numpy.typing as npt

from data_tools.corpus.cleaning.utf16 import UNITS, units_of


class Pairs:
    """Of characters of the first plane."""

    def __init__(self, kinds: Sequence[Set[str]]) -> None:
        """kinds: the pairs of each; some may be of several."""
        firsts, seconds = (sorted({pair[at] for pairs in kinds for pair in pairs}) for at in (0, 1))
        self._first, self._second = np.zeros(UNITS, np.int32), np.zeros(UNITS, np.int32)
        width = len(seconds) + 1
        for number, sign in enumerate(firsts, 1):
            self._first[ord(sign)] = number * width  # 0 leads to the first row, which is empty
        for number, sign in enumerate(seconds, 1):
            self._second[ord(sign)] = number
        self._bits = np.zeros((len(firsts) + 1) * width, np.uint8)
        for bit, pairs in enumerate(kinds):
            for pair in pairs:
                self._bits[self._first[ord(pair[0])] + self._second[ord(pair[1])]] |= np.uint8(1 << bit)
        self._kinds_of_bits = (np.arange(1 << len(kinds))[:, None] >> np.arange(len(kinds))) & 1

    def counts_of(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """A row for each text, by kind."""
        units = units_of(texts)
        bits = self._bits[self._first[units.values[:-1]] + self._second[units.values[1:]]]
        places = np.flatnonzero(bits)
        owners = np.searchsorted(units.ends, places, side="right")
        within = places + 1 < units.ends[owners]  # and not in two texts
        values = len(self._kinds_of_bits)
        counts = np.bincount(owners[within] * values + bits[places[within]], minlength=values * len(texts))
        found: npt.NDArray[np.int64] = counts.reshape(len(texts), values) @ self._kinds_of_bits
        return found
