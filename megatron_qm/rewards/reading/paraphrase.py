"""Texts of options that a response writes a little otherwise, put back as the question has them.

`Murphy's sign` is `Murphy sign`, `ampulla of the uterine (Fallopian) tube` is `Ampulla of the uterine tube`, and `140/90` is
`≥140/90 mmHg` where all options differ in their numbers alone. No word may be missing, but for those that all options
share around their numbers and a verb of giving at the beginning; none may be added, but in brackets.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from megatron_qm.rewards.reading.lexicon import lower, words
from megatron_qm.rewards.reading.options import AFTER_TEXT, Options
from megatron_qm.rewards.reading.parts import abbreviation, initialled, parts, reordered
from megatron_qm.rewards.reading.spelling import Token, tokens

_GIVES = re.compile(words("asks_for"))
_ENDS = re.compile(r"[.。;；?？!！\n](?!\d)")
_DENIES = re.compile(rf"{words('denied')}|{words('or')}|\?|(?<![A-Za-z])[A-J](?![A-Za-z])")
_BEFORE_NUMBERS = re.compile(r"(?:^|[:,;。.(=≥≤<>是为约每在于至]|\b(?:is|of|about|per|between|from)\b|分钟|分)\s*$")
_WORD = re.compile(r"\w")
_FARTHEST = 12
_LONGEST_COMMENT = 60
_FEWEST, _MOST_CAPITALS = 3, 6  # letters of an abbreviation; words that a text has behind the verb
_GOES_ON = re.compile(rf"\s(?:{words('behind_a_part')})\b")
_BEFORE_PART = re.compile(rf"(?:^|[^\w\s]\s*|(?:{words('before_a_part')})\s*)$")


class _Text(NamedTuple):
    """words: of an option, or of a part of it. text: as the question has it."""

    words: tuple[str, ...]
    text: str
    part: bool = False

    @property
    def numbers(self) -> bool:
        """Whether it is no more than numbers, which a response may name for other reasons."""
        return self.words[-1][0].isdigit() and self.words[0][0].isdigit()


class _Known(NamedTuple):
    """texts: by their first words, the longest first. short: what abbreviations of texts match."""

    texts: Mapping[str, Sequence[_Text]]
    short: Sequence[tuple[re.Pattern[str], str]]


def as_asked(text: str, options: Options) -> str:
    """The text with such texts of options as the question writes them."""
    known = _known(options)
    pieces: list[str] = []
    at = 0
    for start, end, written in _found(text, known):
        pieces += [text[at:start], written]
        at = end
    return "".join([*pieces, text[at:]])


def _found(text: str, known: _Known) -> Iterator[tuple[int, int, str]]:
    said, at = tokens(text), 0
    while at < len(said):
        texts = known.texts.get(said[at].word, ())
        matches = ((last, one.text) for one in texts if (last := _match(text, said, at, one)) is not None)
        last, written = next(matches, (at, _abbreviated(text[said[at].start : said[at].end], known)))
        if written:
            yield said[at].start, said[last].end, written
        at = last + 1


def _abbreviated(word: str, known: _Known) -> str:
    """The only text that capitals may stand for; empty where there is none."""
    if not _FEWEST <= len(word) <= _MOST_CAPITALS or not word.isupper():
        return ""
    found = [text for pattern, text in known.short if pattern.fullmatch(word.lower())]
    return found[0] if len(found) == 1 else ""


def _match(text: str, said: Sequence[Token], at: int, one: _Text) -> int | None:
    """The last token of `one`, where it begins with token `at`."""
    last = at
    for word in one.words[1:]:
        following = last + 1
        if following < len(said) and said[following].word != word:
            following = _behind_comment(text, said, last)
        if following >= len(said) or said[following].word != word or (
                len(one.words[0]) > 1 and _ENDS.search(text, said[last].end, said[following].start)):
            return None
        last = following
    if one.part and not _whole(text, said[at].start, said[last].end, one):
        return None
    return last if not one.numbers or _stated(text, said[at].start, said[last].end, len(one.words)) else None


def _whole(text: str, start: int, end: int, one: _Text) -> bool:
    """Whether what is a part of an option's text is all that is named there: no more of a name stands before or behind it, and
    numbers that follow are among the option's."""
    line = max(text.rfind("\n", 0, start) + 1, start - _FARTHEST)
    if not _BEFORE_PART.search(lower(text[line:start])) or not (AFTER_TEXT.match(text, end) or _GOES_ON.match(text, end)):
        return False
    own, said = _numbers_in(one.text), _numbers_in(_ENDS.split(text[end : end + _LONGEST_COMMENT])[0])
    return not own or not said or bool(own & said)


def _numbers_in(text: str) -> set[str]:
    return {one.word for one in tokens(text) if one.word[0].isdigit()}


def _behind_comment(text: str, said: Sequence[Token], last: int) -> int:
    """The token behind a bracket that opens behind token `last`, and says nothing that another option may be."""
    opening = text.find("(", said[last].end, said[last + 1].start)
    closing = text.find(")", opening, opening + _LONGEST_COMMENT) if opening >= 0 else -1
    if closing < 0 or _DENIES.search(text, opening, closing):
        return len(said)
    return next((at for at in range(last + 1, min(len(said), last + _LONGEST_COMMENT)) if said[at].start > closing), len(said))


def _stated(text: str, start: int, end: int, count: int) -> bool:
    """Whether numbers stand where an answer may: several behind a mark or `is`, one on a line of its own."""
    line = text.rfind("\n", 0, start) + 1
    if count > 1:
        return _BEFORE_NUMBERS.search(lower(text[max(line, start - _FARTHEST) : start])) is not None
    behind = text.find("\n", end)
    return not _WORD.search(text, line, start) and not _WORD.search(text, end, behind if behind >= 0 else len(text))


@functools.lru_cache(maxsize=4096)
def _known(options: Options) -> _Known:
    """What two options may be is none."""
    owners: dict[tuple[str, ...], set[str]] = {}
    wholes = list(_forms(options))
    initials = [(words_, text) for said, text in wholes[: len(options.named)] for words_ in initialled(said)]
    others = parts({text: said for said, text in wholes[: len(options.named)]})
    for words_, text in [*wholes, *initials, *others]:
        owners.setdefault(words_, set()).add(text)
    whole = {words_ for words_, _ in wholes}
    texts = [_Text(words_, next(iter(text)), words_ not in whole) for words_, text in owners.items() if len(text) == 1 and words_]
    known: dict[str, list[_Text]] = {}
    for one in sorted(texts, key=lambda one: -len(one.words)):
        known.setdefault(one.words[0], []).append(one)
    return _Known(known, [(short, text) for text, _ in options.named if (short := abbreviation(text))])


def _forms(options: Options) -> Iterator[tuple[tuple[str, ...], str]]:
    all_words = {text: tuple(one.word for one in tokens(text)) for text, _ in options.named}
    for text, said in all_words.items():
        yield said, text
    for text, said in all_words.items():
        if len(said) > _FEWEST and _GIVES.fullmatch(said[0]):
            yield said[1:], text
        yield from ((words_, text) for words_ in reordered(text))
    yield from _numbers(all_words)


def _numbers(all_words: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Without the words around them that all options share, where these differ in their numbers alone."""
    rest = {tuple(word for word in said if not word[0].isdigit()) for said in all_words.values()}
    if len(rest) == 1 and len(all_words) > 1:
        for text, said in all_words.items():
            yield tuple(word for word in said if word[0].isdigit()), text
