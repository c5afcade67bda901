"""What a response says of a question's options, statement by statement (docs/rewards.md has the grammar on a page)."""

import functools
import re
from collections.abc import Iterator

from megatron_qm.rewards.reading.clean import BOX
from megatron_qm.rewards.reading.exceptions import excepted
from megatron_qm.rewards.reading.lexicon import either, words
from megatron_qm.rewards.reading.openers import FARTHEST, MOST_CLAUSES, ends, explained, filled, opened
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.phrase import Phrase, may_name, phrase_at
from megatron_qm.rewards.reading.polarity import denied_before
from megatron_qm.rewards.reading.rank import Rank, Statement
from megatron_qm.rewards.reading.sentences import Sentence, speaking
from megatron_qm.rewards.reading.verdicts import rank_of, verdicts

_LETTER = "[a-j](?![a-z])"
_ARROW = rf"(?:→|[=-]>|⇒|⟹|➡|∴)\s?(?={_LETTER})"
_ENGLISH_LEAD = re.compile(
    rf"{_ARROW}|\b(?:{either('answer_word')}\b[^.:;=,\n]{{0,60}}?{either('says_next')}|{either('judged')}\b\s?:|{either('chooses')}\b)")
_LEAD = re.compile(
    rf"{_ENGLISH_LEAD.pattern}|(?:答案|选项)[^,.:;。=≠\n]{{0,12}}?应?[是为选:=】]择?|答案\s{{0,2}}(?=[\"“(\[]?{_LETTER})"
    rf"|{either('before_choosing')}选(?:择|项)?[:是为]?|[蒙填投勾涂](?:一?个)?(?={_LETTER})|正确的?(?:选项|答案)?[是为:]|答:")
_REPEATS = re.compile(r"\s*(?:the )?(?:answer )?(?:options?|choices?|选项)\s?[:是为]?$")  # of the question
_DENIED_LEAD = re.compile(rf"\s*{either('denial_behind_lead')}\s?")
_ENDS_LEAD = re.compile(rf"(?:{either('says_next')}|{either('chooses')}|[是为选择项】])$")  # how leads end, but for a colon
_LONGEST_END = 12  # characters
_RETRACTS = re.compile(words("retracts"))
_SHORT = 300  # characters of a sentence that is remembered


def statements(text: str, options: Options) -> Iterator[Statement]:
    """In the order of the text."""
    listed: set[str] = set()  # what stands on the lines below `the answer is:`
    above: Sentence | None = None
    for sentence in speaking(text, options):
        introduced = listed or above is not None and _introduces(above)
        above = sentence
        if introduced and (phrase := _whole_line(sentence, options)):
            listed |= phrase.letters
            continue
        yield from _introduced(listed, options)
        listed = set()
        yield from of_sentence(sentence, options)
    yield from _introduced(listed, options)


def of_sentence(sentence: Sentence, options: Options) -> tuple[Statement, ...]:
    return _remembered(sentence, options) if len(sentence.text) <= _SHORT else _read(sentence, options)


def of_field(text: str, options: Options) -> Iterator[Statement]:
    """What the text of a field or a box states as a whole."""
    said = Sentence.of(text.strip())
    lead = _LEAD.match(said.low)
    at = lead.end() if lead else 0
    phrase = phrase_at(said, at, options)
    if phrase is None:
        if denied := _denied_phrase(said, at, options):
            yield Statement(Rank.DENIED, denied.letters)
        return
    whole = ends(said, phrase.end) or explained(said, phrase.end)
    rank = rank_of(said, 0, phrase, Rank.FIELD)
    yield Statement(rank if whole or rank is not Rank.FIELD else Rank.OPEN, phrase.letters)


def _read(sentence: Sentence, options: Options) -> tuple[Statement, ...]:
    if not may_name(sentence, options):
        return (Statement(Rank.OPEN, frozenset()),) if _RETRACTS.search(sentence.low) else ()
    return tuple(_boxed(sentence.text[1:], options) if sentence.text.startswith(BOX) else _parts(sentence, options))


_remembered = functools.lru_cache(maxsize=16384)(_read)  # responses to a question say much the same sentences


def _boxed(text: str, options: Options) -> Iterator[Statement]:
    for one in of_field(text, options):
        yield Statement(Rank.BOX, one.letters) if one.rank is Rank.FIELD else one


def _parts(sentence: Sentence, options: Options) -> Iterator[Statement]:
    """What it says of all options but some, and of some by name."""
    if _RETRACTS.search(sentence.low):
        yield Statement(Rank.OPEN, frozenset())
    if found := excepted(sentence, options):
        yield found.statement
        sentence = sentence.part(found.end)
    yield from _led(sentence, options)


def _led(sentence: Sentence, options: Options) -> Iterator[Statement]:
    """What its leads say (`the answer is D`), and the clauses around them."""
    at = said = 0
    for lead in _leads(sentence.low):
        if lead.start() < at:
            continue
        phrase = phrase_at(sentence, filled(sentence, lead.end()), options, led=True)
        if phrase is not None:
            begin = _first_word(lead)
            since = 0 if said < MOST_CLAUSES else max(0, begin - FARTHEST)  # so that many cost no more than they are long
            yield Statement(rank_of(sentence, begin, phrase, Rank.LED, since), phrase.letters)
        elif phrase := _denied_phrase(sentence, lead.end(), options):
            yield Statement(Rank.DENIED, phrase.letters)
        else:
            continue
        yield from verdicts(sentence.part(at, lead.start()), options, bare=False)
        at, said = phrase.end, said + 1
    rest = len(sentence.text[at:].lstrip(".。,;: ")) if said else len(sentence.text)
    if rest:
        yield from verdicts(sentence.part(len(sentence.text) - rest), options, bare=not said)


def _leads(low: str) -> Iterator[re.Match[str]]:
    return (_ENGLISH_LEAD if low.isascii() else _LEAD).finditer(low)  # the other leads are in no ASCII


def _first_word(lead: re.Match[str]) -> int:
    """Where a lead begins, behind the comma that some are found by."""
    return lead.start() + (lead[0][0] in ", ")


def _denied_phrase(sentence: Sentence, at: int, options: Options) -> Phrase | None:
    """The options behind `is not`."""
    denial = _DENIED_LEAD.match(sentence.low, at)
    return phrase_at(sentence, denial.end(), options) if denial else None


def _introduces(sentence: Sentence) -> bool:
    """Whether the answer stands on the next lines."""
    end = len(sentence.low.rstrip(" :"))
    if end == len(sentence.low) and not _ENDS_LEAD.search(sentence.low, max(0, end - _LONGEST_END)):
        return False  # as most do
    return any(lead.end() >= end and not _REPEATS.match(lead[0]) and not denied_before(lead[0])
               for lead in _leads(sentence.low))


def _whole_line(sentence: Sentence, options: Options) -> Phrase | None:
    phrase = phrase_at(sentence, opened(sentence, 0), options)
    return phrase if phrase and phrase.sure and ends(sentence, phrase.end) else None


def _introduced(listed: set[str], options: Options) -> Iterator[Statement]:
    if listed:
        repeated = len(listed) > 1 and listed >= set(options.letters)
        yield Statement(Rank.LINE if repeated else Rank.LED, frozenset(listed))
