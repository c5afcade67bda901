"""What stands beside a name of a disease and makes its code a finer one, as a coder looks it up: main term, then modifiers.

`cellulitis of the leg, right` is cellulitis of the right lower limb, `depression, single episode, severe` one code of many. What
a code below a name's asks for beyond it is read off the book's descriptions: words that must be said, and what it must be without.
What is not said is without it (`without coma`), and of ICD-10-CM's extensions it is the first encounter with a closed fracture.
"""
# ruff: noqa: E501  Chinese characters count twice


import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from megatron_qm.rewards import icd
from megatron_qm.rewards.reading.finding import NameTable
from megatron_qm.rewards.reading.lexicon import lower, words
from megatron_qm.rewards.reading.spans import Span
from megatron_qm.rewards.spelling import units
from megatron_qm.rewards.tables.table import read_table

SIDE = re.compile(r"\b(?:right|left|bilateral)\b|[左右双]侧?|[上中下]叶", re.I)  # what may stand within a name
_BEFORE, _BEHIND = 40, 80  # characters around a name in which its modifiers stand
_BEGINS = re.compile(r"[,;:。()→>—]")
_ENDS = re.compile(rf"[;。→]|[=-]>|\s[–—]\s|{words('gives_reason')}")
_LIST = re.compile(r"\s*(?:[,、+/]|\band\b|和|及|与)*\s*")
_WITHOUT = re.compile(r"\b(?:without|w/o|no|not|non(?!-)|absence of)\b|不伴有?|不合并|无|未|非|不")
_WITH = re.compile(r"\b(?:with|in|due)\b|(?<!不)伴|(?<!不)合并")
_WORD = r"(?P<word>[^\W_]+(?:['’]s)?|[\u4e00-\u9fff]+)"
_PART = re.compile(rf"(?P<no>{_WITHOUT.pattern})|(?P<yes>{_WITH.pattern})|(?P<stop>,)|{_WORD}")
_COURSE_OPEN = r"unspecified as acute or chronic|(?:acute|chronic) or unspecified"
_ASIDE = re.compile(
    rf"{_COURSE_OPEN}|\bNOS\b|without mention of|^Unspecified |, unspecified|\(\w+ ?\w*\)|\[[^\]]*\]", re.I)
_OPEN = re.compile(r"unspecified|without complications?$|\bNOS\b|uncomplicated", re.I)
_OTHER = "other"
# Words of descriptions that tell no code from another.
PLAIN = frozenset((
    "a an and or of the to by for at on from part parts site sites wall region type form forms features feature symptoms symptom side "
    "syndrome disease diseases disorder disorders unspecified specified elsewhere classified not mention uncomplicated complication "
    "complications control organism manifestations manifestation initial encounter closed as nos skin").split())
_EXTENDED = frozenset({"subsequent", "sequela", "open"})  # of which most extensions are, and no default
_WHERE = frozenset("left right bilateral upper lower middle lobe limb quadrant outer inner ear eye lung".split())
_COURSE = frozenset({"acute", "chronic"})
_COUNTED = ("stage", "grade", "type", "class")  # what numbers count; others are numbers of lines, doses and the like
_MOST = 4000  # codes below one


@dataclass(frozen=True)
class Modified:
    """What a code asks for beyond the name above it. needs: what must be said. lacks: what must not be. other: it is the rest's."""

    code: str
    needs: frozenset[str]
    lacks: frozenset[str]
    other: bool


@dataclass(frozen=True)
class _Said:
    """The words of a text, and those of them that it is without."""

    has: frozenset[str]
    lacks: frozenset[str]


_NOTHING = _Said(frozenset(), frozenset())


def refined(code: str, system: str, sentence: str, span: Span) -> str:
    """The code of the name that stands at `span` of a sentence, with what is said beside it."""
    known = icd.book(system)
    if not known.is_valid_item(code) or not icd.CODE.fullmatch(code):
        return code
    name, around = _said(SIDE.sub(" ", sentence[span.start : span.end])), _said(_around(lower(sentence), span))
    while len(code) > 3 and (_description(known.get_description(code)).lacks - _COURSE) & around.has:
        code = known.get_parent(code)
    own = _description(known.get_description(code))
    below = _below(code, system)
    plain = _best(below, name, own) or code if system == "cm" else code
    more = [one for one in (*below, *_below(_open_above(code, system), system)) if one.needs - own.has - name.has]
    return _best([*more, *(below if system == "cm" else ())], around, own, least=1) or plain


def names_a_place_more(code: str, finer: str, system: str) -> bool:
    """Whether a code differs from one that leaves open where a disease is just in that it says where; or that is no code of a
    disease in ICD-10-CM, but the head of those below it."""
    if system == "cm" and finer.startswith(code) and icd.book(system).get_children(code):
        return True
    root = _open_above(code, system)
    below = _below(root, system) if root != code else ()
    own = [one.needs for one in below if one.code == code]
    return any(one.code == finer and one.needs <= _WHERE and all(needs < one.needs for needs in own) for one in below if one.needs)


def _best(codes: Sequence[Modified], said: "_Said", own: "_Said", least: int = -1) -> str | None:
    """The one code that has most of what is said and nothing that is not. own: what the name's own description says."""
    scores: dict[str, int] = {}
    has = said.has | own.has - said.lacks
    for one in codes:
        if one.needs <= has and not one.lacks & said.has:
            score = len(one.needs) + 3 * len(one.needs & said.has) + len(one.lacks & said.lacks) - one.other
            scores[one.code] = max(score, scores.get(one.code, score))
    best = max(scores.values(), default=least - 1)
    found = [one for one, score in scores.items() if score == best >= least]
    return found[0] if len(found) == 1 else None


def _open_above(code: str, system: str) -> str:
    """The code below which a finer one is looked for: above one that says that nothing more is known."""
    known = icd.book(system)
    while len(code) > 3 and _OPEN.search(known.get_description(code)):
        code = known.get_parent(code)
    return code


@lru_cache(maxsize=4096)
def _below(root: str, system: str) -> tuple[Modified, ...]:
    known = icd.book(system)
    if len(known.get_descendants(root)) > _MOST:
        return ()
    return tuple(_under(root, system, _NOTHING, other=False))


def _under(code: str, system: str, above: _Said, *, other: bool) -> Iterator[Modified]:
    """What most codes beside one ask for tells it from none of them; a residual code asks for nothing that the one above has."""
    known = icd.book(system)
    children = known.get_children(code)
    own, beside = _description(known.get_description(code)), [_description(known.get_description(child)) for child in children]
    for child in children:
        for name in _names(child, system):
            said = _description(name)
            if len(children) == 1:
                needs = said.has - own.has
            else:
                needs = frozenset(word for word in said.has
                                  if word in _EXTENDED or 2 * sum(word in one.has for one in beside) <= len(children))
            rest = _OTHER in needs
            needs -= own.has | {_OTHER} if rest else frozenset()
            now = _Said(above.has | needs, above.lacks | said.lacks - _COURSE)
            if known.get_children(child):
                yield from _under(child, system, now, other=other or rest)
            else:
                yield Modified(child, now.has, now.lacks, other or rest)


def _names(code: str, system: str) -> Iterator[str]:
    known = icd.book(system)
    yield known.get_description(code)
    if system == "cm":
        yield from known.get_inclusion_term(code)


@lru_cache(maxsize=1 << 15)
def _description(name: str) -> _Said:
    said = _said(_ASIDE.sub(" ", name))
    return _Said(said.has - {_OTHER}, said.lacks) if "unspecified" in name.lower() else said


def _around(low: str, span: Span) -> str:
    """A name with what is said of it before and behind it."""
    before = low[max(0, span.start - _BEFORE) : span.start]
    begins = [mark.end() for mark in _BEGINS.finditer(before)]
    behind = low[span.end : span.end + _BEHIND]
    ends = _ENDS.search(behind)
    return before[begins[-1] if begins else 0 :] + low[span.start : span.end] + behind[: ends.start() if ends else None]


def _said(text: str) -> _Said:
    """Each word with its sign; modifiers are words of descriptions (左: left, leg: lower limb)."""
    has: set[str] = set()
    lacks: set[str] = set()
    low, without, chinese = lower(text), False, not text.isascii()
    parts = [(match.start(), match.lastgroup or "", [one[0] for one in units(match[0])]) for match in _PART.finditer(low)]
    parts += [(at, "word", meant.split()) for at, meant in _meant(low)]
    counted = ""
    for _, kind, found in sorted(parts, key=lambda part: part[0]):
        if kind == "word":
            for word in found:
                (lacks if without else has).add(f"{counted}{word}" if word.isdigit() else word)
                counted = word if word in _COUNTED else ""
        else:
            without = kind == "no" or kind == "stop" and without and not chinese  # a list goes on behind 、 in Chinese
    return _Said(*(frozenset(word for word in some - PLAIN if not word.isdigit()) for some in (has, lacks)))


def _meant(low: str) -> Iterator[tuple[int, str]]:
    """Where modifiers stand, in words of descriptions."""
    yield from ((span.start, meant) for meant, span in _modifiers().find(low))
    if not low.isascii():
        yield from ((match.start(), _chinese_modifiers()[match[0]]) for match in _any_chinese().finditer(low))


@lru_cache(maxsize=1)
def _modifiers() -> NameTable:
    return NameTable({name: key for key, names in read_table("modifiers.txt").items() for name in names if name.isascii()}, units)


@lru_cache(maxsize=1)
def _chinese_modifiers() -> Mapping[str, str]:
    return {name: key for key, names in read_table("modifiers.txt").items() for name in names if not name.isascii()}


@lru_cache(maxsize=1)
def _any_chinese() -> re.Pattern[str]:
    return re.compile("|".join(sorted(_chinese_modifiers(), key=len, reverse=True)))
