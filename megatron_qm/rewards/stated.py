"""Which names of a long answer are the diagnosis that it states: those of its most explicit kind of statement.

What stands around a statement (the case, findings, a differential, reasons, complications, treatment) names diseases without
end, and no list of words tells why each of them is named. So it is the other way round, as with options (reading/rank.py):
statements of the highest rank govern, and other names are no diagnoses, however they are affirmed. Where nothing is stated, all
that is affirmed counts.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from megatron_qm.rewards.beside import labelled_codes
from megatron_qm.rewards.diagnosis_statements import (
    Rank,
    Statement,
    bare,
    introduced,
    is_class,
    is_title,
    is_whole,
    label,
    left_open,
    names_unknown,
    of_sentence,
)
from megatron_qm.rewards.disease_book import is_name
from megatron_qm.rewards.reading.lexicon import words
from megatron_qm.rewards.reading.mentions import Mention, Prose

_MOST_LINES = 40  # below a statement, in which its list stands
_MOST_BETWEEN = 6  # sentences between its items
_NUMBER = r"\(?(?:\d{1,2}\s?[.)、–—-]|[一二三四五六七八九十]{1,2}[.)、])"
_ITEM = re.compile(rf"(?P<indent>\s*)(?:(?P<bullet>[-*•·])|{_NUMBER})\s?")
_MORE = re.compile(rf"\W*(?:{words('also')})")


class Diagnoses(Prose):
    """Prose whose answer is what it states to be the diagnosis."""

    def answer(self, *, beside_fields: bool) -> list[Mention]:
        least = Rank.STATED if beside_fields else Rank.HAD
        stated = self._governing(least)
        if stated is None:
            return super().answer(beside_fields=beside_fields)
        given, affirmed = self._with_codes(stated, least), self.affirmed
        return self.decided([one for one in affirmed if one in given], affirmed)

    def _with_codes(self, stated: Sequence[Mention], least: Rank) -> set[Mention]:
        """What is stated, and its codes that stand apart, or where those alone are stated, the names before them."""
        codes = set(labelled_codes(self.mentions, is_name))
        names = (self._governing(least, codes) or []) if codes and codes >= set(stated) else stated
        owner, own = None, []
        for one in self.mentions:
            if one not in codes:
                owner = one
            elif owner in names:
                own.append(one)
        return {*stated, *own, *(names if own else ())}

    def _governing(self, least: Rank, apart: Collection[Mention] = ()) -> list[Mention] | None:
        """The names of the statements of the highest rank; of final ones, the last and those that it repeats. apart: names that
        state nothing."""
        said = [one for one in self._statements(apart) if one.rank >= least and one.chooses]
        if not said:
            return None
        said = [one for one in said if one.rank >= Rank.STATED or not is_class(one)] or said
        rank = max(one.rank for one in said)
        governing = [one for one in said if one.rank is rank]
        if rank is Rank.FINAL:
            last = {name.key for name in governing[-1].names}
            governing = [one for one in governing if last & {name.key for name in one.names}]
        return [name for one in governing for name in one.names]

    def _statements(self, apart: Collection[Mention]) -> Iterator[Statement]:
        named: dict[int, list[Mention]] = {}
        for one in self.mentions if not apart else [one for one in self.mentions if one not in apart]:
            named.setdefault(one.place, []).append(one)
        above: Rank | None = None  # of the label on the line before
        opening = True  # whether nothing has been said but titles
        for place in range(len(self.sentences)):
            names = named.get(place, [])
            if not names:
                above = label(self.sentences[place].low)
                opening = opening and self.sentences[place].mark == "\n" and is_title(self.sentences[place].low)
                if left_open(self.sentences[place].low):
                    yield Statement(Rank.FINAL, ())
                elif names_unknown(self.sentences[place].low):
                    yield Statement(Rank.STATED, ())
                continue
            found = introduced(above, names) if above else of_sentence(names)
            if found is None and opening and is_whole(names):
                found = Statement(Rank.OPENING, bare(names))
            opening = False
            if found:
                yield replace(found, names=(*found.names, *self._listed(place, named, found.rank)))
            above = None

    def _listed(self, begin: int, named: dict[int, list[Mention]], rank: Rank) -> Iterator[Mention]:
        """The items of the list that begins with a statement, or that it introduces."""
        first, between = _ITEM.match(self.sentences[begin].text), 0
        opens = self.sentences[begin].low.rstrip().endswith(":")
        for place in range(begin + 1, min(begin + _MOST_LINES, len(self.sentences))):
            sentence, names = self.sentences[place], named.get(place, [])
            item = _ITEM.match(sentence.text)
            first = first or (item if opens else None)
            if not sentence.first or first and item and item.groups() != first.groups():
                between += 1
            elif first and item or names and (_MORE.match(sentence.low) or rank is Rank.OPENING and is_whole(names)):
                yield from bare(names) if names else ()
            else:
                return
            if between > _MOST_BETWEEN:
                return
