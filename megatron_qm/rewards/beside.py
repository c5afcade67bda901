"""What stands beside a name of a disease and is the same disease: its code, its other names."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from megatron_qm.rewards.reading.lexicon import lower, words
from megatron_qm.rewards.reading.mentions import Mention
from megatron_qm.rewards.reading.spans import Stance

_ALIAS = re.compile(rf"[(,]\s*(?:[^(),;:。]{{0,12}}\s?)?{words('also_called')}\s?(?:an? |the )?[\"'“”‘’]?")
_NEXT_ALIAS = re.compile(r"[\"'“”‘’]?\s*(?:、|/|,|或|\bor\b)\s*(?:the )?[\"'“”‘’]?")


def with_their_codes(mentions: Sequence[Mention], kind: Callable[[str], object], is_name: Callable[[str], bool]) -> list[Mention]:
    """`X, without Y (code of X)`: the code is as X is."""
    found = list(mentions)
    for n, one in enumerate(found):
        if one.stance is not Stance.DENIED or is_name(one.key):
            continue
        same = [other for other in found[:n] if other.place == one.place and kind(other.key) == kind(one.key)]
        if same and same[-1].stance is Stance.AFFIRMED:
            found[n] = replace(one, stance=Stance.AFFIRMED)
    return found


def without_aliases(mentions: Sequence[Mention]) -> list[Mention]:
    """`X (also called Y or Z)`: Y and Z are what X is called, and no diagnoses beside it."""
    found, called = list(mentions), False
    for n in range(1, len(found)):
        last, one = found[n - 1], found[n]
        gap = lower(one.sentence)[last.span.end : one.span.start] if last.place == one.place else ""
        called = bool(_ALIAS.fullmatch(gap) or called and _NEXT_ALIAS.fullmatch(gap))
        if called and one.stance is Stance.AFFIRMED:
            found[n] = replace(one, stance=Stance.DISCUSSED)
    return found
