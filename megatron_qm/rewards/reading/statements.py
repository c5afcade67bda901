"""What a response says of a question's options, statement by statement (docs/rewards.md has the grammar on a page)."""

import functools
import re
from collections.abc import Iterator

from megatron_qm.rewards.reading.clean import BOX
from megatron_qm.rewards.reading.cues import Cues
from megatron_qm.rewards.reading.exceptions import excepted
from megatron_qm.rewards.reading.introductions import introduces, item_of_list
from megatron_qm.rewards.reading.leads import lead_at_start, leads
from megatron_qm.rewards.reading.lexicon import any_word, either, words
from megatron_qm.rewards.reading.openers import FARTHEST, MOST_CLAUSES, ends, explained, filled
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.phrase import Phrase, may_name, phrase_at
from megatron_qm.rewards.reading.rank import Rank, Statement
from megatron_qm.rewards.reading.sentences import Sentence, speaking
from megatron_qm.rewards.reading.verdicts import rank_of, verdicts

_DENIED_LEAD = re.compile(rf"\s*{either('denial_behind_lead')}\s?")
_LEFT_OPEN = re.compile(any_word("leaves_open"))
_ANY_LEFT_OPEN = re.compile(words("leaves_open"))
_OPEN_CUES = Cues(["leaves_open"])
REMEMBERED_WHOLE = 200  # characters of a text of which final.py remembers all that it says, and not sentence by sentence
_DIFFERS = re.compile(rf"\W*(?:{words('differs')})\s?:")
_SHORT = 300  # characters of a sentence that is remembered


def statements(text: str, options: Options) -> Iterator[Statement]:
    """In the order of the text."""
    rank, listed = None, frozenset[str]()  # what stands on the lines below `the answer is:`, and what that makes it
    above: Sentence | None = None
    read = of_sentence if len(text) > REMEMBERED_WHOLE else _read
    for sentence in speaking(text, options):
        rank = rank if listed else introduces(above, options) if above else None
        above = sentence
        if rank and (letters := item_of_list(sentence, options)):
            listed |= letters
            continue
        if rank and listed:
            yield _introduced(rank, listed, options)
            listed = frozenset()
        yield from read(sentence, options)
    if rank and listed:
        yield _introduced(rank, listed, options)


def of_sentence(sentence: Sentence, options: Options) -> tuple[Statement, ...]:
    return _remembered(sentence, options) if len(sentence.text) <= _SHORT else _read(sentence, options)


def of_field(text: str, options: Options) -> Iterator[Statement]:
    """What the text of a field or a box states as a whole."""
    said = Sentence.of(text.strip())
    at = lead_at_start(said.low)
    phrase = phrase_at(said, at, options)
    if phrase is None:
        if denied := _denied_phrase(said, at, options):
            yield Statement(Rank.DENIED, denied.letters)
        return
    whole = ends(said, phrase.end) or explained(said, phrase.end)
    rank = rank_of(said, 0, phrase, Rank.FIELD)
    yield Statement(rank if whole or rank is not Rank.FIELD else Rank.OPEN, phrase.letters)


def _read(sentence: Sentence, options: Options) -> tuple[Statement, ...]:
    if _DIFFERS.match(sentence.low):  # what else it might have been
        return ()
    if not may_name(sentence, options):
        return (Statement(Rank.OPEN, frozenset()),) if _left_open(sentence.low) else ()
    return tuple(_boxed(sentence.text[1:], options) if sentence.text.startswith(BOX) else _parts(sentence, options))


_remembered = functools.lru_cache(maxsize=16384)(_read)  # responses to a question say much the same sentences


def _boxed(text: str, options: Options) -> Iterator[Statement]:
    for one in of_field(text, options):
        yield Statement(Rank.BOX, one.letters) if one.rank is Rank.FIELD else one


def _parts(sentence: Sentence, options: Options) -> list[Statement]:
    """What it says of all options but some, and of some by name; before it takes something back, and from there on."""
    said: list[Statement] = []
    if taken := _left_open(sentence.low):
        said = [*_led(sentence.part(0, taken.start()), options), Statement(Rank.OPEN, frozenset())]
        sentence = sentence.part(taken.start())
    if found := excepted(sentence, options):
        said.append(found.statement)
        sentence = sentence.part(found.end)
    return said + _led(sentence, options)


def _left_open(low: str) -> re.Match[str] | None:
    if low.isascii():
        return _LEFT_OPEN.search(low) if _OPEN_CUES.stand_in(low) else None
    return _ANY_LEFT_OPEN.search(low)


def _led(sentence: Sentence, options: Options) -> list[Statement]:
    """What its leads say (`the answer is D`), and the clauses around them."""
    found: list[Statement] = []
    at = said = 0
    for lead in leads(sentence.low):
        if lead.start() < at:
            continue
        phrase = phrase_at(sentence, filled(sentence, lead.end()), options, led=True)
        rank = None
        if phrase is None:
            phrase, rank = _denied_phrase(sentence, lead.end(), options), Rank.DENIED
        if phrase is None:
            continue
        found += verdicts(sentence.part(at, lead.start()), options, bare=False)
        begin = _first_word(lead)
        since = 0 if said < MOST_CLAUSES else max(0, begin - FARTHEST)  # so that many cost no more than they are long
        found.append(Statement(rank or rank_of(sentence, begin, phrase, Rank.LED, since), phrase.letters))
        at, said = phrase.end, said + 1
    rest = len(sentence.text[at:].lstrip(".。,;: ")) if said else len(sentence.text)
    if rest:
        found += verdicts(sentence.part(len(sentence.text) - rest) if said else sentence, options, bare=not said)
    return found


def _first_word(lead: re.Match[str]) -> int:
    """Where a lead begins, behind the comma that some are found by."""
    return lead.start() + (lead[0][0] in ", ")


def _denied_phrase(sentence: Sentence, at: int, options: Options) -> Phrase | None:
    """The options behind `is not`."""
    denial = _DENIED_LEAD.match(sentence.low, at)
    return phrase_at(sentence, denial.end(), options) if denial else None


def _introduced(rank: Rank, listed: frozenset[str], options: Options) -> Statement:
    repeated = len(listed) > 1 and listed >= set(options.letters)
    return Statement(Rank.LINE if repeated else rank, listed)
