"""Where in an answer each affirmed name stands: in a box, behind a lead, called the answer, alone in a sentence, or mentioned."""

import re
from collections.abc import Collection, Iterator, Sequence
from enum import IntEnum

from megatron_qm.rewards.reading.clean import BOX
from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.mentions import LED, Prose, Sentence, is_item
from megatron_qm.rewards.reading.spans import Mention, Span

_BRACKET = r"\s*(?:\([^()]{0,80}\)\s*){0,2}"
_IS = either("auxiliary", "en")
# What stands before a name, up to the one before it.
_LEADS = (
    LED,
    re.compile(rf"{words('best')}[^.;]{{0,160}}?\s(?:{_IS}|remains)\s[^,;.]{{0,40}}$"),
    re.compile(rf"\b(?:my|our)\s(?:[\w-]+\s){{0,2}}{either('answer_noun')}\b[^.;]{{0,40}}?\s{_IS}\s[^,;.]{{0,20}}$"),
    re.compile(rf"\b{either('leads_to_name', 'en')}\b[^,;.]{{0,60}}$"),
    re.compile(rf"{either('leads_to_name', 'zh')}[^,;:]{{0,20}}:?\W*(?:{either('before_alone', 'zh')}|用|如|即){{0,2}}$"),
    re.compile(rf"{either('points_at')}\s*(?:\([a-h]\)\s*)?(?:[\w%.-]+\s){{0,4}}?[\u4e00-\u9fff]{{0,6}}:?$"),
    re.compile(rf"(?:^\W*|[.;]\s*){either('plan_heading')}\s*(?:[:】→=⇒]|->)[^:;.]{{0,40}}$"),
    re.compile(r"(?:\b(?:so|therefore|hence|thus)[,\s]|因此|所以|[故遂][应宜予给行查做选用开先拟]{0,2})\s*$"),
)
# What stands behind a name that it calls the answer.
_DOSE = r"(?:[\w.%/–-]+\s){0,5}?"
_CALLS = (
    re.compile(rf"{_BRACKET}{_DOSE}{_IS}\s(?:\w+\s){{0,3}}?{words('best')}"),
    re.compile(rf"{_BRACKET}{_DOSE}{_IS}\s(?:(?:the|my|our)\s|an?\s{either('good')}\s)(?:[\w-]+\s){{0,3}}?"
               rf"{either('answer_noun')}\b(?! only)"),
    re.compile(rf"{_BRACKET}{_DOSE}(?:is|would be)\swhat\s(?:i|we)\b"),
    re.compile(rf"{_BRACKET}{_DOSE}(?:should|must|will|needs? to)\s(?:also\s)?be\s{either('recommended')}"),
    re.compile(rf"{_BRACKET}(?:仍?[为是]|应?作为)?(?:首选|最佳)"),
)
_VERB = re.compile(rf"[^,;:(—–。]*\b{either('verb', 'en')}\b")
_EXPLAINS = re.compile(rf",\s*{either('reason_clause', 'en')}\b|{either('reason_clause', 'zh')}")
_HERE = re.compile(rf"\W*(?:{words('but')}|{words('in_this_case')})")
_BEHIND_NAME = re.compile(rf"(?:\([^()]{{0,80}}\)|{either('of_a_name')}|{either('salt', 'en')}\b|\s)*")
_GOES_ON = re.compile(rf"$|[,;:+&/、|→—–\-\d]|{either('goes_on', 'en')}\b|{either('goes_on', 'zh')}")
_AND = r"[,/、\s]|\band\b|\bor\b|[和与及或]"
_JOINT = re.compile(rf"{_BRACKET}(?:、[^,;、]{{1,12}}(?=、))*(?:{_AND})+")  # unknown names may stand between
_BEFORE_ALONE = re.compile(rf"[\W\d]*(?P<label>[^,;:]{{1,40}}:\W*)?(?:{either('before_alone')}[\s-]*){{0,3}}")
_PREDICATE = re.compile(rf"{_BRACKET}{either('begins_predicate', 'zh')}")


class Rank(IntEnum):
    MENTIONED = 0
    LABELLED = 1  # alone, behind a label: `Antidote: X`
    ALONE = 2
    CALLED = 3
    LED = 4
    BOXED = 5


_PLAN = re.compile(rf"\W*(?:\d{{1,2}}[.)、]|[一二三四五六七八九十]{{1,2}}、)?\W*{either('plan_heading')}\W*")
_HEADING = re.compile(r"\W*(?:\d{1,2}[.)、]|[一二三四五六七八九十]{1,2}、)?\W*(?P<name>[^,.;:。]{1,40}):?\W*")


def turns_here(sentence: Sentence) -> bool:
    """Whether a sentence turns from what is said in general to the case: `however`, `in this patient`."""
    return _HERE.match(sentence.low) is not None


def ranks_of(prose: Prose, affirmed: Sequence[Mention]) -> list[Rank]:
    ranks: list[Rank] = []
    ends = _ends_of_lists(affirmed)
    naming = {one.place for one in prose.mentions}
    below = set(_below_leads(prose.sentences, naming))
    planned = set(_planned(prose.sentences, naming))
    for n, one in enumerate(affirmed):
        before = affirmed[n - 1] if n and affirmed[n - 1].place == one.place else None
        rank_before = ranks[-1] if before else None
        rank = _rank(prose.sentences[one.place], one.span, ends[n], before.span if before else None, rank_before)
        led = one.place in below and not before or one.place in planned and rank in (Rank.LABELLED, Rank.ALONE)
        ranks.append(max(rank, Rank.LED) if led else rank)
    return ranks


def _planned(sentences: Sequence[Sentence], naming: Collection[int]) -> Iterator[int]:
    """The sentences of each section whose heading says that it is the plan or the answer: `P:`, `Final answer`, `三、建议`."""
    planned = False
    for place, one in enumerate(sentences):
        if one.first and place not in naming and _PLAN.fullmatch(one.low):
            planned = True
        elif one.first and place not in naming and _HEADING.fullmatch(one.low) and (not is_item(one) or one.aside):
            planned = False
        elif planned and not one.aside:
            yield place


def _below_leads(sentences: Sequence[Sentence], naming: Collection[int]) -> Iterator[int]:
    """The items of each list whose heading says that it is the answer: `I recommend two drugs:`, `Orders:`."""
    listing = False
    for place, one in enumerate(sentences):
        if one.first and place not in naming and one.text.rstrip().endswith(":") and not is_item(one):
            listing = not one.aside and any(lead.search(one.low) for lead in _LEADS)
        elif one.first:
            listing = listing and is_item(one)
            if listing:
                yield place


def _ends_of_lists(affirmed: Sequence[Mention]) -> list[int]:
    """For each name where the list ends in which it stands."""
    ends = [one.span.end for one in affirmed]
    for n in range(len(affirmed) - 2, -1, -1):
        one, other = affirmed[n], affirmed[n + 1]
        if one.place == other.place and _JOINT.fullmatch(lower(one.sentence[one.span.end : other.span.start])):
            ends[n] = ends[n + 1]
    return ends


def _rank(sentence: Sentence, span: Span, list_end: int, before: Span | None, rank_before: Rank | None) -> Rank:
    """before: the name before it in the sentence, and its rank."""
    if sentence.text.startswith(BOX):
        return Rank.BOXED
    if sentence.aside:
        return Rank.MENTIONED
    low = sentence.low
    since = before.end if before else 0
    ahead = low[since : span.start]
    if any(lead.search(ahead) for lead in _LEADS):
        return Rank.LED
    if any(call.match(low, list_end) for call in _CALLS):
        return Rank.CALLED
    if before is None:
        alone = _BEFORE_ALONE.fullmatch(low, 0, span.start) if _is_nominal(low, list_end) else None
        if alone is None:
            return Rank.CALLED if turns_here(sentence) else Rank.MENTIONED
        return Rank.LABELLED if alone["label"] else Rank.ALONE
    begins_clause = ahead.rstrip().endswith((",", ";"))
    if begins_clause and _PREDICATE.match(low, span.end) or _EXPLAINS.search(ahead):
        return Rank.MENTIONED
    return rank_before or Rank.MENTIONED


def _is_nominal(sentence: str, end: int) -> bool:
    """Whether what goes on behind a name, in its clause, is no sentence of which it is the subject."""
    behind = _BEHIND_NAME.match(sentence, end)
    return behind is not None and _GOES_ON.match(sentence, behind.end()) is not None and _VERB.match(sentence, end) is None
