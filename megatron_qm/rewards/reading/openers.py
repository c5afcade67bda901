"""What a clause may begin with before it names an option, and where clauses begin and end."""

import re
from itertools import islice

from megatron_qm.rewards.reading.cues import Cues
from megatron_qm.rewards.reading.lexicon import either, first, holds, words
from megatron_qm.rewards.reading.sentences import Sentence

MOST_CLAUSES = 64  # of a sentence that are read
FARTHEST = 1000  # characters before each further statement of a sentence in which its condition, or whose it is, may stand
_SYMBOLS = r"[\u2190-\u21ff\u2600-\u2712\u2719-\u274b\u274d-\u27bf\U0001f300-\U0001faff]"
_BULLETS = rf"[-•·*+▪➤→]\s|{_SYMBOLS}\s?|\(?\d{{1,2}}(?:[.)](?!\d)|、)\s?|[✓✔✅☑]\s?"
_OPENER = re.compile(rf"\s*(?:{_BULLETS}|{first('opener')}[\s,:.。!…]{{0,4}})*")
_FILLER = re.compile(rf"\s*(?:{either('filler')}[\s,:]{{1,2}}|(?:是|为|选(?!项))[\s:]?择?){{0,3}}")
# In the writing's own case: a word that begins the sentence begins no new clause of it.
_CLAUSE = re.compile(rf"[,:;—–]|\s-\s|{words('new_clause')}")
_CUTS = (",", ":", ";", "-")  # in ASCII
_NEW_CLAUSE = Cues(["new_clause"])
_END = re.compile(r"[了吧啦]?[\s.,;:!)\]}\"'”’。、…]*$")
_STOP = re.compile(r"[\s)\]\"'”’]*\.\s+[\"“(]?[A-Z][a-z’']*[\s,]")
_REASON = re.compile(rf"\s{{0,9}}(?:[:;—–(,.~]|-\s|{words('explains')})")


def opened(sentence: Sentence, at: int) -> int:
    """Behind the words and marks that a clause may begin with."""
    opener = _OPENER.match(sentence.low, at)
    return opener.end() if opener else at


def filled(sentence: Sentence, at: int) -> int:
    """Behind the words that may stand between a lead and what it leads to: `the answer is most likely D`."""
    filler = _FILLER.match(sentence.low, at)
    return filler.end() if filler else at


def clause_starts(sentence: Sentence) -> list[int]:
    if not _may_cut(sentence.text):
        return [0]
    return [0, *(match.end() for match in islice(_CLAUSE.finditer(sentence.text), MOST_CLAUSES))]


def _may_cut(text: str) -> bool:
    """Whether a clause may begin within a text: False is certain."""
    return not text.isascii() or holds(text, _CUTS) or _NEW_CLAUSE.stand_in(text)


def clause_before(sentence: Sentence, begin: int, since: int) -> str:
    """What stands in the clause before `begin`, from `since` on, in lower case."""
    last = since
    for match in _CLAUSE.finditer(sentence.text, since, begin):
        last = match.end()
    opener = _OPENER.match(sentence.low, last, begin)
    return sentence.low[opener.end() if opener else last : begin]


def ends(sentence: Sentence, at: int) -> bool:
    """Whether nothing but marks follows."""
    return _END.match(sentence.text, at) is not None


def stops(sentence: Sentence, at: int) -> bool:
    """Whether the next sentence follows: `So C. Restart it.` (A letter that begins a line is a label.)"""
    return _STOP.match(sentence.text, at) is not None


def explained(sentence: Sentence, at: int) -> bool:
    """Whether what follows a bare answer is its reason."""
    return _REASON.match(sentence.low, at) is not None
