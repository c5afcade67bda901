"""What stands beside a name of a disease and is the same disease: its code, its other names."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.mentions import Mention
from megatron_qm.rewards.reading.spans import Stance

_ALIAS = re.compile(rf"[(,]\s*(?:[^(),;:。]{{0,12}}\s?)?{words('also_called')}\s?(?:an? |the )?[\"'“”‘’]?")
_CODE_LABEL = re.compile(
    rf"(?:{either('before_code_label')}|\W)*{either('code_label')}\W*(?:(?:is|are|as|for it|for this|here)\s)*[是为]?\W*")
_NEXT_CODE = re.compile(r"\s*(?:[,、;/+]|\band\b|和|及|与)+\s*")
_LONGEST_LABEL = 60
_ITS_CODE = re.compile(r"\s*[(\[:]?\s*")
_NEXT_ALIAS = re.compile(r"[\"'“”‘’]?\s*(?:、|/|,|或|\bor\b)\s*(?:the )?[\"'“”‘’]?")


def with_their_codes(mentions: Sequence[Mention], kind: Callable[[str], object], is_name: Callable[[str], bool]) -> list[Mention]:
    """`X, without Y (code of X)`: the code is as X is; and so it is where X is taken back."""
    found = list(mentions)
    for n, one in enumerate(found):
        if one.stance not in (Stance.DENIED, Stance.AFFIRMED) or is_name(one.key):
            continue
        same = [other for other in found[:n] if other.place == one.place and kind(other.key) == kind(one.key)]
        near = one.stance is Stance.DENIED or same and _ITS_CODE.fullmatch(one.sentence, same[-1].span.end, one.span.start)
        if same and near and same[-1].stance in (Stance.DENIED, Stance.AFFIRMED):
            found[n] = replace(one, stance=same[-1].stance)
    return found


def labelled_codes(mentions: Sequence[Mention], is_name: Callable[[str], bool]) -> list[Mention]:
    """Codes that stand apart from names, behind a label: `Asthma. ICD-10: J45.9`, `Asthma, code J45.9`; or with one alone and a
    comma between."""
    found: list[Mention] = []
    for n, one in enumerate(mentions):
        if is_name(one.key):
            continue
        last = mentions[n - 1] if n and mentions[n - 1].place == one.place else None
        gap = lower(one.sentence[last.span.end if last else 0 : one.span.start][-_LONGEST_LABEL:])
        goes_on = found and found[-1] is last and _NEXT_CODE.fullmatch(gap)
        if goes_on or _CODE_LABEL.fullmatch(gap) or gap.strip() == "," and last and is_name(last.key) and _are_alone(mentions, n):
            found.append(one)
    return found


def _are_alone(mentions: Sequence[Mention], n: int) -> bool:
    """Whether mention `n` and the one before it are all of their sentence."""
    place = mentions[n].place
    return (n < 2 or mentions[n - 2].place != place) and (n + 1 == len(mentions) or mentions[n + 1].place != place)


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
