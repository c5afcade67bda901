"""What a response says of a question's options, one statement at a time."""

from enum import Enum
from typing import NamedTuple


class Rank(Enum):
    """What a statement is worth, the highest first (final.py says how they are settled)."""

    FIELD = 1  # {"answer": "D"}
    BOX = 2  # \\boxed{D}, <answer>D</answer>
    LED = 3  # the answer is D; so, D
    TICKED = 4  # [x] D, of boxes beside all options
    VERDICT = 5  # D is correct
    ALONE = 6  # D, and nothing beside it
    SHEET = 7  # D ✓, of marks beside all options: those that are true, the others are false
    LINE = 8  # D. Spironolactone: a line of a list, perhaps of the question's own
    MENTION = 9  # the next step is D; give spironolactone (D)
    DENIED = 10  # not D
    FALSE = 11  # D is false; D is no feature of it: denied, unless that is what the question asks for
    OPEN = 12  # D or C
    SUPPOSED = 13  # D if ...; is it D?; it might be D


DENYING = (Rank.DENIED, Rank.FALSE)


class Statement(NamedTuple):
    rank: Rank
    letters: frozenset[str]
