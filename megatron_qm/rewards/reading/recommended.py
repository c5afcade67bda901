"""Which of the names that a long answer affirms are its recommendation, and which stand in its discussion.

Each affirmed name has a rank by the place where it stands. What stands in a box is the answer; then what a lead introduces
(`give X`, `the best choice is X`, 首选X), what a predicate calls the answer (`X is the drug of choice`), and what opens
the answer as a sentence of its own (`X 500 mg, for 7 days`). All else is mentioned: it counts only where nothing is stated.
Below a heading such as `Monitoring` everything is mentioned.
"""

from collections.abc import Callable, Collection, Iterator, Sequence

from megatron_qm.rewards.reading.anaphora import spelled_out
from megatron_qm.rewards.reading.clean import BOX, answer_part
from megatron_qm.rewards.reading.elements import without_withheld
from megatron_qm.rewards.reading.mentions import Prose, Sentence, adds, ends_list, is_final, is_item
from megatron_qm.rewards.reading.ranks import Rank, ranks_of, turns_here
from megatron_qm.rewards.reading.spans import Find, Mention, Stance
from megatron_qm.rewards.reading.strikes import boxes

_BEHIND = 40  # characters behind a name in which its dose stands


def answer_text(prompt: str, response: str, find: Find) -> str:
    """What of a response is read for names: its answer without what it withholds, names for `the former`, marks for boxes."""
    return boxes(spelled_out(answer_part(without_withheld(response)) or "", prompt, find))


def recommended(prose: Prose, *, beside_fields: bool, prescribes: Callable[[str], bool] = lambda text: False
                ) -> tuple[list[Mention], list[Mention]]:
    """The names that are the answer, and all in sentences that state any. prescribes: whether what stands behind a name is how it
    is given: where nothing else is stated, that states it."""
    affirmed = prose.affirmed
    ranks = ranks_of(prose, affirmed)
    boxes = [place for place, one in enumerate(prose.sentences) if one.text.startswith(BOX) and len(one.text.strip()) > 1]
    counted = _counted(prose.sentences, affirmed, ranks, boxes)
    answer = [one for n, one in enumerate(affirmed) if n in counted]
    stated = bool(answer or boxes)
    if beside_fields:
        answer = [one for n, one in enumerate(affirmed) if n in counted and ranks[n] >= Rank.LED]
    taken_back = withdrawn_in(prose.mentions)
    if not stated and not beside_fields:
        left = [one for one in affirmed if one.key not in taken_back] or affirmed
        answer = _prescribed(left, prescribes) or left
    places = {one.place for n, one in enumerate(affirmed) if ranks[n] or adds(prose.sentences[one.place])}
    places |= {one.place for one in answer}
    withdrawn = taken_back - {one.key for one in answer}
    return prose.decided(answer, affirmed), [one for one in affirmed if one.place in places and one.key not in withdrawn]


def withdrawn_in(mentions: Sequence[Mention]) -> set[str]:
    """What is denied where it is named last: a draft that the text itself corrects."""
    last = {one.key: one.stance for one in mentions if one.stance in (Stance.AFFIRMED, Stance.DENIED)}
    return {key for key, stance in last.items() if stance is Stance.DENIED}


def _prescribed(affirmed: Sequence[Mention], prescribes: Callable[[str], bool]) -> list[Mention]:
    """All in sentences in which one is prescribed."""
    places = {one.place for n, one in enumerate(affirmed) if prescribes(one.sentence[one.span.end : _next(affirmed, n)])}
    return [one for one in affirmed if one.place in places]


def _next(affirmed: Sequence[Mention], n: int) -> int:
    """Where what is said of a name ends at the latest."""
    follows = affirmed[n + 1] if n + 1 < len(affirmed) else None
    within = affirmed[n].span.end + _BEHIND
    return min(within, follows.span.start) if follows and follows.place == affirmed[n].place else within


def _counted(sentences: Sequence[Sentence], affirmed: Sequence[Mention], ranks: Sequence[Rank], boxes: Sequence[int]) -> set[int]:
    """The places in `affirmed` of what is stated."""
    top = max(ranks, default=Rank.MENTIONED)
    if boxes:
        return {n for n, one in enumerate(affirmed) if ranks[n] is Rank.BOXED or ranks[n] is Rank.LED and one.place > boxes[-1]}
    if top is Rank.MENTIONED or top <= Rank.ALONE and not ranks[0]:
        return set()
    stated = [n for n, rank in enumerate(ranks) if rank is top or top <= Rank.ALONE and rank]
    final = [n for n in stated if is_final(one := sentences[affirmed[n].place]) or n != stated[0] and turns_here(one)]
    opens = affirmed[0].place == 0 or not is_item(sentences[affirmed[0].place])  # an item further down is one of a discussion
    opening = ranks[0] is Rank.ALONE and not final and opens
    begin = affirmed[final[-1]].place if final else affirmed[0].place if opening else affirmed[stated[0]].place
    least = top if top > Rank.ALONE else Rank.LABELLED
    going_on = set(_going_on(sentences, begin, {one.place for one in affirmed}))
    return {n for n, one in enumerate(affirmed) if one.place == begin and ranks[n] or one.place > begin and (
        ranks[n] >= least or one.place in going_on)}


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
