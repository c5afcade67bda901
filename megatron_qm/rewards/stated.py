"""Which names of a long answer are the diagnosis that it states: those of its most explicit kind of statement.

What stands around a statement (the case, findings, a differential, reasons, complications, treatment) names diseases without
end, and no list of words tells why each of them is named. So it is the other way round, as with options (reading/rank.py):
statements of the highest rank govern, and other names are no diagnoses, however they are affirmed. Where nothing is stated, all
that is affirmed counts.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from megatron_qm.rewards.alternatives import list_before
from megatron_qm.rewards.reading.choices import decided, leaves_open
from megatron_qm.rewards.reading.clean import BOX
from megatron_qm.rewards.reading.headings import heading
from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.mentions import Mention, Prose
from megatron_qm.rewards.reading.spans import Stance

_WITHIN = 160  # characters before a name in which its statement begins
_MOST_LINES = 40  # below a statement, in which its list stands
_MOST_BLANK = 6  # lines of these that are none of the list
_LONGEST_LABEL = 40
_LONGEST_TAIL = 30  # characters behind the names of a sentence that is nothing else
_SMALL = r"(?:[\w'’-]+\s+){0,4}"
_FEW = r"[^,;。:a-z]"  # characters of Chinese
_STATES = re.compile(rf"{words('diagnosis_word')}|{words('states_diagnosis')}")
_LINK = re.compile(  # between what says that it is the diagnosis and the name
    rf"(?:\b(?:is|are|be|as|with|of|by|to)\b|[:=→>】\])—–-])\s*\"?{_SMALL}$"
    rf"|[\u4e00-\u9fff:,】\])]{_FEW}{{0,10}}$")
_RIGHT_BEHIND = rf"(?:\s+(?:of|with|as|for|the|an?))?\s*(?:{_SMALL}|{_FEW}{{0,8}})$"
_POINTS = re.compile(rf"(?:{words('leads_to')}|{words('asserts')}){_RIGHT_BEHIND}")
_HAS = re.compile(rf"{words('has_disease')}{_RIGHT_BEHIND}")
_IS_STATED = re.compile(
    rf"\s*(?:\([^()]{{0,60}}\)\s*)?(?:(?:is|are|remains?|seems)\s+{_SMALL}?(?:{_STATES.pattern})"
    rf"|{either('is_the_diagnosis', 'zh')})")
_NO_STATEMENT = re.compile(words("no_statement"))
_FINAL = re.compile(words("final_diagnosis"))
_LABEL = re.compile(
    rf"(?:[\W\d]|[一二三四五六七八九十]、)*(?:\w+\s){{0,4}}?{_FEW}{{0,6}}{words('diagnosis_word')}"
    r"(?:\s*\([^()]{0,30}\)|\s(?:is|are)|[是为]|如下|结果|意见)*\W*")
_UNKNOWN = re.compile(rf"\W*(?:[\w'’-]+\s){{0,3}}{_FEW}{{0,6}}{words('diagnosis_label')}\s*:\s*[^\W\d]{{2}}")
_REASON = re.compile(f"{words('gives_reason')}|{words('caused_by')}")
_ITEM = re.compile(r"(?P<indent>\s*)(?:(?P<bullet>[-*•·])|\(?\d{1,2}[.)、])\s?")
_BARE = re.compile(r"[\W\d]*(?:an?\s|the\s)?(?:[a-z][\w'’-]*\s+){0,3}[\u4e00-\u9fff]{0,6}[\s(\"]*")
_LONGEST_LEAD = 60  # characters before the names of such a sentence
_MORE = re.compile(rf"\W*(?:{words('also')})")


class Rank(IntEnum):
    """How explicitly a diagnosis is stated, from the least."""

    HAD = 1  # the patient has X
    POINTED = 2  # the findings are consistent with X; this is X
    OPENING = 3  # X, as the first thing that is said
    STATED = 4  # the diagnosis is X; most likely X
    FINAL = 5  # final diagnosis: X
    BOX = 6  # <answer>X</answer>


_WEAK = ((Rank.POINTED, _POINTS), (Rank.HAD, _HAS))


@dataclass(frozen=True)
class _Statement:
    """names: none where it names what no table knows."""

    rank: Rank
    names: tuple[Mention, ...]

    @property
    def chooses(self) -> bool:
        """Whether it gives a name, be it an unknown one, or leaves open which of several."""
        given = {one.key for one in self.names if one.stance in (Stance.AFFIRMED, Stance.ON_CONDITION)}
        left_open = {one.key for one in self.names if one.stance is Stance.SUPPOSED}
        return not self.names or bool(given) or len(left_open) > 1


class Diagnoses(Prose):
    """Prose whose answer is what it states to be the diagnosis."""

    def answer(self, *, beside_fields: bool) -> list[Mention]:
        stated = self._governing(Rank.STATED if beside_fields else Rank.HAD)
        if stated is None:
            return super().answer(beside_fields=beside_fields)
        given = set(stated)
        open_places = [place for place, one in enumerate(self._sentences) if leaves_open(one.low)]
        return decided([one for one in self.affirmed if one in given], self.affirmed, open_places)

    def _governing(self, least: Rank) -> list[Mention] | None:
        """The names of the statements of the highest rank; of final ones, the last and those that it repeats."""
        said = [one for one in self._statements() if one.rank >= least and one.chooses]
        if not said:
            return None
        rank = max(one.rank for one in said)
        governing = [one for one in said if one.rank is rank]
        if rank is Rank.FINAL:
            last = {name.key for name in governing[-1].names}
            governing = [one for one in governing if last & {name.key for name in one.names}]
        return [name for one in governing for name in one.names]

    def _statements(self) -> Iterator[_Statement]:
        named: dict[int, list[Mention]] = {}
        for one in self.mentions:
            named.setdefault(one.place, []).append(one)
        label: Rank | None = None  # of the line above
        for place in range(len(self._sentences)):
            names = named.get(place, [])
            if not names:
                label = self._label(place)
                yield from [_Statement(Rank.STATED, ())] if self._names_unknown(place) else []
                continue
            found = _of_sentence(names)
            if label and (found is None or found.rank <= label) and (bare := _bare(names)):
                found = _Statement(label, bare)
            elif found is None and place == 0 and _is_whole(names):
                found = _Statement(Rank.OPENING, _bare(names))
            if found:
                more = self._listed(place, named, label is not None, found.rank)
                yield replace(found, names=(*found.names, *more))
            label = None

    def _label(self, place: int) -> Rank | None:
        """Of a line without a name that introduces the diagnosis below it."""
        low = self._sentences[place].low.strip()
        if low.strip() == BOX:
            return Rank.BOX
        introduces = low.endswith(":") and _STATES.search(low) or len(low) <= _LONGEST_LABEL and _LABEL.fullmatch(low)
        if not introduces or _NO_STATEMENT.search(low) or heading(low, alone=True):
            return None
        return Rank.FINAL if _FINAL.search(low) else Rank.STATED

    def _names_unknown(self, place: int) -> bool:
        """`Diagnosis: <a name that no table knows>`"""
        low = self._sentences[place].low
        said = _UNKNOWN.match(low)
        return said is not None and not _NO_STATEMENT.search(low, 0, said.end()) and not heading(low, alone=False)

    def _listed(self, begin: int, named: dict[int, list[Mention]], introduced: bool, rank: Rank) -> Iterator[Mention]:
        """The items of the list that begins with a statement, or that it introduces."""
        first, blank = _ITEM.match(self._sentences[begin].text), 0
        opens = self._sentences[begin].low.rstrip().endswith(":")
        for place in range(begin + 1, min(begin + _MOST_LINES, len(self._sentences))):
            sentence, names = self._sentences[place], named.get(place, [])
            item = _ITEM.match(sentence.text)
            if opens and item and first is None:
                first = item
            if not sentence.first or first and item and item.groups() != first.groups():
                blank += 1
            elif first and item or names and _MORE.match(sentence.low) or rank is Rank.OPENING and names and _is_whole(names):
                yield from _bare(names) if names else ()
            else:
                return
            if blank > _MOST_BLANK:
                return


def _of_sentence(names: Sequence[Mention]) -> _Statement | None:
    """What a sentence states. names: its own."""
    low, spans = lower(names[0].sentence), [one.span for one in names]
    if low.lstrip().startswith(BOX):
        return _Statement(Rank.BOX, tuple(names))
    weak: list[_Statement] = []
    for n, one in enumerate(names):
        if one.stance in (Stance.DENIED, Stance.ELSEWHERE, Stance.DISCUSSED):
            continue
        lead = low[max(0, one.span.start - _WITHIN) : one.span.start]
        if _is_led(lead):
            return _Statement(Rank.FINAL if _FINAL.search(lead) else Rank.STATED, _joined(low, names, n))
        if _IS_STATED.match(low, one.span.end) and not _NO_STATEMENT.search(low, one.span.end, one.span.end + _LONGEST_LABEL):
            return _Statement(Rank.STATED, tuple(names[at] for at in sorted(list_before(low, spans, n))))
        weak += [_Statement(rank, _joined(low, names, n)) for rank, says in _WEAK if says.search(lead)]
    return max(weak, key=lambda one: one.rank, default=None)


def _is_led(lead: str) -> bool:
    """Whether what stands before a name says that it is the diagnosis."""
    link = _LINK.search(lead)
    said = _STATES.search(lead)
    return link is not None and said is not None and said.start() <= link.end() and not _NO_STATEMENT.search(lead)


def _joined(low: str, names: Sequence[Mention], first: int) -> tuple[Mention, ...]:
    """A name and those behind it, up to where reasons begin."""
    last = first
    while last + 1 < len(names) and not _REASON.search(low, names[last].span.end, names[last + 1].span.start):
        last += 1
    return tuple(names[first : last + 1])


def _bare(names: Sequence[Mention]) -> tuple[Mention, ...]:
    """The names with which a sentence begins."""
    low, start = lower(names[0].sentence), names[0].span.start
    return _joined(low, names, 0) if start <= _LONGEST_LEAD and _BARE.fullmatch(low, 0, start) else ()


def _is_whole(names: Sequence[Mention]) -> bool:
    """Whether a sentence is names and little else."""
    return bool(_bare(names)) and len(names[-1].sentence) - names[-1].span.end <= _LONGEST_TAIL
