"""What a response says of a question's options, statement by statement (docs/rewards.md has the grammar on a page)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from megatron_qm.rewards.reading.clean import BOX
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.phrase import Phrase, phrase_at
from megatron_qm.rewards.reading.sentences import speaking
from megatron_qm.rewards.reading.polarity import (
    conditional, denial_end, denied_before, denied_behind, hedged, questioned, reported,
)  # fmt: skip


class Rank(Enum):
    """What a statement is worth, the highest first (final.py says how they are settled)."""

    FIELD = 1  # {"answer": "D"}
    BOX = 2  # \\boxed{D}, <answer>D</answer>
    LED = 3  # the answer is D; so, D
    VERDICT = 4  # D is correct
    ALONE = 5  # D, and nothing beside it
    LINE = 6  # D. Spironolactone: a line of a list, perhaps of the question's own
    MENTION = 7  # the next step is D; give spironolactone (D)
    DENIED = 8  # not D
    OPEN = 9  # D or C
    SUPPOSED = 10  # D if ...; is it D?; it might be D


@dataclass(frozen=True)
class Statement:
    rank: Rank
    letters: frozenset[str]


_LEAD = re.compile(
    r"\b(?:answers?|choices?|options?|response|solution|selection|pick|ans)\b[^.:;=,\n]{0,60}?(?:\b(?:is|are|be|was)\b|:|=|->|→)"
    r"|\b(?:in)?correct\b\s?:|\b(?:true|false|wrong|right)\b\s?:|→\s?(?=[A-J](?![A-Za-z]))|\b(?:choose|choosing|chose|select(?:ed|ing)?|pick(?:ed|ing)?|go(?:ing)? with|opt for|settle on|answer)\b"
    r"|(?:答案|选项)[^,.:;。\n]{0,12}?(?:应?[是为选:】]择?)|答案\s{0,2}(?=[\"“(\[]?[A-J](?![A-Za-z]))|(?:故|应|宜|题|此|以|就|我|确|上|,|^|\s)选(?:择|项)?[:是为]?|正确(?:的)?(?:选项|答案)?[是为:]|答:",
    re.I)
_REPEATS = re.compile(r"\s*(?:the )?(?:answer )?(?:options?|choices?|选项)\s?[:是为]?$", re.I)  # of the question
_FILLER = re.compile(r"\s*(?:(?:therefore|thus|hence|clearly|definitely|most likely|likely|probably|indeed|simply|just|still|then|therefore|应该?|当然"
                     r"|显然|是|为|选择)[\s,:]{1,2}|(?:是|为|选(?!项))[\s:]?择?){0,3}", re.I)
_OPENER = re.compile(r"\s*(?:[-•·*+▪➤→]\s|[\u2190-\u21ff\u2600-\u2712\u2719-\u274b\u274d-\u27bf\U0001f300-\U0001faff]\s?|\(?\d{1,2}[.)]\s|[✓✔✅☑]\s?|(?:so|thus|hence|therefore|definitely|clearly|certainly|actually|wait|no(?=\s*[,.!…—]|\s+(?:wait|actually|sorry|it)\b|\s[A-J]\b)|sorry|ok|okay"
                     r"|final|finally|well|hmm|yes|it's|it is|that's|that is|i (?:would )?(?:think|believe|say)(?: that)?(?: it's| it is)?|i'd say|i mean|or rather|make that|correction)\b[\s,:.。!…]{0,4}|(?:综上|因此|所以|故|答|即|那么|应该?|就是|是|不(?=,))[\s,:.。!…]{0,4})*", re.I)
_CLAUSE = re.compile(r"[,:;—–]|\s-\s|(?<!all )(?<!thing )\bbut\b|\b(?:so|therefore|thus|hence|whereas|while|however|because|and then)\b|但是?|而是?|所以|因此|因为|故")
_VERDICT = re.compile(
    r"[\s)]{0,3}(?:选项|项)?,?\s?(?:it is\b|is the one\b|(?:is|are|was|were|would be|will be|must be|should be|seems|looks|remains|being)\s(?:[\w-]+\s){0,4}?"
    r"(?:correct|right|true|best|answer|appropriate|suitable|likely|acceptable|possible|indicated|fits?)\b"
    r"|(?:also|too|as well)?\s?(?:works?|fits?|applies|apply)\b|(?:also|too|as well)\b"
    r"|[都均也同样才就最更是为\s]{0,4}(?:正确|对(?!于|症)|符合|恰当|合适|可以|可能|成立|适合)|[✓✔✅])", re.I)
_LETTERED = re.compile(r".{2}\([A-J]\)\s?$")  # a text and its letter
_COLON = re.compile(r"\s?[:—–]\s?|\s-\s")
_AS_ANSWER = re.compile(r"(?<![A-Za-z0-9])[A-J](?=\)?(?: as)? (?:the|my|our) (?:\w+ )?(?:answer|choice)\b)", re.I)
_COPULA = re.compile(r"\b(?:is|are|be|becomes)\b\s?|[是为:]\s?", re.I)
_CONCLUDES = re.compile(r"\b(?:so|thus|hence|therefore|final|finally)\b|综上|因此|所以|故|答", re.I)
_END = re.compile(r"[\s.,;:!)\]}\"'”’。、…]*$")


def statements(text: str, options: Options) -> Iterator[Statement]:
    """In the order of the text."""
    listed: set[str] | None = None  # what stands on the lines below `the answer is:`
    for sentence, asked in speaking(text, options):
        if listed is not None and (phrase := _whole_line(sentence, options)):
            listed |= phrase.letters
            continue
        yield from _introduced(listed, options)
        listed = None
        yield from _boxed(sentence[1:], options) if sentence.startswith(BOX) else _of_sentence(sentence, asked, options)
        if _introduces(sentence):
            listed = set()
    yield from _introduced(listed, options)


def _introduces(sentence: str) -> bool:
    """Whether the answer stands on the next lines."""
    end = len(sentence.rstrip(" :"))
    return any(lead.end() >= end and not _REPEATS.match(lead[0]) and not denied_before(lead[0]) for lead in _LEAD.finditer(sentence))


def _whole_line(sentence: str, options: Options) -> Phrase | None:
    phrase = phrase_at(sentence, _opened(sentence, 0), options)
    return phrase if phrase and phrase.sure and _END.match(sentence, phrase.end) else None


def _introduced(listed: set[str] | None, options: Options) -> Iterator[Statement]:
    if listed:
        repeated = len(listed) > 1 and listed >= set(options.letters)
        yield Statement(Rank.LINE if repeated else Rank.LED, frozenset(listed))


def _opened(text: str, at: int) -> int:
    """Behind the words and marks that a clause may begin with."""
    opener = _OPENER.match(text, at)
    return opener.end() if opener else at


def of_field(text: str, options: Options) -> Iterator[Statement]:
    """What the text of a field or a box states as a whole."""
    text = text.strip()
    lead = _LEAD.match(text)
    at = lead.end() if lead else 0
    phrase = phrase_at(text, at, options)
    if phrase is None:
        denied, is_denied = _denied_phrase(text, at, options)
        if denied is not None and is_denied:
            yield Statement(Rank.DENIED, denied.letters)
        return
    whole = _END.match(text, phrase.end) or _explained(text, phrase.end)
    rank = _rank(text, 0, phrase, False, Rank.FIELD)
    yield Statement(rank if whole or rank is not Rank.FIELD else Rank.OPEN, phrase.letters)


def _boxed(text: str, options: Options) -> Iterator[Statement]:
    for one in of_field(text, options):
        yield Statement(Rank.BOX, one.letters) if one.rank is Rank.FIELD else one


def _of_sentence(sentence: str, asked: bool, options: Options) -> Iterator[Statement]:
    at, found = 0, False
    for lead in _LEAD.finditer(sentence):
        if lead.start() < at:
            continue
        start = _FILLER.match(sentence, lead.end())
        phrase = phrase_at(sentence, start.end() if start else lead.end(), options, led=True)
        if phrase is None:
            phrase, denied = _denied_phrase(sentence, lead.end(), options)
            if phrase is None or not denied:
                continue
            yield Statement(Rank.DENIED, phrase.letters)
        else:
            yield Statement(_rank(sentence, _first_word(sentence, lead), phrase, asked, Rank.LED), phrase.letters)
        yield from _clauses(sentence[at : lead.start()], asked, options)
        at, found = phrase.end, True
    rest = sentence[at:].lstrip(".。,;: ") if found else sentence
    if rest:
        yield from _clauses(rest, asked, options, alone=not found)


def _first_word(sentence: str, lead: re.Match[str]) -> int:
    """Where a lead begins, behind the comma that some are found by."""
    return lead.start() + (lead[0][0] in ", ")


def _denied_phrase(sentence: str, at: int, options: Options) -> tuple[Phrase | None, bool]:
    """The options behind `is not`."""
    denial = re.compile(r"\s*(?:not|neither|never|不是?|非|并非)\s?").match(sentence, at)
    return (phrase_at(sentence, denial.end(), options), True) if denial else (None, False)


def _rank(sentence: str, begin: int, phrase: Phrase, asked: bool, plain: Rank) -> Rank:
    """`plain`, if the clause is the writer's own, affirmed and without a condition."""
    before = _clause_before(sentence, begin) + sentence[begin : phrase.start]
    if denied_before(before) or denied_behind(sentence, phrase.end):
        return Rank.DENIED
    if reported(before, sentence, phrase.end):
        return Rank.DENIED
    if not phrase.sure:
        return Rank.OPEN
    if asked or conditional(sentence, begin, phrase.end) or hedged(before, sentence[: phrase.start]) or questioned(sentence, phrase.end):
        return Rank.SUPPOSED
    return plain


def _clause_before(sentence: str, begin: int) -> str:
    """What stands in the clause before `begin`."""
    last = 0
    for match in _CLAUSE.finditer(sentence, 0, begin):
        last = match.end()
    opener = _OPENER.match(sentence, last, begin)
    return sentence[opener.end() if opener else last : begin]


def _clauses(text: str, asked: bool, options: Options, *, alone: bool = False) -> Iterator[Statement]:
    """Verdicts (`D is right`) and bare names (`D`), at the beginning of each clause. alone: the text is a whole sentence."""
    starts = [0, *(match.end() for match in _CLAUSE.finditer(text))]
    behind = 0
    for start in starts:
        if start < behind:
            continue
        phrase = phrase_at(text, _opened(text, start), options)
        if phrase is None:
            yield from _mentioned(text, start, asked, options)
            continue
        yield from _said(text, start, phrase, asked, bare=start == 0 and alone)
        behind = phrase.end


def _said(text: str, start: int, phrase: Phrase, asked: bool, *, bare: bool) -> Iterator[Statement]:
    verdict = _VERDICT.match(text, phrase.end) or _VERDICT.match(text, _behind_colon(text, phrase.end))
    if denied_behind(text, phrase.end) or denied_behind(text, _behind_colon(text, phrase.end)):
        yield Statement(Rank.DENIED, phrase.letters)
    elif verdict and not denied_before(verdict[0]):
        end = Phrase(phrase.letters, phrase.start, verdict.end(), phrase.sure)
        yield Statement(_rank(text, phrase.start, end, asked, Rank.VERDICT), phrase.letters)
    elif _END.match(text, phrase.end):
        plain = Rank.LED if _CONCLUDES.search(text, start, phrase.start) else _alone(text, phrase)
        yield Statement(_rank(text, phrase.start, phrase, asked, plain), phrase.letters)
    elif bare and _explained(text, phrase.end):
        yield Statement(_rank(text, phrase.start, phrase, asked, Rank.LINE), phrase.letters)
    elif _LETTERED.search(text, phrase.start, phrase.end):
        yield Statement(_rank(text, phrase.start, phrase, asked, Rank.MENTION), phrase.letters)


def _behind_colon(text: str, at: int) -> int:
    """`D. Spironolactone: wrong`: where what is said of an option in a list begins."""
    colon = _COLON.match(text, at)
    return colon.end() if colon else at


def _alone(text: str, phrase: Phrase) -> Rank:
    """A letter, or a text; both beside each other are as a question lists them."""
    said = text[phrase.start : phrase.end].strip(" ()[].:'\"")
    return Rank.LINE if said[:1] in "ABCDEFGHIJ" and re.match(r"[A-J]\s*[.:)、,\s-]\s*[^\s)]", said) and len(phrase.letters) == 1 else Rank.ALONE


def _explained(text: str, end: int) -> bool:
    """Whether what follows a bare answer is its reason."""
    return bool(re.compile(r"\s*(?:[:—–(,.~]|-\s|\b(?:because|since|as|for|due to)\b|因为|由于)", re.I).match(text, end))


def _mentioned(text: str, start: int, asked: bool, options: Options) -> Iterator[Statement]:
    """What a clause that begins otherwise says of an option: `the next step is D`, `eliminate D`."""
    if as_answer := _AS_ANSWER.search(text, start):
        phrase = phrase_at(text, as_answer.start(), options)
        if phrase:
            yield Statement(_rank(text, phrase.start, phrase, asked, Rank.VERDICT), phrase.letters)
        return
    for copula in _COPULA.finditer(text, start):
        phrase = phrase_at(text, copula.end(), options)
        if phrase and _END.match(text, phrase.end):
            yield Statement(_rank(text, copula.start(), phrase, asked, Rank.MENTION), phrase.letters)
            return
    denial = denial_end(text, start)
    denied = phrase_at(text, denial, options) if denial else None
    if denied:
        yield Statement(Rank.DENIED, denied.letters)
