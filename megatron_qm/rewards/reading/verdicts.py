"""What the clauses of a sentence say of the options they begin with: `D is right`, `D: wrong`, `D`; and `the next step is D`."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from megatron_qm.rewards.reading.cues import Words
from megatron_qm.rewards.reading.lexicon import either
from megatron_qm.rewards.reading.openers import MOST_CLAUSES, clause_before, clause_starts, ends, explained, opened, stops
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.phrase import Phrase, may_name, phrase_at
from megatron_qm.rewards.reading.polarity import (
    conditional,
    denial_at,
    denial_end,
    denied_before,
    denied_behind,
    hedged,
    is_plain,
    questioned,
    reported,
)
from megatron_qm.rewards.reading.rank import DENYING, Rank, Statement
from megatron_qm.rewards.reading.sentences import Sentence
from megatron_qm.rewards.reading.truth import denial, denial_before

_VERDICT = re.compile(
    rf"[^.,;:]{{0,30}}\bit is(?=\s*(?:$|[.!]))|[\s)]{{0,3}}(?:选项|项)?(?:的?{either('view')})?,?\s?(?:{either('verdict_word')}"
    rf"|{either('verdict_verb')}\s(?:[\w-]+\s){{0,4}}?{either('verdict')}\b"
    rf"|[都均也同样才就最更是为唯一\s]{{0,4}}{either('is_right')}|[✓✔✅])")
_LETTERED = re.compile(r".{2}\([A-J]\)\s?$")  # a text and its letter
_LETTER_AND_TEXT = re.compile(r"[A-J]\s*[.:)、,\s-]\s*[^\s)]")
_COLON = re.compile(r"\s?[:—–]\s?|\s-\s")
_AS_ANSWER = re.compile(rf"(?<![a-z0-9])[a-j](?=\)?(?: as)? (?:the|my|our) {either('answers_it')}\b)")
_COPULA = re.compile(rf"\b(?:is|are|be|becomes|means)\b\s?|[是为:]\s?|(?:→|[=-]>|⇒)\s?|{either('leaves')}\s?")
_IS_ANSWER = Words("chosen")
_WITHIN = re.compile(rf"(?:the|an?) [^.,;:()]{{1,60}}?\b{either('within')} (?=(?:{either('option_word', 'en')}|\() ?[a-j]\b)")
_IN_BRACKETS = re.compile(rf"\((?P<option>(?:{either('option_word')}\s?)?[a-j](?:{either('option_word', 'zh')})?)\)[\s.。!]*$")
_LETTER_IN_BRACKETS = re.compile(r"\(([A-J])\)")
_LABELLED_WRONG = re.compile(rf"\(?(?:{either('mark_false', 'en')}|{either('called_wrong')}|not\b)(?![a-z])")
_GOES_ON = re.compile(r"[了吧啦]?\s?[,;(]")
_SUPERLATIVE = Words("superlative")
_CHOSEN_AFTER = re.compile(r"[^;:。]{1,40},(?:故|因此|所以|为|是|应)?(?:当选|应选|入选|正确答案|答案|符合题意)\W*$")
_PREFERRED = re.compile(
    rf"[\s)]{{1,3}}(?:{either('verdict_verb')}\s(?:[\w-]+\s){{0,3}}?{either('preferred')}|{either('remains')})")
_BRACKETED = re.compile(
    rf"\s?\([a-j]?(?:选?项)?\s?(?:{either('is_right')}|{either('is_wrong')}|{either('judged')})[^()]{{0,20}}\)")
_ONLY = Words("only")
_COUNTS = tuple(re.compile(rf"(?:\b(?:{en})\b|[{zh}][个项种条])[^:;]{{0,80}}[:=—–-]\s?$") for en, zh in (
    ("two|2", "两二2"), ("three|3", "三3"), ("four|4", "四4"), ("five|5", "五5")))
_CLAUSE_END = re.compile(r"[,.;。]")
_LABEL = re.compile(r"(?<!\w)([A-J])[.):、]\s?\w")
_CONCLUDES = Words("concludes")


def rank_of(sentence: Sentence, begin: int, phrase: Phrase, plain: Rank, since: int = 0) -> Rank:
    """`plain`, if the clause that begins at `begin` is the writer's own, affirmed and without a condition, as far as the sentence
    from `since` on says."""
    low = sentence.low
    if is_plain(low) and phrase.sure and not sentence.asked:
        return plain
    before = clause_before(sentence, begin, since) + low[begin : phrase.start]
    if reported(before, low, phrase.end) or denied_behind(low, phrase.end):
        return Rank.DENIED
    if denied_before(before):
        return denial_before(before)
    if not phrase.sure:
        return Rank.OPEN
    asked = sentence.asked or questioned(low, phrase.end)
    unsure = asked or hedged(before, low[since : phrase.start]) or conditional(low, since, begin, phrase.end)
    return Rank.SUPPOSED if unsure else plain


def verdicts(sentence: Sentence, options: Options, *, bare: bool) -> Iterable[Statement]:
    """At the beginning of each clause. bare: the text is a whole sentence, so that a name may be the answer by itself."""
    return _verdicts(sentence, options, bare=bare) if may_name(sentence, options) else ()


def _verdicts(sentence: Sentence, options: Options, *, bare: bool) -> Iterator[Statement]:
    behind = 0
    for start in clause_starts(sentence):
        if start < behind:
            continue
        within = _WITHIN.match(sentence.low, opened(sentence, start))
        phrase = phrase_at(sentence, within.end() if within else opened(sentence, start), options)
        if phrase is None and (denied := _denied_first(sentence, start, options)):
            yield Statement(Rank.DENIED, denied.letters)
            behind = denied.end
            continue
        if phrase is None and (named := _mentioned(sentence, start, options)):
            yield named[0]
            behind = max(behind, named[1])
        if phrase is None:
            continue
        yield from _said(sentence, start, phrase, options, bare=start == 0 and bare)
        behind = phrase.end


def _denied_first(sentence: Sentence, start: int, options: Options) -> Phrase | None:
    """The options behind a denial that a clause begins with: `eliminate A, C and D`."""
    end = denial_at(sentence.low, opened(sentence, start))
    return phrase_at(sentence, end, options) if end else None


def _said(sentence: Sentence, start: int, phrase: Phrase, options: Options, *, bare: bool) -> Iterator[Statement]:
    low, text = sentence.low, sentence.text
    colon = _behind_colon(text, phrase.end)
    verdict = _VERDICT.match(low, phrase.end) or _VERDICT.match(low, colon)
    only = _ONLY.search(low, start, phrase.start) is not None
    if denied_behind(low, phrase.end) or denied_behind(low, colon) or colon > phrase.end and _LABELLED_WRONG.match(low, colon):
        yield _denied(phrase, options, only, Rank.DENIED if sentence.asked else denial(_clause(low, phrase.end)))
    elif verdict and not denied_before(verdict[0]):
        whole = Phrase(phrase.letters, phrase.start, verdict.end(), phrase.sure)
        plain = Rank.LED if _IS_ANSWER.search(verdict[0]) else Rank.VERDICT
        yield Statement(rank_of(sentence, phrase.start, whole, plain), phrase.letters)
    elif ends(sentence, phrase.end) or (start or phrase.start) and stops(sentence, phrase.end):
        plain = Rank.LED if _CONCLUDES.search(low, start, phrase.start) else _alone(text, phrase)
        plain = Rank.VERDICT if plain is Rank.ALONE and _counted(low, start, phrase) else plain
        yield Statement(rank_of(sentence, phrase.start, phrase, plain), phrase.letters)
    elif _PREFERRED.match(low, phrase.end) and not denied_before(_clause(low, phrase.end)):
        yield Statement(rank_of(sentence, phrase.start, phrase, Rank.MENTION), phrase.letters)
    elif bracket := _BRACKETED.match(low, phrase.end):
        yield Statement(Rank.DENIED if denied_before(bracket[0]) else Rank.MENTION, phrase.letters)
    elif only and not denied_before(_clause(low, phrase.end)):
        yield Statement(rank_of(sentence, phrase.start, phrase, Rank.VERDICT), phrase.letters)
    elif _CHOSEN_AFTER.match(low, phrase.end) and not may_name(sentence.part(phrase.end), options):  # its subject goes on
        yield Statement(rank_of(sentence, phrase.start, phrase, Rank.LED), phrase.letters)
    elif bare and explained(sentence, phrase.end):
        yield Statement(rank_of(sentence, phrase.start, phrase, Rank.LINE), phrase.letters | _labels(text, phrase.end, options))
    elif _LETTERED.search(text, phrase.start, phrase.end):
        yield Statement(rank_of(sentence, phrase.start, phrase, Rank.MENTION), phrase.letters)


def _counted(low: str, start: int, phrase: Phrase) -> bool:
    """Whether the list was announced with its number: `Two of them are live: B and D`."""
    return any(len(phrase.letters) == at + 2 for at, count in enumerate(_COUNTS) if count.search(low, 0, start))


def _denied(phrase: Phrase, options: Options, only: bool, rank: Rank) -> Statement:
    """`Only D is not one`: all others are."""
    others = frozenset(options.letters) - phrase.letters
    return Statement(Rank.SHEET, others) if only and options.texts and others else Statement(rank, phrase.letters)


def _clause(low: str, at: int) -> str:
    stop = _CLAUSE_END.search(low, at)
    return low[at : stop.start() if stop else len(low)]


def _labels(text: str, at: int, options: Options) -> frozenset[str]:
    """The other options, where the sentence goes on to list them all as the question does."""
    letters = frozenset(_LABEL.findall(text, at)) & frozenset(options.letters)
    return letters if options.texts and len(letters) + 1 >= len(options.letters) else frozenset()


def _behind_colon(text: str, at: int) -> int:
    """`D. Spironolactone: wrong`: where what is said of an option in a list begins."""
    colon = _COLON.match(text, at)
    return colon.end() if colon else at


def _alone(text: str, phrase: Phrase) -> Rank:
    """A letter, or a text; both beside each other are as a question lists them."""
    said = text[phrase.start : phrase.end].strip(" ()[].:'\"")
    return Rank.LINE if len(phrase.letters) == 1 and _LETTER_AND_TEXT.match(said) else Rank.ALONE


def _mentioned(sentence: Sentence, start: int, options: Options) -> tuple[Statement, int] | None:
    """What a clause that begins otherwise says of an option (`the next step is D`, `eliminate D`), and where a denial ends."""
    low = sentence.low
    if as_answer := _AS_ANSWER.search(low, start):
        phrase = phrase_at(sentence, as_answer.start(), options)
        return (Statement(rank_of(sentence, phrase.start, phrase, Rank.VERDICT), phrase.letters), 0) if phrase else None
    for copula in islice(_COPULA.finditer(low, start), MOST_CLAUSES):
        within = _WITHIN.match(low, copula.end())  # `is the acid in option E`
        phrase = phrase_at(sentence, within.end() if within else copula.end(), options)
        if phrase and (ends(sentence, phrase.end) or stops(sentence, phrase.end) or _GOES_ON.match(low, phrase.end)):
            plain = Rank.VERDICT if _SUPERLATIVE.search(low, start, copula.start()) else Rank.MENTION
            said = Statement(rank_of(sentence, copula.start(), phrase, plain), phrase.letters)
            return said, phrase.end if said.rank in DENYING else 0
    if bracket := _IN_BRACKETS.search(low, start):
        phrase = phrase_at(sentence, bracket.start("option"), options)
        if phrase and phrase.sure:
            letters = phrase.letters | _bracketed(sentence, start, options)
            return Statement(rank_of(sentence, bracket.start(), phrase, Rank.MENTION), letters), 0
    end = denial_end(low, start)
    denied = phrase_at(sentence, end, options) if end else None
    return (Statement(Rank.DENIED, denied.letters), denied.end) if denied else None


def _bracketed(sentence: Sentence, start: int, options: Options) -> frozenset[str]:
    """All the letters in brackets, `the first (B) together with the second (D)`, where nothing is denied or compared."""
    found = _LETTER_IN_BRACKETS.findall(sentence.text, start) if is_plain(sentence.low) else ()
    return frozenset(found) & frozenset(options.letters)
