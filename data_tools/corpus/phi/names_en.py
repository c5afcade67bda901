"""English names: runs of capitalised words with a given name, a surname, a title, a role or a field that say so."""

import re
from collections.abc import Iterator

from data_tools.corpus.phi.around_en import (
    AGE_AFTER,
    BARE_FIELD,
    SPEAKS,
    VERB_AFTER,
    Context,
    context_of,
    has_credential,
    is_thing,
)
from data_tools.corpus.phi.known_en import (
    ANY,
    ANY_GIVEN,
    ANY_SURNAME,
    CREDENTIALS,
    EPONYMS,
    GIVEN,
    GIVEN_WORD,
    SURNAME,
    SURNAME_WORD,
    THINGS,
    TITLES,
    WORDS,
)
from data_tools.corpus.phi.spans import Span

_PARTICLES = frozenset("de da di del della der den van von la le el al bin ibn ben st st. dos das du ter".split())
_WORD_TITLES = frozenset("doctor nurse judge sister fr sr sir lady master reverend".split())
_PLACE_PREFIXES = frozenset("san santa los las saint st fort mount lake port".split())
_NO_PART = _PARTICLES | WORDS
_LISTED = ANY | TITLES | CREDENTIALS
_NO_GIVEN, _NO_SURNAME, _NO_NAME = WORDS - ANY_GIVEN, WORDS - ANY_SURNAME, WORDS - ANY  # words that are never one
_ALONE, _SURNAME_ALONE = (GIVEN_WORD | SURNAME) - EPONYMS, SURNAME - EPONYMS

_TOKEN = r"(?:[A-Z](?:[A-Za-z]|['’](?=[A-Za-z]{2}|[A-Z])|-(?=[A-Za-z]))*\.?)"
# Words that begin many sentences and no names are passed over while scanning.
_COMMON_STARTS = (
    "(?!(?:he|his|hese|hey|here|hat|hen|n|t|f|s|o|r|ost|ome|any|ther|hat|ow|s|re|an|nd|ut|or|or|ith|our|ou|lso)[ ,][a-z(])"
)
_RUN = re.compile(
    rf"[A-Z](?<![A-Za-z0-9@/][A-Z])(?=[A-Za-z'’.-]|,? [A-Z]){_COMMON_STARTS}(?:[A-Za-z]|['’](?=[A-Z]|[a-z]{{2}})|-(?=[A-Za-z])"
    rf")*\.?"
    rf"(?:(?:,? {{1,2}}|,)(?:(?:de|da|di|del|della|der|den|van|von|la|le|al|bin|ibn|dos|du|st\.?) )*{_TOKEN})*")  # fmt: skip
_PART = re.compile(r"[A-Za-z](?:[A-Za-z]|['’](?=[A-Za-z])|-(?=[A-Za-z]))*\.?")

_LOWER_VALUE = re.compile(r"[:=][ \t]{0,6}(?=[a-z])")
_LOWER_FIELD = re.compile(r"\b(?:name|patient|pt|signed by|physician|provider|attending)[ \t]{0,3}$", re.I)
_LOWER_NAME = re.compile(r"([a-z][a-z'’-]+)(,? )([a-z][a-z'’-]*\.?)(?: ([a-z][a-z'’-]+))?")
_TITLED_LOWER = re.compile(r"[md](?<![A-Za-z0-9][md])(?:rs?|s|iss)\.? ([a-z][a-z'’-]{2,})")
_LOWER_TITLES = (" mr.", " mr ", " mrs", " ms.", " ms ", " dr.", " dr ", " miss ", "\nmr", "\ndr")
_SPEAKERS = GIVEN_WORD - frozenset(
    "will may april june august summer autumn art christian virginia georgia carolina florence paris austin dallas".split()
)


Token = tuple[int, int, str]  # start, end, the word in lower case


def find_names(text: str) -> Iterator[Span]:
    """text: folded, with Latin letters in it."""
    known: set[str] = set()
    for match in _RUN.finditer(text):
        if not _worth_reading(text, match):
            continue
        for start, end in _in_run(text, _tokens(text, match)):
            yield Span(start, end, "NAME")
            known |= {part.group().rstrip(".") for part in _PART.finditer(text, start, end)}
    yield from _lower(text)
    known = {word for word in known if len(word) > 2 and word.lower() not in _NO_PART}
    if known:
        yield from _again(text, known | {word.upper() for word in known})


def _worth_reading(text: str, run: re.Match[str]) -> bool:
    """Most runs are the first word of a sentence; only these need no more than a look into the lists."""
    words = run.group()
    if " " not in words and "," not in words:
        if words.rstrip(".").lower() in _LISTED:
            return True
    elif not _LISTED.isdisjoint(words.lower().replace(".", "").replace(",", " ").split()):
        return True
    return (
        text[run.start() - 2 : run.start()].rstrip(" \t")[-1:] in (":", "=", "#", ",")
        or "-" in words
        or "'" in words
        or "’" in words
    )


def _tokens(text: str, run: re.Match[str]) -> list[Token]:
    return [(part.start(), part.end(), _bare(part.group())) for part in _PART.finditer(text, run.start(), run.end())]


def _bare(token: str) -> str:
    return token.rstrip(".").lower().replace("’", "'")


def _in_run(text: str, tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """The names in a run of capitalised words."""
    index = 0
    while index < len(tokens):
        word = tokens[index][2]
        if (
            word in TITLES
            and index + 1 < len(tokens)
            and _gap(text, tokens, index) in (" ", "  ")
            and _is_title(text, tokens, index)
        ):
            stop = _name_end(text, tokens, index + 1)
            if stop > index + 1:
                yield tokens[index + 1][0], tokens[stop - 1][1] - _dot(text, tokens, stop)
                index = stop
                continue
        elif _first_part(word) in ANY_GIVEN or word in ANY_SURNAME or index == 0 or _initial(word):
            stop = _plain_name(text, tokens, index)
            if stop:
                yield tokens[index][0], tokens[stop - 1][1] - _dot(text, tokens, stop)
                index = stop
                continue
        index += 1


def _is_title(text: str, tokens: list[Token], index: int) -> bool:
    """Dr. Xyz and Mr Xyz, but of MS Contin and Doctor Visits only what the lists know as a name."""
    start, end, word = tokens[index]
    doubtful = word in _WORD_TITLES or text[start:end].rstrip(".") == "MS" or text[start:end] == "DR"
    following = tokens[index + 1][2]
    return not doubtful or following in ANY or len(following) == 1


def _first_part(word: str) -> str:
    """Mary of Mary-Jane."""
    return word.partition("-")[0]


def _initial(word: str) -> bool:
    return len(word) == 1


def _gap(text: str, tokens: list[Token], index: int) -> str:
    """What stands between a token and the next."""
    return text[tokens[index][1] : tokens[index + 1][0]]


def _dot(text: str, tokens: list[Token], stop: int) -> int:
    """1 where the last token ends in the dot of a sentence, not of an initial."""
    start, end, word = tokens[stop - 1]
    return 1 if text[end - 1] == "." and len(word) > 1 and word not in ("jr", "sr") else 0


def _name_end(text: str, tokens: list[Token], index: int) -> int:
    """Behind the last token that goes on with the name which begins at `index`; at most five."""
    stop = index
    while stop < len(tokens) and stop - index < 5:
        start, end, word = tokens[stop]
        if (
            word in TITLES
            or len(word) > 1
            and word in WORDS
            and word not in SURNAME_WORD
            and word not in GIVEN
            or word in CREDENTIALS
            and word not in ("jr", "sr", "ii", "iii", "do", "ot", "pa", "rd")
        ):
            break
        if word in THINGS or word in CREDENTIALS and text[start:end].isupper() and stop > index:
            break
        stop += 1
        if stop < len(tokens):
            gap = _gap(text, tokens, stop - 1)
            if gap.startswith(",") and not (stop - index == 1 and not _initial(word) and _after_comma(tokens, stop)):
                break
            if text[end - 1] == "." and len(word) > 2:
                break
    return stop


def _after_comma(tokens: list[Token], stop: int) -> bool:
    """Smith, John A.: a surname, and what follows the comma is a given name."""
    before = tokens[stop - 1][2]
    return tokens[stop][2] in ANY_GIVEN and (before not in ANY_GIVEN or before in ANY_SURNAME)


def _plain_name(text: str, tokens: list[Token], index: int) -> int:
    """Where a name without title that begins at `index` ends; 0 if none does."""
    stop = _name_end(text, tokens, index)
    words = [word for _, _, word in tokens[index:stop]]
    if not words:
        return 0
    start, end = tokens[index][0], tokens[stop - 1][1]
    context = context_of(text, start)
    if is_thing(text, words, end):
        return 0
    if context == "field" and _fits_field(text, words, start, end):
        return stop
    if len(words) == 1:
        return stop if _single(text, tokens, index, words[0], context) else 0
    listed_given = _first_part(words[0]) in ANY_GIVEN or _initial(words[0])
    listed_surname = words[-1] in ANY_SURNAME or _looks_surname(words[-1])
    comma = "," in text[tokens[index][1] : tokens[index + 1][0]]
    if comma:
        return stop if words[0] in ANY_SURNAME and words[1] in ANY_GIVEN and not _is_state(text, tokens, index) else 0
    credential = has_credential(text, end)
    if context in ("role", "act") or credential or AGE_AFTER.match(text, end):
        if (
            (listed_given or listed_surname)
            and words[0] not in _NO_GIVEN
            or credential
            and len(words) <= 4
            and words[0] not in WORDS
        ):
            return stop
    if _initial(words[0]):
        return stop if listed_surname and _has_dot(text, tokens, index) and len(words[-1]) > 2 and words[-1] not in EPONYMS else 0
    if _first_part(words[0]) in GIVEN and words[0] not in WORDS:
        strong = (
            listed_surname
            or words[-1] not in WORDS
            and len(words) == 2
            and words[-1] not in EPONYMS
            and not _all_caps(text, start, end)
        )
        return stop if strong and not (words[-1] in EPONYMS and words[-1] not in SURNAME) else 0
    if words[0] in GIVEN_WORD:
        return stop if words[-1] in SURNAME and words[-1] not in WORDS else 0
    if words[-1] in SURNAME and words[-1] not in EPONYMS and len(words) == 2 and words[0] not in WORDS:
        return stop if VERB_AFTER.match(text, end) and words[0] not in SURNAME_WORD and _unusual(words[0]) else 0
    return 0


def _fits_field(text: str, words: list[str], start: int, end: int) -> bool:
    listed = any(word in ANY or _looks_surname(word) for word in words)
    if words[0] in _NO_NAME:
        return False
    if listed or BARE_FIELD.search(text[max(0, start - 40) : start].lower()):
        return True
    return len(words) > 1 and (has_credential(text, end) or text[end : end + 1] in ("", "\n", ",", ";", "(", "."))


def _unusual(word: str) -> bool:
    """No word that begins a sentence: those in front of a surname are adverbs and the like."""
    return not word.endswith(("ly", "ing", "ed", "s")) and len(word) > 2


def _looks_surname(word: str) -> bool:
    return (
        word.startswith(("o'", "mc", "mac", "d'"))
        and len(word) > 4
        or "-" in word
        and all(part in ANY_SURNAME for part in word.split("-"))
    )


def _has_dot(text: str, tokens: list[Token], index: int) -> bool:
    return text[tokens[index][1] - 1] == "."


def _all_caps(text: str, start: int, end: int) -> bool:
    return text[start:end].isupper()


def _is_state(text: str, tokens: list[Token], index: int) -> bool:
    return text[tokens[index + 1][0] : tokens[index + 1][1]].isupper() and len(tokens[index + 1][2]) == 2


def _single(text: str, tokens: list[Token], index: int, word: str, context: Context) -> bool:
    """A given name or a surname that stands alone."""
    end = tokens[index][1]
    if word in WORDS or len(word) < 2 or index and tokens[index - 1][2] in _PLACE_PREFIXES:
        return False
    if context == "role":
        return word in GIVEN or word in _ALONE and not text[tokens[index][0] : end].isupper()
    if context in ("act", "weak act"):
        before = text[max(0, tokens[index][0] - 12) : tokens[index][0]].rstrip(" :,").lower()
        others = _SURNAME_ALONE if before.endswith("patient") else _ALONE
        return word in GIVEN or word in others and not text[tokens[index][0] : end].isupper()
    if has_credential(text, end):
        return word in ANY_SURNAME
    if word in _SPEAKERS and SPEAKS.match(text, end) and text[tokens[index][0] : end].istitle():
        return True
    if word in GIVEN and not text[tokens[index][0] : end].isupper() and word not in EPONYMS and word not in SURNAME_WORD:
        return bool(VERB_AFTER.match(text, end - (text[end - 1] == ".")))
    return False


def _lower(text: str) -> Iterator[Span]:
    """name: john smith; mr. jones"""
    for value in _LOWER_VALUE.finditer(text):
        match = _LOWER_NAME.match(text, value.end())
        if match and _LOWER_FIELD.search(text, max(0, value.start() - 14), value.start()):
            first, second, third = _bare(match[1]), _bare(match[3]), _bare(match[4] or "")
            if first in ANY_GIVEN and second not in _NO_SURNAME or first in ANY_SURNAME and second in ANY_GIVEN:
                yield Span(match.start(), match.end(4) if third in ANY_SURNAME else match.end(3), "NAME")
    for match in _TITLED_LOWER.finditer(text) if any(title in text for title in _LOWER_TITLES) else ():
        if match[1] in ANY:
            yield Span(match.start(1), match.end(1), "NAME")


def _again(text: str, known: set[str]) -> Iterator[Span]:
    """The other places of the parts of names, where neither a word nor an eponym of a thing."""
    for run in _RUN.finditer(text):
        tokens = _tokens(text, run)
        for start, end, word in tokens:
            written = text[start:end].rstrip(".")
            if written in known and not is_thing(text, [word], start + len(written)):
                yield Span(start, start + len(written), "NAME")
