"""Which diagnoses of a sentence are alternatives between which nothing is chosen, or stand on a condition.

Each function takes a sentence in lower case and where its affirmed names stand, and gives the places of those in that list.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from megatron_qm.rewards.reading.cues import Words
from megatron_qm.rewards.reading.lexicon import either, words
from megatron_qm.rewards.reading.spans import Span

_UNDECIDED = Words("undecided_diagnoses")
_POSSIBILITIES = Words("possibilities")
_NOT_CHOSEN = Words("not_chosen")
BRACKET = r"\s*(?:\([^()]{0,60}\)\s*)?"
_OR = re.compile(rf"{BRACKET}[,/]?\s*(?:{words('or_else')})\s*(?:{either('small_word', 'en')}\s+){{0,3}}")
_LAST_OF_LIST = re.compile(rf"{BRACKET},?\s*(?:、|/|\band\b|\bor\b|和|及|与|或)\s*")
_LIST = re.compile(rf"{BRACKET}(?:[,、/]|\band\b|和|及|与|\s)*")
_MAY_BE = re.compile(rf"{words('may_be')}[^,;:。]{{0,30}}$")
_MAY_BE_BEHIND = re.compile(rf"{BRACKET}{either('may_be_behind')}")
_IF = Words("if_so")
_FORCED = re.compile(words("forced"))
_THEN = Words("then_so")
_IF_NOT = re.compile(words("if_not"))
_BEFORE = 60  # characters before a name in which a hedge stands
_SHARE = r"(?:(\d{1,3}(?:\.\d{1,2})?)\s?%|([1-9一二三四五六七八九])成)"
_BEHIND_NAME = re.compile(rf"性?{BRACKET}(?:[:(=,~≈|–—-]|{either('about')}|的?{either('chance')}|\s)*{_SHARE}")
_BEFORE_NAME = re.compile(rf"{_SHARE}的?\s?(?:{either('chance')}\s?)?(?:of |for |it is |是|为)?(?:an? )?$")
_ANY_SHARE = re.compile(_SHARE)
_TENTHS = "零一二三四五六七八九"


def alternatives(sentence: str, named: Sequence[Span], kinds: Sequence[object]) -> set[int]:
    """`X or Y`, `possibilities: X, Y`, `between X and Y`."""
    if len(set(kinds)) < 2:
        return set()
    if _UNDECIDED.search(sentence):
        return set(range(len(named)))
    begins = _POSSIBILITIES.search(sentence)
    found = {n for n, span in enumerate(named) if begins and span.start >= begins.end()}
    for n, gap in enumerate(_gaps(sentence, named)):
        if kinds[n] != kinds[n + 1] and _OR.fullmatch(gap):
            found |= {n + 1, *list_before(sentence, named, n)}
    return found


def unchosen(sentence: str, named: Sequence[Span], kinds: Sequence[object]) -> set[int]:
    """`it is up to you`, 暂不下结论: whatever is said of which is the likelier."""
    return set(range(len(named))) if len(set(kinds)) > 1 and _NOT_CHOSEN.search(sentence) else set()


def hedged(sentence: str, named: Sequence[Span], kinds: Sequence[object]) -> set[int]:
    """What only may be: `it could be X`, `Y待排`, and the list that such a word stands before or behind."""
    found = {n for n, span in enumerate(named) if _MAY_BE.search(sentence, max(0, span.start - _BEFORE), span.start)}
    for n, gap in enumerate(_gaps(sentence, named)):
        if n in found and _LIST.fullmatch(gap):
            found.add(n + 1)
    for n, span in enumerate(named):
        if _MAY_BE_BEHIND.match(sentence, span.end):
            found |= {n, *list_before(sentence, named, n)} if ends_list(sentence, named, n) else {n}
    return found


def ends_list(sentence: str, named: Sequence[Span], n: int) -> bool:
    """Whether more than a comma stands before name `n`: `X, Y待排` is no list."""
    return n > 0 and _LAST_OF_LIST.fullmatch(sentence[named[n - 1].end : named[n].start]) is not None


def conditional(sentence: str, named: Sequence[Span], kinds: Sequence[object]) -> set[int]:
    """`if ..., then X; otherwise Y`. What somebody would say who has to is said: `if I had to choose, X`."""
    begins = _IF.search(sentence) or _IF_NOT.match(sentence.lstrip())
    if begins is None or _FORCED.match(sentence, begins.start()):
        return set()
    turn = begins if _IF_NOT.search(sentence) else _THEN.search(sentence, begins.end())
    return {n for n, span in enumerate(named) if turn and span.start >= turn.end()}


def share(sentence: str, span: Span) -> float | None:
    """The percentage beside a name."""
    found = _BEHIND_NAME.match(sentence, span.end) or _BEFORE_NAME.search(sentence, max(0, span.start - _BEFORE), span.start)
    return _percent(found) if found else None


def largest_share(sentence: str) -> float:
    return max(map(_percent, _ANY_SHARE.finditer(sentence)), default=0.0)


def _percent(match: re.Match[str]) -> float:
    tenths = match[2]
    return 10.0 * (_TENTHS.index(tenths) if tenths in _TENTHS else int(tenths)) if tenths else float(match[1])


def _gaps(sentence: str, named: Sequence[Span]) -> list[str]:
    return [sentence[one.end : other.start] for one, other in pairwise(named)]


def list_before(sentence: str, named: Sequence[Span], last: int) -> set[int]:
    """The list that ends with name `last`."""
    first_of_list = last
    while first_of_list and _LIST.fullmatch(sentence[named[first_of_list - 1].end : named[first_of_list].start]):
        first_of_list -= 1
    return set(range(first_of_list, last + 1))
