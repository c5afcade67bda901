"""Which pairs of characters of a list a text has: two look-ups a character, exact, and no search for each of a hundred words."""

from collections.abc import Iterable

import numpy as np

from data_tools.corpus.cleaning.utf16 import UNITS, units_of


class Pairs:
    """Words are found by their first two characters; who needs the whole word looks for it where the pair is."""

    def __init__(self, words: Iterable[str]) -> None:
        pairs = sorted({word[:2] for word in words if len(word) > 1 and max(word[:2]) < "\U00010000"})
        firsts, seconds = (sorted({pair[at] for pair in pairs}) for at in (0, 1))
        self.named = ("", *pairs)  # by number
        self._first, self._second = np.zeros(UNITS, np.int32), np.zeros(UNITS, np.int32)
        width = len(seconds) + 1
        for number, sign in enumerate(firsts, 1):
            self._first[ord(sign)] = number * width  # 0 leads to the first row, which is empty
        for number, sign in enumerate(seconds, 1):
            self._second[ord(sign)] = number
        self._numbers = np.zeros((len(firsts) + 1) * width, np.int32)
        for number, pair in enumerate(pairs, 1):
            self._numbers[self._first[ord(pair[0])] + self._second[ord(pair[1])]] = number

    def words_by_pair(self, words: Iterable[str]) -> dict[int, list[str]]:
        """Different ones, by the number of the pair that they begin with; not those of a single character."""
        begun: dict[str, list[str]] = {}
        for word in dict.fromkeys(words):
            begun.setdefault(word[:2], []).append(word)
        return {number: begun[pair] for number, pair in enumerate(self.named) if pair in begun}

    def found(self, text: str) -> list[int]:
        """The number of each pair in the text, in its order."""
        units = units_of(text)
        numbers = self._numbers[self._first[units[:-1]] + self._second[units[1:]]]
        numbers = numbers[numbers > 0]
        return list(numbers.tolist())
