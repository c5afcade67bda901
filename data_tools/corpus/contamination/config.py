"""When a document holds an item of an evaluation."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le


@dataclass(frozen=True)
class ContaminationConfig:
    """An item is in a document where enough of its question stands together there, wherever its options are and whatever they are
    called."""

    # Units (Chinese characters, words) in a run that is looked for: shorter ones forgive more changes, longer ones find
    # less by chance.
    gram: Annotated[int, Ge(2), Le(64)] = 5
    # Of the different runs of a question, those that must stand in the document within `window`.
    share: Annotated[float, Ge(0.1), Le(1)] = 0.75
    # Characters that its runs there, and its options beside them, come to in any case, a word counted as two: fewer are a
    # phrase, which many documents share.
    least: Annotated[int, Ge(1), Le(1000)] = 16
    # How far apart its runs may stand, in lengths of the question.
    window: Annotated[float, Ge(1), Le(100)] = 2.0
    # Runs in more than this share of a set's items (and in more than 10 items) are its wording, and no evidence.
    common: Annotated[float, Ge(0), Le(1)] = 0.01
    # Runs that stand in more than this share of the documents (and in more than 20) are phrases, and no evidence either.
    phrase: Annotated[float, Ge(0), Le(1)] = 0.001
