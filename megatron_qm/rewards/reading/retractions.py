"""What was affirmed and is taken back by its name: `Cancel that colonoscopy`, `X should not be given`, 取消X, 本例不应做X.

A name is denied as often for how or when as for good (`X should not be given with milk`). So it takes back what was said of it
before only where the clause ends there, or goes on to speak of this patient, and nothing in the sentence is on a condition.
"""

import re
from collections.abc import Iterator, Sequence

from megatron_qm.rewards.reading.cues import Cues
from megatron_qm.rewards.reading.lexicon import either
from megatron_qm.rewards.reading.spans import Span

_ENDS = rf"(?:\s?{either('of_this_patient')})?\s*(?:$|[.,;:!?—–)]|-\s|but\b)"
_ENDED = re.compile(rf"{either('order_of')}?{_ENDS}")
_DETERMINER = rf"(?:{either('determiner', 'en')}\s)*"
_CANCELS = re.compile(rf"\b{either('cancels', 'en')}\s{_DETERMINER}$|{either('cancels', 'zh')}[^,;:。]{{0,6}}$")
_KEEPS = re.compile(rf"{either('keeps')}\s?$")
_DOES_NOT = either("must_not", "zh") + either("does_it", "zh")
_REFUSES = re.compile(
    rf"\b{either('will_not', 'en')}\s{either('does_it', 'en')}\s{_DETERMINER}$"
    rf"|(?:^|[,;:。\s]){either('speaks_of_case')}*{_DOES_NOT}{either('determiner', 'zh')}?$")
_IS_CANCELLED = rf"(?:is|are|has been|have been)\s(?:\w+\s)?{either('cancelled')}"
_IS_NOT_DONE = rf"{either('must_not', 'en')}\s(?:be|have been)\s(?:\w+ly\s)?{either('is_done')}"
_NONE_DONE = (re.compile(r"(?:^|[,;:.]|\bbut)\s*no\s$"),
              re.compile(rf"\s{either('auxiliary_of_orders')}\sbe\s{either('is_done')}{_ENDS}"))
_BEHIND = re.compile(
    rf"\s(?:{_IS_CANCELLED}|{_IS_NOT_DONE}){_ENDS}|{either('order_of')}?"
    rf"(?:[已均]?{either('cancels', 'zh')}|{_DOES_NOT}){_ENDS}")
_APART = re.compile(rf"\b{either('takes_apart')}\s{_DETERMINER}$"), re.compile(rf"\s(?:back|off|out){_ENDS}")
_THOSE_BEFORE = re.compile(
    rf"\W*(?:(?:but|however),?\s)?{either('named_before', 'en')}\s(?:{_IS_CANCELLED}|{_IS_NOT_DONE}){_ENDS}\W*"
    rf"|\W*{either('named_before', 'zh')}(?:{either('cancels', 'zh')}|{_DOES_NOT}){_ENDS}\W*")
_CONDITION = re.compile(rf"\b{either('condition_of_denial', 'en')}\b|{either('condition_of_denial', 'zh')}")
_JOINT = re.compile(r"\s*(?:,|/|、|\band\b|\bor\b|和|与|及|或)+\s*(?:the\s|that\s)?")
_CUES = Cues([], begun=["cancels", "will_not", "cancelled", "takes_apart"], anywhere=["must_not"], more=["no"])
_WITHIN = 60  # characters around a list of names


def may_retract(low: str) -> bool:
    """False is certain."""
    return not low.isascii() or _CUES.stand_in(low)


def retracted(low: str, named: Sequence[Span]) -> Iterator[Span]:
    """Those of the names of a sentence in lower case that it takes back."""
    if _CONDITION.search(low):
        return
    for run in _lists(low, named):
        before = low[max(0, run[0].start - _WITHIN) : run[0].start]
        behind = low[run[-1].end : run[-1].end + _WITHIN]
        if _is_refused(before, behind) or _BEHIND.match(behind) or any(
                lead.search(before) and tail.match(behind) for lead, tail in (_APART, _NONE_DONE)):
            yield from run


def retracts_those_before(low: str) -> bool:
    """Whether a sentence takes back what the one before it names: `They should not be given here.`"""
    return _THOSE_BEFORE.fullmatch(low) is not None


def _is_refused(before: str, behind: str) -> bool:
    if _ENDED.match(behind) is None:
        return False
    cancels = _CANCELS.search(before)
    return cancels is not None and not _KEEPS.search(before, 0, cancels.start()) or _REFUSES.search(before) is not None


def _lists(low: str, named: Sequence[Span]) -> Iterator[list[Span]]:
    """Names that nothing but joints stand between."""
    run: list[Span] = []
    for span in named:
        if run and not _JOINT.fullmatch(low, run[-1].end, span.start):
            yield run
            run = []
        run.append(span)
    if run:
        yield run
