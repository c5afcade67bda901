"""What a sentence states to be the diagnosis, and how explicitly."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from megatron_qm.rewards.alternatives import list_before
from megatron_qm.rewards.reading.clean import BOX
from megatron_qm.rewards.reading.cues import Words
from megatron_qm.rewards.reading.headings import discussing, heading
from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.mentions import Mention
from megatron_qm.rewards.reading.spans import Span, Stance

_WITHIN = 160  # characters before a name in which its statement begins
_LONGEST_LABEL = 40
_LONGEST_LEAD, _LONGEST_TAIL = 60, 30  # characters before and behind the names of a sentence that is little else
_SMALL = r"(?:[\w'’-]+\s+){0,4}"
_FEW = r"[^,;。:a-z]"  # characters of Chinese
_STATES = Words("diagnosis_word", "states_diagnosis")
# Between these words and the name: a verb or a colon; or something shorter, with no more than one comma before it.
_IS_SAID = re.compile(rf"(?:\b(?:is|are|be)\b|[:=→>】\])—–-])\s*\"?{_SMALL}$|[是为:】]{_FEW}{{0,10}}$")
_IS_NEAR = re.compile(rf"\b(?:as|with|of|by|to)\s+{_SMALL}$|[\u4e00-\u9fff,]{_FEW}{{0,10}}$")
_RIGHT_BEHIND = rf"(?:\s+(?:of|with|as|for|the|an?))?\s*(?:{_SMALL}|{_FEW}{{0,8}})$"
_POINTS = re.compile(rf"(?:{words('leads_to')}|{words('asserts')}|[→⇒]|[=-]>){_RIGHT_BEHIND}")
_HAS = re.compile(rf"{words('has_disease')}{_RIGHT_BEHIND}")
_IS_STATED = re.compile(
    rf"\s*(?:\([^()]{{0,60}}\)\s*)?(?:(?:is|are|remains?|seems|as|the)\s+{_SMALL}?(?:{_STATES.pattern})"
    rf"|{either('is_the_diagnosis', 'zh')})")
_NO_STATEMENT = Words("no_statement")
_FINAL = Words("final_diagnosis")
_LABEL = re.compile(
    rf"(?:[\W\d]|[一二三四五六七八九十]、)*(?:\w+\s){{0,5}}?{_FEW}{{0,6}}{words('diagnosis_word')}"
    r"(?:\s*\([^()]{0,30}\)|\s(?:is|are)|[是为]|如下|结果|意见)*\W*")
_UNKNOWN = re.compile(rf"\W*(?:[\w'’-]+\s){{0,3}}{_FEW}{{0,6}}{words('diagnosis_label')}\s*:\s*[^\W\d]{{2}}")
_NO_OTHER = r"(?!.{0,20}(?:secondary|other|additional|次要|其他|其它))"
_LEFT_OPEN = re.compile(
    rf"{_NO_OTHER}\W*(?:\w+\s){{0,3}}?{_FEW}{{0,6}}{words('diagnosis_word')}\s?(?:[:是为]|is\b)\s*{words('left_open')}")
_REASON = re.compile(f"{words('gives_reason')}|{words('caused_by')}")
_IS = re.compile(rf"\s*(?:(?:is|was)\s+{_SMALL}|[是为]{_FEW}{{0,6}})")
_NO_QUALIFIER = r"(?!with\b|has\b|of\b|in\b)"
_NUMBER = r"(?:\(?[一二三四五六七八九十]{1,2}[、.)])?"
_BARE = re.compile(rf"{_NUMBER}[\W\d]*(?:an?\s|the\s)?(?:{_NO_QUALIFIER}[a-z][\w'’-]*\s+){{0,3}}[\u4e00-\u9fff]{{0,6}}[\s(\"]*")


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
class Statement:
    """names: none where it names what no table knows."""

    rank: Rank
    names: tuple[Mention, ...]

    @property
    def chooses(self) -> bool:
        """Whether it gives a name, be it an unknown one, or leaves open which of several."""
        given = {one.key for one in self.names if one.stance in (Stance.AFFIRMED, Stance.ON_CONDITION)}
        left_open = {one.key for one in self.names if one.stance is Stance.SUPPOSED}
        return not self.names or bool(given) or len(left_open) > 1


# Kinds of diseases, with which an argument begins: myopathy, neuropathy, arthritis, anaemia, infection, vasculitis, ...
_CLASSES = ("G72.9", "G62.9", "G93.4", "M13.9", "M19.9", "D64.9", "B99", "A49.9", "I77.6", "I42.9", "L30.9", "L98.9", "N05.9",
            "K76.9", "K92.2", "E34.9", "C80", "D48.9", "G95.9", "G83.9", "H57.9", "I51.9", "N28.9", "F99", "F29", "K75.9")


def is_class(statement: Statement) -> bool:
    """Whether a statement names kinds of diseases alone."""
    return bool(statement.names) and all(one.key.lstrip("=~").startswith(_CLASSES) for one in statement.names)


def label(line: str) -> Rank | None:
    """Of a line in lower case, without a name, that introduces the diagnosis below it."""
    low = line.strip()
    if low == BOX:
        return Rank.BOX
    introduces = low.endswith(":") and _STATES.search(low) or len(low) <= _LONGEST_LABEL and _LABEL.fullmatch(low)
    if not introduces or _NO_STATEMENT.search(low) or heading(low, alone=True):
        return None
    return Rank.FINAL if _FINAL.search(low) else Rank.STATED


def names_unknown(line: str) -> bool:
    """`diagnosis: <a name that no table knows>`"""
    said = _UNKNOWN.match(line)
    return said is not None and not _NO_STATEMENT.search(line, 0, said.end()) and not heading(line, alone=False)


def left_open(line: str) -> bool:
    """`conclusion: undetermined`"""
    return _LEFT_OPEN.match(line) is not None


def is_title(line: str) -> bool:
    """Of a line in lower case, without a name: whether it is just a title, and says nothing of what follows."""
    return len(line) <= _LONGEST_LABEL and heading(line, alone=True) is None and not discussing(line, alone=True)


def introduced(below: Rank, names: Sequence[Mention]) -> Statement | None:
    """What the first sentence below a label states."""
    found, begins = of_sentence(names), bare(names)
    if begins and (found is None or found.rank < Rank.STATED):
        return Statement(below, begins)
    return replace(found, rank=max(found.rank, below)) if found else None


def of_sentence(names: Sequence[Mention]) -> Statement | None:
    """What a sentence states. names: its own."""
    low, spans = lower(names[0].sentence), [one.span for one in names]
    if low.lstrip().startswith(BOX):
        return Statement(Rank.BOX, tuple(names))
    weak: dict[Rank, int] = {}
    for n, one in enumerate(names):
        if one.stance in (Stance.DENIED, Stance.ELSEWHERE, Stance.DISCUSSED) or _is_explained(low, spans, n):
            continue
        lead = low[max(0, one.span.start - _WITHIN) : one.span.start]
        if _is_led(lead):
            return Statement(Rank.FINAL if _FINAL.search(lead) else Rank.STATED, _joined(low, names, n))
        if _IS_STATED.match(low, one.span.end) and not _NO_STATEMENT.search(low, one.span.end, one.span.end + _LONGEST_LABEL):
            return Statement(Rank.STATED, tuple(names[at] for at in sorted(list_before(low, spans, n))))
        weak |= {rank: n for rank, says in _WEAK if rank not in weak and says.search(lead)}
    return Statement(max(weak), _joined(low, names, weak[max(weak)])) if weak else None


def _is_explained(low: str, spans: Sequence[Span], n: int) -> bool:
    """`the most likely cause of X is Y`"""
    return n + 1 < len(spans) and _IS.fullmatch(low, spans[n].end, spans[n + 1].start) is not None


def _is_led(lead: str) -> bool:
    """Whether what stands before a name says that it is the diagnosis."""
    ends = [said.end() for said in _STATES.finditer(lead)]
    if not ends or _NO_STATEMENT.search(lead):
        return False
    return _IS_SAID.search(lead) is not None or _IS_NEAR.search(lead) is not None and lead.count(",", ends[-1]) < 2


def _joined(low: str, names: Sequence[Mention], first: int) -> tuple[Mention, ...]:
    """A name and those behind it, up to where reasons begin."""
    last = first
    while last + 1 < len(names) and not _REASON.search(low, names[last].span.end, names[last + 1].span.start):
        last += 1
    return tuple(names[first : last + 1])


def bare(names: Sequence[Mention]) -> tuple[Mention, ...]:
    """The names with which a sentence begins."""
    low, start = lower(names[0].sentence), names[0].span.start
    return _joined(low, names, 0) if start <= _LONGEST_LEAD and _BARE.fullmatch(low, 0, start) else ()


def is_whole(names: Sequence[Mention]) -> bool:
    """Whether a sentence is names and little else."""
    return bool(bare(names)) and len(names[-1].sentence) - names[-1].span.end <= _LONGEST_TAIL
