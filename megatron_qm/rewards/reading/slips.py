"""Words that are the same but for one slip of the pen."""

from typing import Literal, NamedTuple


class Slip(NamedTuple):
    """letters: those that are another in each word."""

    kind: Literal["same", "more", "swapped", "another"]
    letters: str = ""


def slip(one: str, other: str) -> Slip | None:
    """A letter more or less (`more`), two beside each other that have changed places, or another letter; None for what differs by
    more.

    >>> slip("permetrin", "permethrin"), slip("aspirni", "aspirin"), slip("asparin", "aspirin")
    (Slip(kind='more', letters=''), Slip(kind='swapped', letters=''), Slip(kind='another', letters='ai'))
    """
    short, long = sorted((one, other), key=len)
    at = next((n for n, (mine, its) in enumerate(zip(short, long, strict=False)) if mine != its), len(short))
    if one == other:
        return Slip("same")
    if len(short) < len(long):
        return Slip("more") if short[at:] == long[at + 1 :] else None
    if short[at + 1 :] == long[at + 1 :]:
        return Slip("another", short[at] + long[at])
    swapped = short[at : at + 2] == long[at : at + 2][::-1] and short[at + 2 :] == long[at + 2 :]
    return Slip("swapped") if swapped else None
