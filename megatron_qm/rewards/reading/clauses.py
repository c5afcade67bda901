"""A sentence as clauses: cut at commas, brackets, joints of lists and words that begin a clause, but never within a name."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from megatron_qm.rewards.reading.cues import Cues
from megatron_qm.rewards.reading.lexicon import holds, words
from megatron_qm.rewards.reading.spans import Span

ANDS = ("and", "和", "与", "及")
_BOUNDARY = re.compile(rf"[,;:—–()、→⇒]|[-=]>|/(?![oc]\b)|\s[+-]\s|(?={words('clause_word')})|\band\b|和|与(?!其)|及(?!时)")
_ASCII_CUTS, _CUES = (",", ";", ":", "(", ")", "/", "+", "-", ">"), Cues(["clause_word"], more=["and"])
_NO_WORD = re.compile(rf"(?:[\W\d]|{words('weighed')})*")
_NAME = "\x00"  # what stands in the place of a name's characters, so that words in a name deny nothing


@dataclass(frozen=True)
class Clause:
    """[start, end) of a sentence. text: in lower case, its names struck. joint: what stands between the clause before and this
    one. bracket: whether it stands in brackets. names: that begin in it. before: the last name that ends before it."""

    start: int
    end: int
    text: str
    joint: str
    bracket: bool
    names: tuple[Span, ...]
    before: Span | None

    @cached_property
    def only_names(self) -> bool:
        return bool(self.names) and _NO_WORD.fullmatch(self.text) is not None

    @cached_property
    def behind_names(self) -> int:
        """Where in the text the last name ends."""
        return self.text.rfind(_NAME) + 1


def clauses_of(sentence: str, named: Sequence[Span]) -> list[Clause]:
    """sentence: in lower case. named: in their order."""
    cuts = [(0, 0, False), *_cuts(sentence, named), (len(sentence), len(sentence), False)]
    found, next_name, ended = [], 0, 0
    for (joint, start, bracket), (end, _, _) in pairwise(cuts):
        while next_name < len(named) and named[next_name].start < start:
            next_name += 1
        first = next_name
        while next_name < len(named) and named[next_name].start < end:
            next_name += 1
        while ended < len(named) and named[ended].end <= start:
            ended += 1
        names = tuple(named[first:next_name])
        text = _struck(sentence, start, end, names)
        before = named[ended - 1] if ended else None
        found.append(Clause(start, end, text, sentence[joint:start].strip(), bracket, names, before))
    return found


def _cuts(sentence: str, named: Sequence[Span]) -> Iterator[tuple[int, int, bool]]:
    """Where a joint begins and ends, and whether what follows stands in brackets."""
    if sentence.isascii() and not holds(sentence, _ASCII_CUTS) and not _CUES.stand_in(sentence):
        return
    depth = at = 0
    for match in _BOUNDARY.finditer(sentence):
        while at < len(named) and named[at].end <= match.start():
            at += 1
        if at < len(named) and named[at].start <= match.start():
            continue
        depth = max(0, depth + {"(": 1, ")": -1}.get(match[0], 0))  # `A)` opens nothing
        yield match.start(), match.end(), depth > 0


def _struck(sentence: str, start: int, end: int, names: Sequence[Span]) -> str:
    pieces, at = [], start
    for span in names:
        last = min(span.end, end)
        pieces += [sentence[at : span.start], _NAME * (last - span.start)]
        at = last
    return "".join([*pieces, sentence[at:end]])
