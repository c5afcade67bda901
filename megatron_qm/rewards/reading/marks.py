"""Marks beside the options of a question: `[x] A`, `B ✗`, `C) true`, `A 对；B 错`, `| D | yes |`, `A: 70%`.

A sheet marks each option of the question once. Boxes are what was chosen, whatever was asked for. What is marked true or false is
a judgement of each option, of which `final.py` makes an answer by what the question asks for.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from itertools import islice
from typing import NamedTuple

from megatron_qm.rewards.reading.grids import flattened
from megatron_qm.rewards.reading.lexicon import either, holds
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.phrase import phrase_at
from megatron_qm.rewards.reading.rank import Rank, Statement
from megatron_qm.rewards.reading.sentences import Sentence

_OPEN = Statement(Rank.OPEN, frozenset())


class Mark(Enum):
    TRUE = "true"
    FALSE = "false"
    TICKED = "ticked"
    EMPTY = "empty"


class Item(NamedTuple):
    """letters: that have the mark. end: where in the line it ends. share: its per cent, where that is the mark."""

    letters: frozenset[str]
    mark: Mark
    end: int
    share: float = -1.0


_WORD_ENDS = r"(?=[)\]】]?\s*(?:$|[.,;:!/|、。—–()-]|because\b|\s?[a-j](?![a-z])))"


def _either_way(word: str) -> str:
    signs = either(word, "signs")
    return rf"(?:{signs}|{either(word, 'zh')}{_WORD_ENDS}|{either(word, 'en')}(?![a-z]){_WORD_ENDS})"


_SHARE = r"(?P<share>\d{1,3}(?:\.\d{1,2})?)\s?%"
_MARK = re.compile(
    rf"(?P<ticked>{either('mark_ticked')})|(?P<empty>{either('mark_empty')})"
    rf"|[\s(\[【]{{0,3}}(?:(?P<false>{_either_way('mark_false')})|(?P<true>{_either_way('mark_true')})|{_SHARE})[)\]】]?")
_WORDS = ("true", "false", "correct", "right", "wrong", "yes", " t ", " t,", " t/", " t;", ": t\n",
          ": no", "- no", "no\n", "unlikely", "avoid", "exclude", "ruled out", "recommended", "rejected", "| out", "|out")
_NO_OPTION = re.compile("[k-z]")
_SIGNS = frozenset("✓✔✅√✗✘❌×✖☑☒☐□⬜◉●◯○%>[(是对错否符属真假排选推适")
_ASCII_SIGNS = tuple(filter(str.isascii, _SIGNS))
_MAY_MARK = re.compile(rf"[{re.escape(''.join(_SIGNS))}]")
_LONG = 1000  # characters, of a text and of its lines on average
_BETWEEN = re.compile(r"\s{0,4}(?:选项|项)?\s{0,2}[:=.,、。(—–→-]{0,3}\s{0,4}")
_GAP = re.compile(r"[\s,;/|、.。!)]*(?:(?:and|only|but|和|只有|而|但)\s?)?")
_NEXT = re.compile(r"[.;,。、/|]\s?")
_RANKED = re.compile(r"\s*([A-J])(?:\s?[>≻]\s?[A-J]){1,9}[\s.。]*")
_MOST_PARTS = 6  # of the reason behind a mark
_FEWEST = 2  # marks
_CLEAR, _WHOLE = 67, 105  # per cent, rounded
_BULLET = re.compile(r"\s{0,8}(?:[-*•+·]\s{1,4}|\d{1,2}[.)]\s{1,4})?")
_END_WORD = rf"{either('mark_true', 'en', 'zh')}|{either('mark_false', 'en', 'zh')}"
_END_SUBJECT = "(?:[该本此][选项]{1,2}|[该本此]项?(?=说法|叙述|表述|描述|观点))?(?:说法|叙述|表述|描述|观点)?[是为]?"
_END_MARK = re.compile(
    rf"(?:^|[\s,;:。.—–(])(?:故|可|应|因此|所以|so |thus |therefore )?{_END_SUBJECT}(?P<mark>{_END_WORD})[)\s.。!的]*$")
_LONGEST_MARK = 24  # characters
_REASON = re.compile(r"\s?(?:[:—–-]|\()")
_LETTERED = re.compile(r"[(（]?(?:选项\s?)?([a-j])项?[.):、]\s?\S")
_SIGN = re.compile(rf"(?:{either('mark_true', 'signs')}|{either('mark_false', 'signs')})\s?$")


def marked(text: str, options: Options) -> tuple[Statement | None, str]:
    """What the sheet in a text says, and the text without it; None and the text where there is none."""
    if not options.texts or not may_mark(text):
        return None, text
    if ranked := _RANKED.fullmatch(text):
        whole = len(set(ranked[0]) & set(options.letters)) == len(options.letters)
        return (Statement(Rank.MENTION, frozenset(ranked[1])) if whole else _OPEN), ""
    items: list[Item] = []
    rest: list[str] = []
    for line in flattened(text, options).split("\n"):
        found = list(_items(Sentence.of(line), options))
        items += found
        rest.append(line[found[-1].end :] if found else line)
    said = sheet(items, options)
    return (said, "\n".join(rest)) if said else (None, text)


def of_object(value: Mapping[str, object], options: Options) -> Statement | None:
    """What {"A": false, "B": true} says, where it marks each option and nothing else."""
    if set(value) != set(options.letters) or not all(isinstance(one, str | bool) for one in value.values()):
        return None
    return marked("\n".join(f"{letter}: {mark}".replace("\n", " ") for letter, mark in value.items()), options)[0]


def may_mark(text: str) -> bool:
    """Whether marks may stand in a text for the options of a question: False is certain."""
    if len(text) > _LONG and text.count("\n") < len(text) // _LONG:
        return True  # the beginnings of a few lines are read sooner than all that stands in them is searched
    if text.isascii() and not holds(text, _ASCII_SIGNS) or _SIGNS.isdisjoint(text):
        return _words(text) >= _FEWEST
    signs = sum(1 for _ in islice(_MAY_MARK.finditer(text), _FEWEST))
    if signs >= _FEWEST or signs and ">" in text:
        return True
    return signs + _words(text) >= _FEWEST


def _words(text: str) -> int:
    """How many there are. Each has a letter that no option has, and a short Chinese answer none of those."""
    low = text.lower()
    return sum(map(low.count, _WORDS)) if _NO_OPTION.search(low) else 0


def sheet(items: Sequence[Item], options: Options) -> Statement | None:
    """Of items that mark each option once, and in one manner."""
    letters = [letter for item in items for letter in item.letters]
    marks = {item.mark for item in items}
    each_once = sorted(letters) == sorted(options.letters)
    if len(items) > 1 and any(item.share >= 0 for item in items):
        return _likeliest(items) if each_once else _OPEN
    if set(letters) != set(options.letters):
        return None
    if not each_once or len(marks - {Mark.TRUE, Mark.FALSE}) and Mark.FALSE in marks:
        return _OPEN
    boxes = bool(marks & {Mark.TICKED, Mark.EMPTY})
    ticked = frozenset(letter for item in items if item.mark in (Mark.TRUE, Mark.TICKED) for letter in item.letters)
    return Statement(Rank.TICKED if boxes else Rank.SHEET, ticked)


def _likeliest(items: Sequence[Item]) -> Statement:
    """The option that is given most, and clearly so."""
    most = max(items, key=lambda item: item.share)
    whole = min(item.share for item in items) >= 0 and sum(item.share for item in items) <= _WHOLE
    whole = whole and most.share >= _CLEAR and len(most.letters) == 1
    return Statement(Rank.MENTION, most.letters) if whole else _OPEN


def _items(line: Sentence, options: Options) -> Iterator[Item]:
    """The items that a line begins with, and those behind each other's explanations."""
    bullet = _BULLET.match(line.low)
    at = bullet.end() if bullet else 0
    item = _item_at(line, at, options) or _signed(line, at, options)
    while item is not None:
        yield item
        item = _item_at(line, _behind_gap(line, item.end), options) or _behind_reason(line, item.end, options)


def _behind_reason(line: Sentence, at: int, options: Options) -> Item | None:
    cuts = islice(_NEXT.finditer(line.low, at), _MOST_PARTS)
    return next((item for cut in cuts if (item := _item_at(line, _behind_gap(line, cut.end()), options))), None)


def _behind_gap(line: Sentence, at: int) -> int:
    gap = _GAP.match(line.low, at)
    return gap.end() if gap else at


def _item_at(line: Sentence, at: int, options: Options) -> Item | None:
    """A mark and an option, or an option and its mark."""
    first = _MARK.match(line.low, at)
    if first and first["share"] is None:
        phrase = phrase_at(line, first.end(), options)
        return Item(phrase.letters, _kind(first), phrase.end) if phrase and phrase.sure else None
    phrase = phrase_at(line, at, options)
    if phrase is None or not phrase.sure:
        return None
    for end in (phrase.start + 1, line.low.rfind("(", phrase.start, phrase.end), phrase.end):  # `A (✓)`: no comment on its name
        between = _BETWEEN.match(line.low, end) if end > phrase.start else None
        if between and (mark := _MARK.match(line.low, between.end())):
            letters = frozenset(line.text[phrase.start]) if end == phrase.start + 1 else phrase.letters
            return Item(letters, _kind(mark), mark.end(), float(mark["share"] or -1)) if letters <= phrase.letters else None
    return None


def _signed(line: Sentence, at: int, options: Options) -> Item | None:
    """An option at the beginning and a sign at the end (`A. its text in whatever words ✗`), or a word behind a clause's mark."""
    low = line.low
    sign = _SIGN.search(low, max(at, len(low) - 3)) or _END_MARK.search(low, max(at, len(low) - _LONGEST_MARK))
    kind = _MARK.match(sign["mark"] if "mark" in sign.re.groupindex else sign[0]) if sign else None
    if sign is None or kind is None or kind["share"] is not None:
        return None
    if (letter := _LETTERED.match(low, at)) and letter[1].upper() in options.letters:
        return Item(frozenset(letter[1].upper()), _kind(kind), len(low))
    phrase = phrase_at(line, at, options)
    behind = phrase is not None and phrase.sure and len(phrase.letters) == 1 and _REASON.match(low, phrase.end) is not None
    return Item(phrase.letters, _kind(kind), len(low)) if phrase and behind and phrase.end <= sign.start() else None


def _kind(mark: re.Match[str] | None) -> Mark:
    return next((kind for kind in Mark if mark is not None and mark[kind.value] is not None), Mark.TRUE)
