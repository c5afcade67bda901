"""What a response says of a question's options, one statement at a time."""

from enum import Enum
from typing import NamedTuple


class Rank(Enum):
    """What a statement is worth, the highest first (final.py says how they are settled)."""

    FIELD = 1  # {"answer": "D"}
    BOX = 2  # \\boxed{D}, <answer>D</answer>
    LED = 3  # the answer is D; so, D
    VERDICT = 4  # D is correct
    ALONE = 5  # D, and nothing beside it
    LINE = 6  # D. Spironolactone: a line of a list, perhaps of the question's own
    MENTION = 7  # the next step is D; give spironolactone (D)
    DENIED = 8  # not D
    OPEN = 9  # D or C
    SUPPOSED = 10  # D if ...; is it D?; it might be D


class Statement(NamedTuple):
    rank: Rank
    letters: frozenset[str]
