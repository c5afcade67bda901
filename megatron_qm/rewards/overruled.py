"""Diagnoses that an answer gives and then overrules: what is stated behind them is another one, and denies them by name."""

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from megatron_qm.rewards.chosen import chosen
from megatron_qm.rewards.diagnosis_statements import Rank, of_sentence
from megatron_qm.rewards.disease_book import Book, bare
from megatron_qm.rewards.icd import Lineage
from megatron_qm.rewards.reading.json_parts import Json, parts
from megatron_qm.rewards.reading.mentions import Mention, Prose
from megatron_qm.rewards.reading.spans import Stance


def behind_fields(text: str) -> str:
    """What stands behind the last JSON value of a text."""
    last = list(parts(text))[-1:]
    return "".join(one for one in last if not isinstance(one, Json))


def overruled(text: str, answer: Sequence[Lineage | None], book: Book) -> bool:
    """Whether a text concludes on a diagnosis that an answer does not have, and denies one of its own: `it is Y, not X`."""
    given = {place[1] for place in answer if place}
    return bool(given) and any(_denied_beside_another(Prose(text, book.find_diseases).mentions, given, book))


def _denied_beside_another(mentions: Sequence[Mention], given: Collection[str], book: Book) -> Iterator[str]:
    """The categories of `given` that are denied where they are named last, and in a sentence that chooses another one."""
    last = {_category(one, book): one.stance for one in mentions if one.stance in (Stance.AFFIRMED, Stance.DENIED)}
    for _, said in groupby(chosen(mentions, book.kind), key=lambda one: one.place):
        names = list(said)
        found = of_sentence(names)
        stated = {_category(one, book) for one in found.names if one.stance is Stance.AFFIRMED} if found else set()
        if found and found.rank >= Rank.POINTED and stated and not stated & set(given):
            denied = {_category(one, book) for one in names if one.stance is Stance.DENIED}
            yield from (one for one in given if one in denied and last[one] is Stance.DENIED)


def _category(mention: Mention, book: Book) -> str:
    place = book.place(bare(mention.key))
    return place[1] if place else ""
