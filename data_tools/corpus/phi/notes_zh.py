"""Chinese names in records of patients: what stands around a surname with given characters is weighed, not asked for."""

import re
from collections.abc import Iterator
from functools import lru_cache

from data_tools.corpus.phi import lists, names_zh, places_zh
from data_tools.corpus.phi.around_zh import (
    ALONE,
    ENDS_LABEL,
    ENDS_NO_LABEL,
    FUNCTION,
    KEY,
    LABEL,
    LINE,
    NO_LABEL,
    PERSON,
    TAKEN,
    TITLE,
    TITLES,
    WEAK,
    follows,
    leads,
)
from data_tools.corpus.phi.names_zh import ALL, COMMON, COMPOUND, HAN, WORD
from data_tools.corpus.phi.peoples_zh import dotted, others, titled
from data_tools.corpus.phi.spans import Span
from data_tools.corpus.phi.tokens_en import kind_of

_RARE_GIVEN = frozenset(lists.characters("given_zh", "rare"))
_SURE_GIVEN = frozenset(lists.characters("given_zh", "any")) | _RARE_GIVEN
_GIVEN = _SURE_GIVEN | frozenset(lists.characters("given_zh", "notes"))
_LIKELY = dict.fromkeys(_GIVEN, 0.5) | dict.fromkeys(_SURE_GIVEN, 1.0) | dict.fromkeys(_RARE_GIVEN, 1.5)
_SECONDS = {line[0]: frozenset(line[2:]) for line in lists.sections("words_zh")["record"].splitlines()}
_COMPOUNDS = frozenset(lists.words("surnames_zh", "compound"))
_SURNAME = re.compile(rf"{COMPOUND}|[{ALL}]")
_ONE_HAN, _GIVEN_HAN = re.compile(f"[{HAN}]"), re.compile(f"[{HAN}]{{1,2}}")
_NOT_GIVEN = re.compile(names_zh.NOT_GIVEN)

_TITLED = re.compile(rf"({COMPOUND}|[{ALL}])(?={TITLES})")
_PAIR = re.compile(
    rf"(?:^|[\n。；;）) \u3000，,])({COMPOUND}|[{ALL}]) ?[/、，, ] ?({COMPOUND}|[{ALL}])(?=[ \u3000]*(?:\n|$)|[二两]位)"
)
_BEFORE_PAIR = re.compile(rf"[/] ?({COMPOUND}|[{ALL}])(?=[ \u3000]*(?:\n|$))")
_AFTER_PAIR = re.compile(rf"(?:^|[\n。；;）) \u3000])({COMPOUND}|[{ALL}])(?= ?/ ?[{HAN}A-Z])")
_OF_TWO = re.compile(rf"(?<=[、，, /])({COMPOUND}|[{ALL}])(?=[二两]位)")
_CHILD = re.compile(
    r"(?:[外祖][婆公父母]|奶奶|爷爷|姥[姥爷]|妈妈?|爸爸?|[父母]亲|家[长人属])(?:代?诉|说|称"
    r"|讲)[，,：:]?((?:[阿小大二三][一-鿿]|([一-鿿])\2|[一-鿿][宝妞丫娃]))(?=[是不又也今昨在从发一有])"
)
_CAPITALS = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2,}(?: [A-Z]{2,}){1,2}(?![A-Za-z0-9])")
_NICKNAME = re.compile(r"(?:叫[他她它]?|小名|乳名|昵称|外号|曾用名|绰号|别名|人称)[：: ]?[“\"'‘「『]([一-鿿]{2,3})[”\"'’」』]")


def find_names(text: str) -> Iterator[Span]:
    """text: folded, of a record, with Chinese characters in it."""
    found = {(start, end) for source in (_weighed, _surnames, _spaced, others, dotted, titled) for start, end in source(text)}
    yield from (Span(start, end, "NAME") for start, end in found)
    names = {text[start:end] for start, end in found if end - start >= 2}
    yield from _signed(text, names)
    yield from names_zh.again(text, names)
    yield from _given_again(text, {name[-2:] for name in names if len(name) in (3, 4)})


_RELATIVE = (
    rf"(?:家属|[妻女]儿?子?|丈夫|女婿|儿[子媳]|[父母]亲|[哥弟姐妹][哥弟姐妹]|保姆|陪护|我和|护工)([{HAN}]{{2}})"
    r"(?=赶到|陪|在场|护送|从小|到场|签字|代|同意|拒绝|要求)"
)
_GIVEN_OF_RELATIVE = re.compile(_RELATIVE)
_BED = re.compile(rf"(?<=床)[老小]({COMPOUND}|[{ALL}])(?=[血体夜诉昨今主突要今精心呼])|(?<=报小)({COMPOUND}|[{ALL}])(?=医)")
_SPACED = re.compile(
    rf"([{ALL}])[ \u3000]([{HAN}])(?=[ \u3000]?(?:签字|记(?![录忆])|护送|[0-9]{{1,3}}岁|[男女][ ，,]|[0-9]{{1,2}}[:：]))"
)
_SIGNED = re.compile(rf"(?<=[.。；;，, ])({COMPOUND}|[{ALL}])(?=[ \u3000]*(?:\n|$))|({COMPOUND}|[{ALL}])(?=家就|家的|家里)")


def _spaced(text: str) -> Iterator[tuple[int, int]]:
    """梁 瑞 06:28签字, as wide as a name of three; 家属桂兰赶到; 5床老宋."""
    for match in _SPACED.finditer(text):
        before = text[max(0, match.start() - 14) : match.start()]
        edge = not before or not _ONE_HAN.match(before[-1]) or leads(before)
        if match[2] in _GIVEN and edge and match[1] not in FUNCTION:
            yield match.span()
    for match in _GIVEN_OF_RELATIVE.finditer(text):
        if set(match[1]) <= _SURE_GIVEN and not names_zh.is_word(match[1]):
            yield match.span(1)
    for match in _BED.finditer(text):
        yield match.span(1 if match[1] else 2)


def _signed(text: str, names: set[str]) -> Iterator[Span]:
    """A surname alone behind the last sentence of an entry, or before 家, of somebody whose name stands in full."""
    known = {name[:2] if name[:2] in _COMPOUNDS else name[:1] for name in names}
    for match in _SIGNED.finditer(text):
        if (match[1] or match[2]) in known:
            yield Span(*match.span(1 if match[1] else 2), "NAME")


def _given_again(text: str, given: set[str]) -> Iterator[Span]:
    """三妹, where 苏三妹 was found."""
    for name in given:
        if set(name) <= _SURE_GIVEN and not names_zh.is_word(name):
            place = text.find(name)
            while place >= 0:
                if _left(text, place) + _right(text, place + 2) >= 2:
                    yield Span(place, place + 2, "NAME")
                place = text.find(name, place + 2)


_LEAST = 3.0
_IN_LIST = re.compile(r"[、，,/和与及][ \u3000]?$")


def _weighed(text: str) -> Iterator[tuple[int, int]]:
    """What weighs enough, and what weighs nearly enough beside it in a list: 王伟、李强."""
    weights: dict[tuple[int, int], float] = {}
    for match in _SURNAME.finditer(text):
        following = _GIVEN_HAN.match(text, match.end())
        for length in range(following.end() - match.end() if following else 0, 0, -1):
            if (weight := _weight(text, match.start(), match.end(), match.end() + length)) >= 2:
                weights[match.start(), match.end() + length] = weight
                if weight >= _LEAST:
                    break
    found = {place for place, weight in weights.items() if weight >= _LEAST}
    found -= {(s, e) for s, e in found for start, end in found if start < e and s < end and weights[start, end] > weights[s, e]}
    starts, ends = {start for start, _ in found}, {end for _, end in found}
    for start, end in weights:
        sign = _IN_LIST.search(text, max(0, start - 2), start)
        if sign and sign.start() in ends or text[end : end + 1] in "、，,/" and (end + 1 in starts or end + 2 in starts):
            found.add((start, end))
            ends.add(end)
    yield from found


def _weight(text: str, start: int, given: int, end: int) -> float:
    """Of a surname text[start:given] with a given name text[given:end]; below 2 where it is no name, whatever stands before."""
    value = _own_weight(text[start:end], given - start)
    if value < -2:
        return value  # each side gives 2 at most
    right = 2 if value >= 0.75 and TITLE.match(text, end) else _right(text, end)
    value += right
    if value < 0:
        return value
    if KEY.match(text, end):
        value -= 1 if text[end] in ":：" and _speaks(text, start, given, end) else 3
    if end - given == 2:
        if follows(text, end - 1) and text[end - 1] not in _SURE_GIVEN:
            value -= 1.5  # the second character begins what follows the name
        if _NOT_GIVEN.match(text, given) or text[end - 1] in "征症院片素病科":
            value -= 2
    if value < 0:
        return value
    if text[start] in FUNCTION and not LABEL.search(text, max(0, start - 6), start):
        value -= 0 if right >= 1 and set(text[given:end]) <= _SURE_GIVEN else 1
    return value + _left(text, start)


def _speaks(text: str, start: int, given: int, end: int) -> bool:
    """A name before a colon is of who speaks, not a key: where it is hardly anything else, or is said again."""
    own = _own_weight(text[start:end], given - start)
    return own >= 1.25 or own >= 0.75 and text.count(text[start:end]) > 1


@lru_cache(1 << 16)
def _own_weight(name: str, surname: int) -> float:
    """Whatever stands around it; surname: how many characters it has."""
    first, given = name[0], name[surname:]
    value = 1 if surname > 1 else 0.5 if first in COMMON else 0 if first in WORD else -0.25
    likely = sum(_LIKELY.get(character, -0.75) for character in given)
    value += likely * 0.75 if len(given) == 2 else likely * 0.5
    if surname == 1:
        named = len(given) == 2 and set(given) <= _GIVEN
        if names_zh.is_word(name):
            value -= 1.5 if named and name not in names_zh.word_lists()[2] else 3
        elif given[0] in _SECONDS.get(first, ()):
            value -= 1 if named else 2.5
    return value


def _is_no_label(before: str) -> bool:
    """`before` ends in the key of what is no person: 诊断：; not a table's cell that such a word ends: 市医院 |."""
    label = NO_LABEL.search(before)
    if not label:
        return False
    return not (label.group().rstrip().endswith("|") and label.start() and _ONE_HAN.match(before[label.start() - 1]))


def _left(text: str, start: int) -> float:
    before = text[max(0, start - 14) : start]
    if not before:
        return 2
    last = before[-1]
    if last in ENDS_NO_LABEL and (_is_no_label(before) or TAKEN.search(before)):
        return -0.5
    line = before[:-1] if last == "\n" else before
    if leads(line) or last in ENDS_LABEL and LABEL.search(before):
        return 2
    if line[-1:] in WEAK:
        return 1.5
    if _ONE_HAN.match(last):
        return 0
    return 1.75 if leads(before.rstrip(" \u3000\t")) else 1.5 if LINE.search(before) or last in "（(" else 1


def _right(text: str, end: int) -> float:
    following = text[end : end + 1]
    if _ONE_HAN.match(following) and following not in "男女二":
        return 1.25 if follows(text, end) or places_zh.KNOWN.match(text, end) else 0
    if PERSON.match(text, end):
        return 2
    if ALONE.match(text, end):
        return 1.5
    if following in ("）", ")"):
        return 1.5
    if not _ONE_HAN.match(following):
        return 1
    return 1.25 if follows(text, end) or places_zh.KNOWN.match(text, end) else 0


def _surnames(text: str) -> Iterator[tuple[int, int]]:
    """张医生, 李工, 王氏之女; 王/李 below a note; 陆、李二位主任."""
    for match in _TITLED.finditer(text):
        start = match.start()
        before = text[max(0, start - 8) : start]
        edge = not before or not _ONE_HAN.match(before[-1]) or leads(before) or before[-1] in WEAK
        if edge and match[1] not in FUNCTION and not names_zh.FUNCTION_BEFORE.search(text, max(0, start - 4), start + 1):
            yield match.span(1)
    for match in _PAIR.finditer(text):
        yield match.span(1)
        yield match.span(2)
    for pattern in (_BEFORE_PAIR, _AFTER_PAIR, _OF_TWO, _NICKNAME, _CHILD):
        yield from (match.span(1) for match in pattern.finditer(text))
    for match in _CAPITALS.finditer(text):
        kinds = [kind_of(word.lower()) for word in match.group().split()]
        if "w" not in kinds and set(kinds) & set("GSBgsb"):
            yield match.span()
