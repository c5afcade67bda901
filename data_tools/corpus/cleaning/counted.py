"""Measures that follow from how many signs of each class a text has, and pairs of each kind: of many texts at once."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from data_tools.corpus.cleaning import scripts
from data_tools.corpus.cleaning.words import Lists

Column: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.int64]
_PAIRS = ("medical_pairs", "odd_pairs_zh", "begun_cues")


def counted(texts: Sequence[str], chinese: Sequence[bool], lists: Lists) -> dict[str, Column]:
    """By the measure's name, a value for each text. chinese: whether its pairs are asked about."""
    pairs = np.zeros((len(texts), 3), np.int64)
    pairs[chinese] = lists.pairs.counts_of([text for text, asked in zip(texts, chinese, strict=True) if asked])
    return _of_signs(scripts.counts_of(texts)) | dict(zip(_PAIRS, pairs.T, strict=True))


def rows_of(columns: Mapping[str, Column]) -> list[dict[str, float]]:
    """Of each text, by the measure's name."""
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _of_signs(counts: npt.NDArray[np.int64]) -> dict[str, Column]:
    signs = counts.T
    size = np.maximum(1, counts.sum(axis=1) - signs[scripts.SPACE] - signs[scripts.LINE])  # signs that show
    letters = counts[:, : scripts.OTHER_LETTER + 1].sum(axis=1)
    han = np.maximum(1, counts[:, : scripts.HAN_RARE + 1].sum(axis=1))
    latin, accents, digits, garbage = (
        signs[one] for one in (scripts.LATIN, scripts.LATIN_ACCENTED, scripts.DIGIT, scripts.GARBAGE)
    )
    return {
        "size": size, "letters": letters, "han": han, "line_ends": signs[scripts.LINE], "stops": signs[scripts.STOP],
        "latin": (latin + accents) / np.maximum(1, letters), "garbage": garbage / size,
        "lone_accents": np.where(accents > latin / 8, (accents + signs[scripts.SYMBOL]) / size, 0.0),
        "digits": digits / np.maximum(1, digits + letters),
        "symbols": (signs[scripts.SYMBOL] + signs[scripts.PUNCTUATION] + signs[scripts.STOP] + garbage) / size,
        "rare_han": signs[scripts.HAN_RARE] / han, "function_words": signs[scripts.HAN_FUNCTION] / han,
    }  # fmt: skip
