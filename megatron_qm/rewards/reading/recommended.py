"""Which of the names that a long answer affirms are its recommendation, and which stand in its discussion.

Each affirmed name has a rank by the place where it stands. What stands in a box is the answer; then what a lead introduces
(`give X`, `the best choice is X`, 首选X), what a predicate calls the answer (`X is the drug of choice`), and what opens
the answer as a sentence of its own (`X 500 mg, for 7 days`). All else is mentioned: it counts only where nothing is stated.
Below a heading such as `Monitoring` everything is mentioned.
"""

from collections.abc import Collection, Iterator, Sequence

from megatron_qm.rewards.reading.anaphora import spelled_out
from megatron_qm.rewards.reading.clean import BOX, answer_part
from megatron_qm.rewards.reading.elements import without_withheld
from megatron_qm.rewards.reading.mentions import Prose, Sentence, adds, ends_list, is_final, is_item
from megatron_qm.rewards.reading.ranks import Rank, ranks_of, turns_here
from megatron_qm.rewards.reading.spans import Find, Mention
from megatron_qm.rewards.reading.strikes import boxes


def answer_text(prompt: str, response: str, find: Find) -> str:
    """What of a response is read for names: its answer without what it withholds, names for `the former`, marks for boxes."""
    return boxes(spelled_out(answer_part(without_withheld(response)) or "", prompt, find))


def recommended(prose: Prose, *, beside_fields: bool) -> tuple[list[Mention], list[Mention]]:
    """The names that are the answer, and all in sentences that state any."""
    affirmed = prose.affirmed
    ranks = ranks_of(prose, affirmed)
    boxes = [place for place, one in enumerate(prose.sentences) if one.text.startswith(BOX) and len(one.text.strip()) > 1]
    counted = _counted(prose.sentences, affirmed, ranks, boxes)
    answer = [one for n, one in enumerate(affirmed) if n in counted]
    stated = bool(answer or boxes)
    if beside_fields:
        answer = [one for n, one in enumerate(affirmed) if n in counted and ranks[n] >= Rank.LED]
    if not stated and not beside_fields:
        answer = affirmed
    places = {one.place for n, one in enumerate(affirmed) if ranks[n] or adds(prose.sentences[one.place])}
    places |= {one.place for one in answer}
    return prose.decided(answer, affirmed), [one for one in affirmed if one.place in places]


def _counted(sentences: Sequence[Sentence], affirmed: Sequence[Mention], ranks: Sequence[Rank], boxes: Sequence[int]) -> set[int]:
    """The places in `affirmed` of what is stated."""
    top = max(ranks, default=Rank.MENTIONED)
    if boxes:
        return {n for n, one in enumerate(affirmed) if ranks[n] is Rank.BOXED or ranks[n] is Rank.LED and one.place > boxes[-1]}
    if top is Rank.MENTIONED or top <= Rank.ALONE and not ranks[0]:
        return set()
    stated = [n for n, rank in enumerate(ranks) if rank is top or top <= Rank.ALONE and rank]
    final = [n for n in stated if is_final(one := sentences[affirmed[n].place]) or n != stated[0] and turns_here(one)]
    opening = ranks[0] is Rank.ALONE and not final
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
