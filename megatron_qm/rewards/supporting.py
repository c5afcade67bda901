"""Which diagnoses of a sentence are denied right where they stand, are somebody else's, or only support another one: its cause,
its ground, or what an arrow leads away from. As in alternatives.py, each function gives places in the list of affirmed names."""

import re
from collections.abc import Sequence

from megatron_qm.rewards.alternatives import BRACKET, ends_list, list_before
from megatron_qm.rewards.reading.lexicon import either, words
from megatron_qm.rewards.reading.spans import Span

_IS_NOT = re.compile(rf"\b{either('is_not')}\s+(?:\w+\s+){{0,2}}?(?:due to\s+|caused by\s+|an?\s+|the\s+)?$")
_IS_OUT = re.compile(rf"{BRACKET}{either('is_out')}")
_SAYS = re.compile(rf"{words('somebody')}[^,;:。]{{0,12}}{words('thinks')}[^,;:。]{{0,24}}$")
_ARROW = re.compile(rf"(?:=|-{{1,2}}|–|—)>|[→⇒⟹⟶➜➡⇨∴]|{words('leads_to')}")
_TOLD_APART = re.compile(rf"{BRACKET}{either('told_apart', 'zh')}")
_TELLS_APART = re.compile(rf"\b{either('told_apart', 'en')}")
_PIECE = re.compile(r"[;。]")
_CAUSED_BY = re.compile(rf"{BRACKET},?\s*(?:\w+ly )?(?:{words('caused_by')})\s*(?:[a-z-]+\s+){{0,3}}")
_BRINGS_ABOUT = re.compile(rf"\s*{either('brings_about')}的?[^,;:、。]{{0,4}}")
_OF_THE_PATIENT = re.compile(rf"\b{either('of_the_patient')}\s+$")
_CAUSE_IS = re.compile(rf"{either('cause_is')}\s*$")
_IS_BACKGROUND = re.compile(rf"\s*{either('is_background')}")
_WITHIN = 40  # characters before a name


def denied(sentence: str, named: Sequence[Span], kinds: Sequence[object]) -> set[int]:
    """`this isn't X`, `X and Y are out`, 需与X、Y鉴别."""
    found = {n for n, span in enumerate(named) if _IS_NOT.search(sentence, max(0, span.start - _WITHIN), span.start)}
    if apart := _TELLS_APART.search(sentence):
        found |= {n for n, span in enumerate(named) if span.start >= apart.end()}
    for n, span in enumerate(named):
        if _TOLD_APART.match(sentence, span.end) or _IS_OUT.match(sentence, span.end):
            found |= list_before(sentence, named, n) if ends_list(sentence, named, n) else {n}
    return found


def reported(sentence: str, named: Sequence[Span], kinds: Sequence[object]) -> set[int]:
    """What somebody else takes it for: `my colleague thinks it is X`, 上级医师认为是X."""
    return {n for n, span in enumerate(named) if _SAYS.search(sentence, max(0, span.start - 2 * _WITHIN), span.start)}


def supporting(sentence: str, named: Sequence[Span], kinds: Sequence[object]) -> set[int]:
    found = _before_arrows(sentence, named)
    for n, span in enumerate(named):
        before = max(0, span.start - _WITHIN), span.start
        if (_OF_THE_PATIENT.search(sentence, *before) or n and _CAUSE_IS.search(sentence, *before)
                or _IS_BACKGROUND.match(sentence, span.end)):
            found.add(n)
        if n + 1 < len(named) and kinds[n] != kinds[n + 1]:
            gap = sentence[span.end : named[n + 1].start]
            found |= {n + 1} if _CAUSED_BY.fullmatch(gap) else {n} if _BRINGS_ABOUT.fullmatch(gap) else set()
    return found


def _before_arrows(sentence: str, named: Sequence[Span]) -> set[int]:
    """What stands before the last arrow that leads to a name, within a piece of a sentence that a semicolon ends."""
    found: set[int] = set()
    start = 0
    for piece in (*_PIECE.finditer(sentence), None):
        end = piece.start() if piece else len(sentence)
        inside = [n for n, span in enumerate(named) if start <= span.start < end]
        arrows = [arrow.start() for arrow in _ARROW.finditer(sentence, start, end)] if inside else []
        leading = [at for at in arrows if at < named[inside[-1]].start]
        found |= {n for n in inside if leading and named[n].start < leading[-1]}
        start = end
    return found
