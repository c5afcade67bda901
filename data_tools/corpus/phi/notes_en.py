"""English names in notes about patients, with or without a title: patterns of letters that tokens_en.py makes of words."""

import re
from collections.abc import Iterator, Sequence

from data_tools.corpus.phi import known_en
from data_tools.corpus.phi.around_notes_en import (
    CLOSE,
    LAST,
    LOOSE,
    MONTHS,
    PERSON_AFTER,
    PLACE_AFTER,
    PLACE_BEFORE,
    SCORE,
    SELDOM,
    SIGNATURE,
    SIGNED,
    SURE_AFTER,
    TITLE,
    WITH,
)
from data_tools.corpus.phi.letter_case import Case
from data_tools.corpus.phi.spans import Span
from data_tools.corpus.phi.tokens_en import (
    DOUBTFUL,
    PLACE_PARTICLES,
    PURE,
    VALUE,
    WORD,
    Token,
    codes_of,
    known_words,
    token_of,
    without_lone_particles,
)

_MAY_BEGIN = re.compile("[GSBgsbUip]")
_FULL = re.compile(r"(?:p )*[GBgbUSs](?: [GBgb](?= ?[^|,/]?(?:[SBsbUGgip])))?(?:[ n]i)?[ n](?:p[ n])*[SBsbUGg](?:[ n]x)?")
_LAST_FIRST = re.compile(r"(?:p )*[SBsbUGg](?: [SBs])?,[GBgbUSs](?: [GBgb])?(?:[ n]i)?(?: x)?")
_INITIAL = re.compile(r"i[ n](?:i )?(?:p )*[SBsbU](?: x)?")
_GIVEN_INITIAL = re.compile(r"[GBgbU] i")
_PARTICLE = re.compile(r"(?:p )+[SBsbUG](?: x)?")


def find_names(text: str, case: Case, others: Sequence[Span] = ()) -> Iterator[Span]:
    """text: folded; others: where days and hospitals stand, whose words are no names."""
    months = _months(text, others)
    tokens = [token_of(text, match, case) for match in WORD.finditer(text) if match.start() not in months]
    if not tokens:
        return
    tokens = without_lone_particles(text, tokens)
    codes = codes_of(text, tokens)
    lower = text.lower()
    places: list[tuple[int, int]] = []  # first token, behind the last
    index = 0
    while start := _MAY_BEGIN.search(codes, 2 * index):
        index = start.start() // 2
        stop = _name_at(text, lower, tokens, codes, index, case)
        if stop:
            places.append((index, stop))
        index = stop or index + 1
    known = {
        token.word for first, stop in places for token in tokens[first:stop] if token.kind not in "ixp" and len(token.word) > 1
    }
    taken = {index for first, stop in places for index in range(first, stop)}
    for index, token in enumerate(tokens):
        if index not in taken and token.word in known and _again(text, lower, tokens, codes, index, case):
            places.append((index, index + 1))
    for first, stop in places:
        dot = tokens[stop - 1].kind in "ix" and text[tokens[stop - 1].end : tokens[stop - 1].end + 1] == "."
        yield Span(tokens[first].start, tokens[stop - 1].end + dot, "NAME")


def _months(text: str, others: Sequence[Span]) -> set[int]:
    """Where words of days and hospitals stand; a month without a day may be a person: June."""
    return {
        place
        for span in others
        if span.type != "DATE" or any(map(str.isdigit, text[span.start : span.end]))
        for place in range(span.start, span.end)
    }


def _name_at(text: str, lower: str, tokens: list[Token], codes: str, index: int, case: Case) -> int:
    """Behind the last token of a name that begins at `index`; 0 where none does."""
    for pattern, accepts in _BEGINS[codes[2 * index]]:
        match = pattern.match(codes, 2 * index)
        while match:
            stop = match.end() // 2 + 1
            if accepts(text, lower, tokens, codes, index, stop, case) and not _is_thing(text, tokens, stop):
                return stop
            match = pattern.fullmatch(codes, 2 * index, match.end() - 2) if match.end() - 2 > 2 * index else None
    return index + 1 if codes[2 * index] in "GSBgsbU" and _single(text, lower, tokens, codes, index, case) else 0


_GRADED = re.compile(  # Forrest Ⅱ级, Steward 6分
    r"[' s]*(?:[0-9.~-]+ ?[分级期]|[ⅠⅡⅢⅣⅤⅥIVX]{1,3}[abAB]? ?[级期型度]|分[级期型]|评分|指数|量表|[分法征术位])"
)
_MEASURED = re.compile(r" [0-9][0-9.]* ?(?:x|×|mm|cm|mg|mcg|ml|mL|Fr|units|backup)\b")  # Xience Sierra 3.0 x 18 mm
_OF_DEVICE = re.compile(r"\b(?i:stent|implant|valve|lens|blade|mask|temp|cement|composite|fio2 [0-9.]+):? $")
_METHOD_AFTER, _METHOD_BEFORE = re.compile(r"['’]?[sS](?:[.,;)]|\s|$)"), re.compile(r"\b(?:by|using|per|with|modified) $", re.I)
_NUMBER_NEXT = re.compile(" ?[0-9]")
_NEXT = re.compile(r"(?:['’]s?)?(?:[ -]|\n)([A-Za-z]+(?! ?:)(?:['’]s)?)(?:[ -]([A-Za-z]+))?")


def _is_thing(text: str, tokens: list[Token], stop: int) -> bool:
    """What follows says that it is a disease, a device, a street or a house."""
    end = tokens[stop - 1].end
    if PLACE_AFTER.match(text, end) or _GRADED.match(text, end) or _MEASURED.match(text, end):
        return True
    start = tokens[stop - 1].start
    if _OF_DEVICE.search(text, max(0, start - 16), start):
        return True
    if _METHOD_AFTER.match(text, end) and _METHOD_BEFORE.search(text, max(0, start - 12), start):
        return True  # by Simpson's.
    following = _NEXT.match(text, end)
    if following and following[1].isupper() and _NUMBER_NEXT.match(text, following.end(1)):
        return False  # Amy Powell PIN 86B5971E
    return following is not None and not known_en.THINGS.isdisjoint((following[1].lower(), (following[2] or "").lower()))


def _full(text: str, lower: str, tokens: list[Token], codes: str, index: int, stop: int, case: Case) -> bool:
    kinds = [token.kind for token in tokens[index:stop]]
    named = [kind for kind in kinds if kind in VALUE]
    unknown = 1.0 if case == "mixed" else 0.5
    value = sum(unknown if kind == "U" else VALUE[kind] for kind in (named[0], named[-1]))
    comma = "," in codes[2 * index : 2 * stop - 1]
    if not comma and named[0] in "Ss" and named[-1] not in "GBgb":
        value -= 1.5  # two surnames are no name
    value += ("i" in kinds[1:]) * 1.0 + ("x" in kinds) * 2.0 + ("p" in kinds) * 0.5
    before = CLOSE.search(lower, max(0, tokens[index].start - 40), tokens[index].start)
    if value >= 3:
        return True
    if before or LOOSE.search(lower, max(0, tokens[index].start - 16), tokens[index].start):
        value += 1 if before or case == "mixed" else 0.5
    if PERSON_AFTER.match(text, tokens[stop - 1].end):
        value += 0.5 if "U" in kinds else 1
    return value >= 3


def _initial(text: str, lower: str, tokens: list[Token], codes: str, index: int, stop: int, case: Case) -> bool:
    kind = next(token.kind for token in tokens[index + 1 : stop] if token.kind in VALUE)
    dotted = text[tokens[index].end] == "."
    if tokens[index].word in "ai" and not dotted and case != "upper" and not _edge(lower, tokens[index].start):
        return False
    if kind in DOUBTFUL and _LINE_BEGINS.search(text, max(0, tokens[index].start - 2), tokens[index].start):
        if text[tokens[stop - 1].end : tokens[stop - 1].end + 1] == ",":
            return False  # A. Colon, sigmoid: a list's letter
    if kind in PURE:
        return dotted or case == "mixed" or _edge(lower, tokens[index].start)
    if dotted and case == "mixed" and kind != "U":
        return True
    return (
        (dotted or _edge(lower, tokens[index].start))
        and (kind != "U" or case == "mixed")
        and bool(
            PERSON_AFTER.match(text, tokens[stop - 1].end)
            or CLOSE.search(lower, max(0, tokens[index].start - 40), tokens[index].start)
        )
    )


def _edge(lower: str, start: int) -> bool:
    """Of a line, of a field or of a list."""
    before = start
    while before and lower[before - 1] == " ":
        before -= 1
    return not before or lower[before - 1] in "\n:/|;,.(-" or bool(CLOSE.search(lower, max(0, start - 40), start))


def _particle(text: str, lower: str, tokens: list[Token], codes: str, index: int, stop: int, case: Case) -> bool:
    kind = next(token.kind for token in tokens[index:stop] if token.kind in VALUE)
    close = CLOSE.search(lower, max(0, tokens[index].start - 40), tokens[index].start)
    if case == "mixed" and text[tokens[index].start].islower() and text[tokens[stop - 1].start : tokens[stop - 1].end].isupper():
        return False
    if tokens[index].word in PLACE_PARTICLES and not close:
        return kind in "SB" and text[tokens[stop - 1].end : tokens[stop - 1].end + 1] not in ("'", "’")
    return kind in PURE | DOUBTFUL or case == "mixed" or bool(close)


def _single(text: str, lower: str, tokens: list[Token], codes: str, index: int, case: Case) -> bool:
    token = tokens[index]
    start, end = token.start, token.end
    if len(token.word) < 2 or _is_thing(text, tokens, index + 1) or PLACE_BEFORE.search(lower, max(0, start - 10), start):
        return False
    if token.kind in PURE:
        short = case == "mixed" and text[start:end].isupper() and end - start <= 5
        return not (short and SCORE.match(text, end))  # GUSS 12
    if SCORE.match(text, end) and not _BESIDE.search(lower, max(0, start - 8), start):
        return False
    if token.kind == "U" and case != "mixed":
        return bool(re.search(rf"{TITLE}$", lower[max(0, start - 12) : start]))
    after = PERSON_AFTER.match(text, end)
    if text[end : end + 1] in ("'", "’") and not after:
        return False  # his father's Hashimoto's
    if CLOSE.search(lower, max(0, start - 40), start):
        return token.kind == "U" or bool(after) or case == "mixed" or token.word not in SELDOM
    if SIGNATURE.search(text, max(0, start - 4), start) and LAST.match(text, end):
        return case == "mixed" or token.word not in SELDOM
    beside = "/" in (codes[2 * index - 1 : 2 * index], codes[2 * index + 1 : 2 * index + 2]) and bool(SIGNED.match(text, end))
    if token.kind == "U":
        return beside and len(token.word) > 2
    if case == "mixed" and WITH.search(lower, max(0, start - 7), start) and not text[start:end].isupper():
        return token.word not in MONTHS
    return (
        (beside or bool(after) and token.word not in SELDOM)
        and bool(LOOSE.search(lower, max(0, start - 16), start))
        and (case == "mixed" or token.word not in known_words().lexicon)
    )


def _again(text: str, lower: str, tokens: list[Token], codes: str, index: int, case: Case) -> bool:
    """A part of a name that was found stands alone: a person, where it is no word that a sentence or a field begins with."""
    token = tokens[index]
    if token.kind in "wixp" and not (token.kind == "w" and text[token.start].isupper() and case == "mixed"):
        return False
    if _is_thing(text, tokens, index + 1) or SCORE.match(text, token.end):
        return False
    if token.word not in known_words().lexicon:
        return True
    if case != "mixed":
        return token.word not in SELDOM or bool(CLOSE.search(lower, max(0, token.start - 40), token.start))
    before = lower[max(0, token.start - 4) : token.start].rstrip(" ")[-1:]
    return before not in ".:\n?!" and before != "" or bool(SURE_AFTER.match(text, token.end))


def _given_initial(text: str, lower: str, tokens: list[Token], codes: str, index: int, stop: int, case: Case) -> bool:
    """Moana R., RN: a surname is an initial."""
    end = tokens[stop - 1].end
    if _LINE_BEGINS.search(text, max(0, tokens[index].start - 2), tokens[index].start) and _LINE_ENDS.match(text, end):
        return tokens[index].kind != "U" and (case == "upper" or text[end - 1].isupper())  # Lim C on a line of its own
    if text[end : end + 1] != "." or tokens[index].kind == "U" and case != "mixed":
        return False
    start = tokens[index].start
    return bool(_CREDENTIAL.match(text, end + 1) or CLOSE.search(lower, max(0, start - 40), start)) or (
        tokens[index].kind in "GB" and bool(_CLAUSE_ENDS.match(text, end + 1))
    )


_LINE_BEGINS, _LINE_ENDS = re.compile(r"(?:^|\n) ?$"), re.compile(r" ?(?:\n|$)")
_BESIDE = re.compile(r"(?:d/w|ride:|by|ask for|w/) $")
_CREDENTIAL = re.compile(r",? (?:RN|LPN|MD|DO|NP|PA|CNA|MA|CM|SW|LCSW|RT|PT|OT|rn|lpn|md|np|cna)\b")
_CLAUSE_ENDS = re.compile(r" ?[;,)\n]| (?:following|aware|notified|at|to|will|and|is|was)\b|$")
_SHAPES = ((_FULL, _full), (_LAST_FIRST, _full), (_GIVEN_INITIAL, _given_initial))
# By the kind of the first word.
_BEGINS = dict.fromkeys("GSBgsbU", _SHAPES) | {"i": ((_INITIAL, _initial),), "p": (*_SHAPES, (_PARTICLE, _particle))}
