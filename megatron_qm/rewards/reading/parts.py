"""Other forms of the texts of options by which a response may name them, where no other option has them: a part that is most of a
text (`nitrofurantoin`, of `Nitrofurantoin for 5 days`), what is left of it without what others begin or end with (`类毒素`, of
`注射破伤风类毒素`), its items in another order, and a name of two words with its first as a letter (`S. aureus`).

No part may leave out what turns the meaning round (`no`, `low`, 不, 左). What may stand around a part is said in `paraphrase.py`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations

from megatron_qm.rewards.reading.lexicon import words
from megatron_qm.rewards.reading.spelling import tokens

Words = tuple[str, ...]

_TURNS = re.compile(words("turns_meaning"))
_QUALIFIER = re.compile(words("qualifier"))
_ITEMS = re.compile(r"\s*(?:[、,，;；/]|\band\b|[和与及])\s*")
_CHINESE = re.compile("[\u4e00-\u9fff]")
_MOST_WORDS = 24  # of a text whose parts are looked for
_MOST_ITEMS = 3
_SHORT = 6  # characters of a Chinese name, of which the last two are its noun
_SHARE = 0.6  # of its letters
_LONG_WORD, _SHARE_OF_LONG = 9, 0.5  # letters of a word that is seldom said for other reasons
_FEWEST_LETTERS, _FEWEST_CHINESE = 5, 3


def parts(texts: Mapping[str, Words]) -> Iterator[tuple[Words, str]]:
    """texts: each option's, and its words. A part is a run of them."""
    joined = {text: f" {' '.join(said)} " for text, said in texts.items()}
    for text, said in texts.items():
        for part in _runs(said, [other for key, other in texts.items() if key != text]):
            if not any(f" {' '.join(part)} " in other for key, other in joined.items() if key != text):
                yield part, text


def initialled(said: Words) -> Iterator[Words]:
    """A name of two Latin words with its first as a letter: `S. aureus`."""
    if len(said) == 2 and all(word.isascii() and word.isalpha() and len(word) >= 4 for word in said):
        yield said[0][0], said[1]


def loose(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """By what else prose may speak of an option, though that is no answer: its first word, its noun and its parts, as they are
    written. texts: and the letters of the options."""
    said = {text: tokens(text) for text in texts}
    words_of = {text: tuple(one.word for one in found) for text, found in said.items()}
    for text, found in said.items():
        alone = [word for key, other in words_of.items() if key != text for word in other]
        if found and len(found[0].word) > _FEWEST_LETTERS and found[0].word not in alone:
            yield text[found[0].start : found[0].end], texts[text]
        noun = text[found[-2].start :] if 2 < len(found) <= _SHORT else ""
        turned = any(_TURNS.fullmatch(one.word) for one in found[:-2])
        if _CHINESE.match(noun) and not turned and not any(noun in other for other in texts if other != text):
            yield noun, texts[text]
    for part, text in parts(words_of):
        if _CHINESE.match(part[0]) and part[-1] != words_of[text][-1]:
            continue  # the noun of a Chinese name stands at its end
        at = next(at for at in range(len(said[text])) if words_of[text][at : at + len(part)] == part)
        yield text[said[text][at].start : said[text][at + len(part) - 1].end], texts[text]


def reordered(text: str) -> Iterator[Words]:
    items = _ITEMS.split(text)
    if 1 < len(items) <= _MOST_ITEMS and all(items):
        for order in list(permutations(items))[1:]:
            yield tuple(one.word for one in tokens(" ".join(order)))


def abbreviation(text: str) -> re.Pattern[str] | None:
    """What matches HOCM, of a hypertrophic obstructive cardiomyopathy: the first letter of each word, and one more of it."""
    said = [word for word in re.findall("[a-z]+", text.lower()) if len(word) > 2]
    return re.compile("".join(f"{word[0]}[{word[1:]}]?" for word in said)) if text.isascii() and 1 < len(said) < 6 else None


def _runs(said: Words, others: Sequence[Words]) -> Iterator[Words]:
    if len(said) > _MOST_WORDS:
        return
    whole = sum(map(len, said))
    same = max((_alike(said, other) for other in others), default=0)
    same_end = max((_alike(said[::-1], other[::-1]) for other in others), default=0)
    for start in range(len(said)):
        for end in range(start + 1, len(said) + 1):
            part = said[start:end]
            rest = 0 < start == same and end == len(said) or 0 == start and end == len(said) - same_end < len(said)
            share = _SHARE if len(part) > 1 or len(part[0]) < _LONG_WORD else _SHARE_OF_LONG
            most = sum(map(len, part)) >= share * whole and len(part) < len(said)
            head = start == 0 < len(said) - end and all(word[0].isdigit() or _QUALIFIER.fullmatch(word) for word in said[end:])
            if (rest or most or head) and _is_long(part) and not any(map(_TURNS.fullmatch, (*said[:start], *said[end:]))):
                yield part


def _alike(one: Words, other: Words) -> int:
    """How many words both begin with."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _is_long(part: Words) -> bool:
    chinese = sum(1 for word in part if _CHINESE.match(word))
    longest = max((len(word) for word in part if not word[0].isdigit()), default=0)
    measured = len(part) > 1 and any(word[0].isdigit() for word in part)
    return chinese >= _FEWEST_CHINESE or longest >= _FEWEST_LETTERS or measured
