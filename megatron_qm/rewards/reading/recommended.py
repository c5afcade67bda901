"""Which of the names that a long answer affirms are its recommendation, and which stand in its discussion.

Each affirmed name has a rank by the place where it stands. What stands in a box is the answer; then what a lead introduces
(`give X`, `the best choice is X`, 首选X), what a predicate calls the answer (`X is the drug of choice`), and what opens the answer as
a sentence of its own (`X 500 mg, for 7 days`). All else is mentioned: it counts only where nothing is stated. Below a heading such as
`Monitoring` everything is mentioned.
"""
# ruff: noqa: E501  Chinese characters count twice

import re
from collections.abc import Collection, Iterator, Sequence
from enum import IntEnum

from megatron_qm.rewards.reading.choices import decided, leaves_open
from megatron_qm.rewards.reading.clean import BOX
from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.mentions import LED, Prose, Sentence, adds, ends_list, is_final, is_item
from megatron_qm.rewards.reading.spans import Mention, Span

_BRACKET = r"\s*(?:\([^()]{0,80}\)\s*){0,2}"
_LEAD = re.compile(
    rf"{LED.pattern}|{words('best')}[^.;]{{0,160}}?\s(?:is|are|would be|remains)\s[^,;.]{{0,40}}$|\b{either('leads_to_name', 'en')}\b(?=[^,;.]{{0,60}}$)|{either('leads_to_name', 'zh')}(?=[^,;:]{{0,20}}:?\W*$)")
_SO = re.compile(r"(?:\b(?:so|therefore|hence|thus)[,\s]|因此|所以|故|遂)\s*$")
_MUST = rf"(?:should|must|will|needs? to)\s(?:also\s)?be\s{either('recommended')}"
_CALLED = re.compile(
    rf"{_BRACKET}(?:[\w.%/–-]+\s){{0,5}}?(?:{either('auxiliary', 'en')}\s(?:\w+\s){{0,3}}?{words('best')}|{either('auxiliary', 'en')}\s(?:what|an?|the|my)\s"
    rf"(?:[\w-]+\s){{0,3}}?(?:{either('answer_noun')}|(?<=what )(?:i|we)\S*)\b|{_MUST}|(?:仍?[为是]|应?作为)?(?:首选|最佳))")
_VERB = re.compile(rf"[^,;:(—–。]*\b{either('verb', 'en')}\b")
_EXPLAINS = re.compile(rf",\s*{either('reason_clause', 'en')}\b|{either('reason_clause', 'zh')}")
_HERE = re.compile(rf"\W*(?:{words('but')}|不过|最[后终]|(?:in|for|with) (?:this|our|your)\b|on balance\b)")
_NOMINAL = re.compile(rf"(?:\([^()]{{0,80}}\)|{either('of_a_name')}|{either('salt', 'en')}\b|\s)*"
                      rf"(?:$|[,;:+&/、|→—–\-\d]|{either('goes_on', 'en')}\b|{either('goes_on', 'zh')})")
_JOINT = re.compile(rf"{_BRACKET}(?:、[^,;、]{{1,12}}(?=、))*(?:[,/、\s]|\band\b|\bor\b|[和与及或])+")
_BEFORE_ALONE = re.compile(rf"[\W\d]*(?P<label>[^,;:]{{1,40}}:\W*)?(?:(?:{either('before_alone')})[\s-]*){{0,3}}")
_PREDICATE = re.compile(rf"{_BRACKET}{either('begins_predicate', 'zh')}")
_NEW_CLAUSE = re.compile(r"[^\x00]*[,;]\s*")


class Rank(IntEnum):
    MENTIONED = 0
    LABELLED = 1  # alone, behind a label: `Antidote: X`
    ALONE = 2
    CALLED = 3
    LED = 4
    BOXED = 5


def recommended(prose: Prose, *, beside_fields: bool) -> tuple[list[Mention], list[Mention]]:
    """The names that are the answer, and all in sentences that state any."""
    affirmed = prose.affirmed
    ranks = _ranks(prose, affirmed)
    boxes = [place for place, one in enumerate(prose.sentences) if one.text.startswith(BOX) and len(one.text.strip()) > 1]
    counted = _counted(prose.sentences, affirmed, ranks, boxes)
    answer = [one for n, one in enumerate(affirmed) if n in counted]
    stated = bool(answer or boxes)
    if beside_fields:
        answer = [one for n, one in enumerate(affirmed) if n in counted and ranks[n] >= Rank.LED]
    if not stated and not beside_fields:
        answer = affirmed
    open_at = [place for place, one in enumerate(prose.sentences) if leaves_open(one.low)]
    places = {one.place for n, one in enumerate(affirmed) if ranks[n]} | {one.place for one in answer}
    return decided(answer, affirmed, open_at), [one for one in affirmed if one.place in places]


def _counted(sentences: Sequence[Sentence], affirmed: Sequence[Mention], ranks: Sequence[Rank], boxes: Sequence[int]) -> set[int]:
    """The places in `affirmed` of what is stated."""
    top = max(ranks, default=Rank.MENTIONED)
    if boxes:
        return {n for n, one in enumerate(affirmed) if ranks[n] is Rank.BOXED or ranks[n] is Rank.LED and one.place > boxes[-1]}
    if top is Rank.MENTIONED or top <= Rank.ALONE and not ranks[0]:
        return set()
    stated = [n for n, rank in enumerate(ranks) if rank is top or top <= Rank.ALONE and rank]
    final = [n for n in stated if is_final(one := sentences[affirmed[n].place]) or n != stated[0] and _HERE.match(one.low)]
    opening = ranks[0] is Rank.ALONE and not final
    begin = affirmed[final[-1]].place if final else affirmed[0].place if opening else affirmed[stated[0]].place
    going_on = set(_going_on(sentences, begin, {one.place for one in affirmed}))
    found = {n for n, one in enumerate(affirmed) if one.place >= begin and (
        ranks[n] >= (top if top > Rank.ALONE else Rank.LABELLED)
        or one.place in going_on and one.place != begin)}
    return found | ({n for n, one in enumerate(affirmed) if one.place == begin and ranks[n]})


def _going_on(sentences: Sequence[Sentence], begin: int, naming: Collection[int]) -> Iterator[int]:
    """The sentence in which the answer begins, and those that go on with its list or add to it."""
    listing = True
    lists = begin not in naming or is_item(sentences[begin]) or ends_list(sentences[begin])
    for place in range(begin, len(sentences)):
        sentence = sentences[place]
        item = place == begin or lists and (is_item(sentence) or ends_list(sentences[place - 1]))
        listing = listing and bool(item) and not sentence.aside
        if listing or adds(sentence):
            yield place


def _ranks(prose: Prose, affirmed: Sequence[Mention]) -> list[Rank]:
    ranks: list[Rank] = []
    ends = _ends_of_lists(affirmed)
    below = set(_below_leads(prose.sentences, {one.place for one in prose.mentions}))
    for n, one in enumerate(affirmed):
        before = affirmed[n - 1] if n and affirmed[n - 1].place == one.place else None
        rank = _rank(prose.sentences[one.place], one.span, ends[n], before.span if before else None, ranks[-1] if before else None)
        ranks.append(max(rank, Rank.LED) if one.place in below and not before else rank)
    return ranks


def _below_leads(sentences: Sequence[Sentence], naming: Collection[int]) -> Iterator[int]:
    """The items of each list whose heading says that it is the answer: `I recommend two drugs:`, `Orders:`."""
    listing = False
    for place, one in enumerate(sentences):
        if one.first and place not in naming and one.text.rstrip().endswith(":") and not is_item(one):
            listing = not one.aside and _LEAD.search(one.low) is not None
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
    if _LEAD.search(low[since : span.start]) or _SO.search(low[since : span.start]):
        return Rank.LED
    if _CALLED.match(low, list_end):
        return Rank.CALLED
    if before is None:
        alone = _BEFORE_ALONE.fullmatch(low, 0, span.start) if _is_nominal(low, list_end) else None
        if alone is None:
            return Rank.CALLED if _HERE.match(low) else Rank.MENTIONED
        return Rank.LABELLED if alone["label"] else Rank.ALONE
    turns = _NEW_CLAUSE.fullmatch(low, since, span.start) and _PREDICATE.match(low, span.end) or _EXPLAINS.search(low, since, span.start)
    return Rank.MENTIONED if turns or rank_before is None else rank_before


def _is_nominal(sentence: str, end: int) -> bool:
    """Whether what goes on behind a name, in its clause, is no sentence of which it is the subject."""
    return _NOMINAL.match(sentence, end) is not None and _VERB.match(sentence, end) is None
