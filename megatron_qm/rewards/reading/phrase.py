"""What names options: `D`, `(D)`, `option D`, `A, C and D`, `D. Spironolactone`, `Spironolactone (D)`, `spironolactone`."""

import re
from itertools import pairwise
from typing import NamedTuple

from megatron_qm.rewards.reading.lexicon import behind, either, entries, first, holds, words
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.ordinals import may_be_numbered, numbered_at
from megatron_qm.rewards.reading.sentences import Sentence

# In lower case:
_OPEN = re.compile(
    rf"[\s\"'“‘(\[{{<【「:：*]{{0,8}}(?:(?:(?:the\s)?{either('option_word', 'en')}(?![a-z])"
    rf"|{either('option_word', 'zh')})[\s\"'“‘(\[{{:：]{{0,6}})?")
_SEPARATOR = re.compile(rf"(?:\s*(?:[,、/;&+∪]|{words('and')})){{1,2}}\s*|[ \t](?=[a-j](?![a-z0-9]))")
_OR = re.compile(rf"\s*[,(]?\s*(?:{words('or')}|\bvs?\b\.?)\s*(?:{either('maybe')}\s*)?")
_UNSURE = re.compile(r"[\s,(]{0,3}(?:(?:or|but|and)\s(?:maybe|perhaps|possibly|also maybe)\b|[或但]者?也?可能)")
_PREDICATE = re.compile(rf"[\s)项]*(?:选项)?\s*(?:{first('predicate')}|[均都也不错是为则属]|[✗✘❌×✓✔])")
# In the case of the writer, for letters of options are capitals:
_CLOSE = re.compile(r"[\s\"'”’)\]}>】」]{0,6}(?:选项|项)?(?!\w)|\s?(?:选项|项)")
_RUN_END = r"(?![A-Za-z0-9'’]|[+-](?![\s,;.)]|$)|\+)"
_LOWER_END = r"(?=[\s)\].\"'”]*(?:$|[\n;])|\)|[.:]\s|[吧哦噢呀啊哈],?|,[^\x00-\x7f])"
_LOWER_RUN_END = r"(?=[\s)\].]*$)"
_RUN = re.compile(rf"[A-J]{{1,10}}{_RUN_END}")
_LOWER = re.compile(rf"[a-j]{_LOWER_END}")
_LOWER_RUN = re.compile(rf"[a-j]{{2,6}}{_LOWER_RUN_END}")
_LOWER_LIST = re.compile(r"[a-j](?=(?:\s?[,/、;&+]\s?[a-j]){1,9}[\s)\].。]*$)")
_RANGE = re.compile(rf"([A-J])(?:\s?(?:到|至|~|∼|～|–|—|\bthrough\b)\s?|-)([A-J])(?!-){_RUN_END}")
_RANGE_GOES_ON = frozenset(" \t\n到至~∼～–—-tT")
_WORDS = frozenset({"ace", "be", "ad", "hi", "fig", "deh", "dei", "bi", "ah", "eh", "chi"})
# Behind a lone A or I an article's noun or a verb follows; `not_a_noun` may follow the name of an option.
_ARTICLE = re.compile(rf"[ \t]{{1,3}}(?!{either('not_a_noun')}\b)[a-zα-ω]")
# The first of such letters, wherever it stands. None begins within a word, but behind those words of which it is not asked
# where they end (`notB`).
_BEGINS = rf"(?:(?<![A-Za-z].)|(?i:{behind('denial_behind_lead', '.')}|{behind('maybe', '.')}))"
_NAMES = rf"(?!(?<=[AI]){_ARTICLE.pattern})[A-J]{{0,9}}{_RUN_END}"
_LOWER_NAMES = rf"(?:{_LOWER_END}|[a-j]{{1,5}}{_LOWER_RUN_END})"
_ANY_LETTER = re.compile(rf"[A-Ja-j](?![K-Zk-z])(?=(?<=[A-J]){_NAMES}|(?<=[a-j]){_LOWER_NAMES}){_BEGINS}")
# The same that begin with a word, which is seen sooner; others stand behind one of those words.
_ANY_CAPITAL = re.compile(rf"[A-J](?<![A-Za-z].){_NAMES}")
_ANY_SMALL = re.compile(rf"[a-j](?<![A-Za-z].)(?![k-z])(?:{_LOWER_NAMES})")
_BEFORE_LETTERS = (*entries("denial_behind_lead", "en"), *entries("maybe", "en"))
_BESIDE = re.compile(r"[ \t]*[)\]]?[ \t]?(?:[.:、—–-]|\()?[ \t\"'“]*")
_ENDS = re.compile(r"\W*$")
_SAID = re.compile(r"\s*\w")  # what is said about a name
_LETTER_BEHIND = re.compile(r"\s{0,2}[(\[]\s?(?:option |choice |选项)?([A-J])\s?[)\]]")
_COMMENT = re.compile(r"\s?\((?![^()\n]{0,60}(?<![A-Za-z])[A-J](?![A-Za-z]))[^()\n]{1,60}\)")  # one that names no letter


class Phrase(NamedTuple):
    """letters: the options named. start, end: where in the text. sure: False where it names alternatives, or a letter
    beside the text of another option."""

    letters: frozenset[str]
    start: int
    end: int
    sure: bool = True


def may_name(sentence: Sentence, options: Options) -> bool:
    """Whether `phrase_at` may find an option anywhere in a sentence: False is certain, and takes a fraction of the time."""
    text, low = sentence.text, sentence.low
    if _ANY_CAPITAL.search(text) is not None or _ANY_SMALL.search(text) is not None:
        return True
    return options.stand_in(text) or may_be_numbered(low) or holds(low, _BEFORE_LETTERS) and _ANY_LETTER.search(text) is not None


def phrase_at(sentence: Sentence, at: int, options: Options, *, led: bool = False) -> Phrase | None:
    """The options that are named from `at` on; None where none is. led: the words before it have said that it is the answer, so
    that a predicate behind it (`C, A and B are wrong`) belongs to another clause."""
    item = _item(sentence.text, _opened(sentence, at), options)
    if item is None or _is_last(sentence.text, item.end):
        return item
    items = [item]
    while (found := _next(sentence, items[-1].end, options)) is not None:
        items.append(found)
    if _UNSURE.match(sentence.low, items[-1].end):
        items[-1] = items[-1]._replace(sure=False)
    if ";" in sentence.text:
        items = _without_clause(sentence.text, items)
    if len(items) == 1:
        return items[0]
    if led and _PREDICATE.match(sentence.low, items[-1].end):
        items = _first_clause(sentence.text, items)
    named = [one for n, one in enumerate(items) if n == 0 or one.letters != items[n - 1].letters]  # `D, Spironolactone` is one
    letters = [letter for one in named for letter in one.letters]
    distinct = len(set(letters)) == len(letters)
    return Phrase(frozenset(letters), items[0].start, items[-1].end, distinct and all(one.sure for one in items))


def _is_last(text: str, end: int) -> bool:
    """Whether nothing follows that patterns could find: the end, or a full stop there."""
    return len(text) - end < 2 and text[end:] in ("", ".")


def _first_clause(text: str, items: list[Phrase]) -> list[Phrase]:
    cuts = (n for n in range(1, len(items)) if text[items[n - 1].end : items[n].start].strip() in (",", ";"))
    return items[: next(cuts, len(items))]


def _without_clause(text: str, items: list[Phrase]) -> list[Phrase]:
    """A text behind a semicolon begins another clause (`C; t-test and ANOVA compare means`), unless all of the sentence is a list
    that has semicolons alone."""
    joints = [text[one.end : other.start] for one, other in pairwise(items)]
    if all(";" in joint for joint in joints) and _ENDS.match(text, items[-1].end):
        return items
    cuts = (n for n, joint in enumerate(joints, start=1) if ";" in joint and not _RUN.match(text, items[n].start))
    return items[: next(cuts, len(items))]


def _next(sentence: Sentence, at: int, options: Options) -> Phrase | None:
    """The item behind a separator."""
    if hedge := _OR.match(sentence.low, at):
        item = _item(sentence.text, _opened(sentence, hedge.end()), options)
        return Phrase(item.letters, item.start, item.end, False) if item else None
    between = _SEPARATOR.match(sentence.low, at)
    return _item(sentence.text, _opened(sentence, between.end()), options) if between and between.end() > at else None


def _opened(sentence: Sentence, at: int) -> int:
    found = _OPEN.match(sentence.low, at)
    return found.end() if found else at


def _item(text: str, at: int, options: Options) -> Phrase | None:
    if (named := options.named_at(text, at)) is not None:
        return _with_letter(text, named[0], at, named[1])
    if far := _numbered(text, at, options):
        return far
    run = _RUN.match(text, at)
    letters = run[0] if run else _lower(text, at)
    if not letters or letters[0] not in options.letters:
        return None
    if len(letters) > 1 and (len(set(letters)) < len(letters) or not set(letters) <= set(options.letters)):
        return None
    end = at + len(letters)
    if len(letters) == 1 and options.shortened_at(text, at):
        return None
    if run and letters in ("A", "I") and _ARTICLE.match(text, end):
        beside = options.named_at(text, end + 1)
        if beside is None or beside[0] != letters:
            return None
    return _with_text(text, letters, at, options) if len(letters) == 1 else Phrase(frozenset(letters), at, _closed(text, end))


def _numbered(text: str, at: int, options: Options) -> Phrase | None:
    """The third option; A to D."""
    if options.texts and (place := numbered_at(text, at, options.letters)):
        return Phrase(frozenset(place[0]), at, _closed(text, place[1]))
    span = _RANGE.match(text, at) if text[at + 1 : at + 2] in _RANGE_GOES_ON else None
    if span is None or span[1] >= span[2] or span[2] not in options.letters:
        return None
    return Phrase(frozenset(letter for letter in options.letters if span[1] <= letter <= span[2]), at, _closed(text, span.end()))


def _lower(text: str, at: int) -> str:
    """Small letters are options where nothing else can be meant: at the end, or with a bracket, a stop or a colon behind."""
    if one := _LOWER.match(text, at) or _LOWER_LIST.match(text, at):
        return one[0].upper()
    run = _LOWER_RUN.match(text, at)
    rising = run is not None and list(run[0]) == sorted(set(run[0])) and run[0] not in _WORDS
    return run[0].upper() if run and rising else ""


def _with_text(text: str, letter: str, at: int, options: Options) -> Phrase:
    """A letter and the text beside it, which must be its own if it is an option's and nothing is said about it."""
    end = at + 1
    if _is_last(text, end):
        return Phrase(frozenset(letter), at, end)
    beside = _BESIDE.match(text, end)
    named = options.named_at(text, beside.end()) if beside and beside.end() > end else None
    if named is None:
        other = _LETTER_BEHIND.match(text, end)
        return Phrase(frozenset(letter), at, _closed(text, end), sure=other is None)
    if named[0] == letter:
        return Phrase(frozenset(letter), at, _closed(text, named[1]))
    return Phrase(frozenset(letter), at, _closed(text, end), sure=bool(_SAID.match(text, named[1])))


def _with_letter(text: str, letter: str, at: int, end: int) -> Phrase:
    """The text of an option, and its letter in brackets."""
    behind = _LETTER_BEHIND.match(text, end)
    if behind is None:
        return Phrase(frozenset(letter), at, _closed(text, end))
    return Phrase(frozenset(letter), at, behind.end(), sure=behind[1] == letter)


def _closed(text: str, end: int) -> int:
    """Behind closing brackets, quotes and the word for `option`."""
    if _is_last(text, end):
        return end
    closed = _CLOSE.match(text, end)
    end = closed.end() if closed else end
    comment = _COMMENT.match(text, end)
    return comment.end() if comment else end
