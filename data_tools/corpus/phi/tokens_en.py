"""English words in notes about patients become letters for what they may be in a name.

    G S B   a given name, a surname, either; g s b the same, and also a word or an eponym
    U       none of the lists knows it, and it has a capital
    i x p   an initial, Jr and the like, a particle such as van;  w anything else

Between two words stands how they are joined: a space, n (a line's end), a comma, / or | (anything else).
"""

import re
from functools import cache, lru_cache
from typing import NamedTuple

from data_tools.corpus.phi import known_en, lists
from data_tools.corpus.phi.letter_case import AMERICAN_STATES, Case

WORD = re.compile(r"[A-Za-z](?<![A-Za-z0-9@_][A-Za-z])(?:[A-Za-z]|['’](?=[A-Za-z]{2})|-(?=[A-Za-z]))*(?![A-Za-z0-9@_])")
PARTICLES = frozenset("van von der den de del della di da dos du la le el al bin bint ibn ap st ter ten abu mac o".split())
PLACE_PARTICLES = frozenset("el la le st".split())
_STATES = frozenset(state.lower() for state in AMERICAN_STATES)
PURE, DOUBTFUL = frozenset("GSB"), frozenset("gsb")

_TITLED = re.compile(r"\b(?:dr|mr|mrs|ms|miss|prof)\.? $", re.I)
_KEY = re.compile(r" ?[:=]")
_SPEAKER = re.compile(r"(?:^|\n)([A-Za-z'-]+) (?:[A-Za-z]\.? )?$")
_NUMBERED = re.compile("[0-9] $")
_CAPITAL_WITHIN = re.compile("Mc|Mac|[A-Z]['’]|La|De|Di|Van|[A-Za-z-]+-")
_ENDING = re.compile(
    "(?:ed|ing|tion|sion|ment|ness|ology|itis|osis|emia|ectomy|scopy|graphy|pathy|ated|ally)$"
)  # of words, not of names
_STAGE = re.compile("(?:I{1,3}|IV)[abc]")  # IVa期
_CONTRACTED = re.compile("['’](?:t|ll|re|ve|d|m)(?![A-Za-z])")
VALUE = {"G": 2.0, "S": 2.0, "B": 2.0, "g": 1.0, "s": 1.0, "b": 1.0, "U": 1.0}


class Token(NamedTuple):
    start: int
    end: int
    word: str  # in small letters
    kind: str


class Known(NamedTuple):
    given: frozenset[str]
    surnames: frozenset[str]
    words: frozenset[str]  # that are no names, or names as well
    lexicon: frozenset[str]  # of these, such as stand in sentences: no eponyms


@cache
def known_words() -> Known:
    given = known_en.ANY_GIVEN | lists.lower_words("people_en", "given")
    surnames = known_en.ANY_SURNAME | lists.lower_words("people_en", "surname")
    eponyms = known_en.EPONYMS | lists.lower_words("eponyms", "notes")
    lexicon = known_en.WORDS | known_en.THINGS
    for section in ("words", "notes", "drugs", "germs"):
        lexicon |= lists.lower_words("clinic_en", section)
    for section in ("plate", "vehicle", "phone", "bank", "id", "mrn", "thing"):
        lexicon |= lists.lower_words("keys_en", section)  # keys stand before numbers as names do
    return Known(given, surnames, lexicon | eponyms, lexicon)


@cache
def kind_of(word: str) -> str:
    """Of a word in small letters, wherever it stands."""
    known = known_words()
    if len(word) == 1:
        return "i"
    if word in known_en.SUFFIXES:
        return "x"
    given, surname = word in known.given, word in known.surnames
    if not given and not surname and "-" in word:
        return _of_parts([kind_of(part) for part in word.split("-") if part])
    if not given and not surname:
        plural = word.endswith("s") and word[:-1] in known.lexicon
        return "w" if word in known.words or plural or _ENDING.search(word) else "U"
    kind = "B" if given and surname else "G" if given else "S"
    return kind.lower() if word in known.words else kind


def _of_parts(kinds: list[str]) -> str:
    """Of a word with hyphens: Owusu-Ansah, Jean-Luc, Soo-jin; not Guillain-Barre."""
    if not kinds or "w" in kinds or "i" in kinds or len(kinds) > 3:
        return "w"
    if not PURE & set(kinds):
        return "U" if set(kinds) <= {"U", "p"} else "w" if DOUBTFUL >= set(kinds) else "U"
    return "G" if kinds[0] == "G" else "S" if kinds[-1] == "S" else "B"


def token_of(text: str, match: re.Match[str], case: Case) -> Token:
    start, end = match.span()
    word, kind, before = _kind_as_written(match.group(), case)
    if _CONTRACTED.match(text, end):
        return Token(start, end, word, "w")  # Don't
    if before in "gsbU":
        if _KEY.match(text, end) and not _TITLED.search(text, max(0, start - 8), start):
            speaker = _SPEAKER.search(text, max(0, start - 24), start)
            kind = kind if speaker and kind_of(speaker[1].lower()) in VALUE else "w"
    elif before == "i" and (
        _NUMBERED.search(text, max(0, start - 2), start)
        or case == "lower"
        and text[end : end + 1] != "."
        and word in ("a", "i", "x")
    ):
        kind = "w"
    return Token(start, end, word, kind)


@lru_cache(1 << 16)
def _kind_as_written(written: str, case: Case) -> tuple[str, str, str]:
    """The word in small letters, its kind with these capitals, and without."""
    word = written.lower().replace("’", "'")
    if case == "mixed" and written[0].islower():
        kind = "p" if word in PARTICLES else "w"
        return word, kind, kind
    if _STAGE.fullmatch(written):
        return word, "w", "w"
    if word in PARTICLES and word != "o":
        return word, "p", "p"
    before = kind = kind_of(word)
    if case == "mixed" and written.isupper() and 1 < len(written):
        kind = "w" if kind == "U" or kind in "UGSB" and len(written) == 2 and word in _STATES else kind
        if len(written) < 5 and kind in "gsb" and word in known_words().lexicon:
            kind = "w"
        elif len(written) < 4 and kind in PURE:
            kind = kind.lower()
    elif case == "mixed" and kind == "U" and not written[1:].islower() and not _CAPITAL_WITHIN.match(written):
        kind = "w"
    return word, kind, before


def without_lone_particles(text: str, tokens: list[Token]) -> list[Token]:
    """Le of Tuan Le: no particle, as no name follows it."""
    changed = list(tokens)
    for index, token in enumerate(tokens):
        if token.kind != "p" or not (text[token.start].isupper() or token.word == "le"):
            continue
        if index + 1 == len(tokens) or not _leads_to(text, token, tokens[index + 1]):
            kind = kind_of(token.word)
            changed[index] = token._replace(kind=kind.lower() if text[token.start : token.end].isupper() else kind)
    return changed


def _leads_to(text: str, particle: Token, following: Token) -> bool:
    gap = text[particle.end : following.start]
    return (gap == " " or particle.word in ("st", "o") and gap == ". ") and following.kind not in "wix"


def codes_of(text: str, tokens: list[Token]) -> str:
    pieces = []
    for token, following in zip(tokens, tokens[1:], strict=False):
        gap = text[token.end : following.start]
        if gap == " ":
            pieces.append(token.kind + gap)
            continue
        if gap[:1] == "." and (token.kind in "ix" or token.word in ("st", "mc")):
            gap = gap[1:]
        pieces.append(token.kind + _join(gap))
    return "".join(pieces) + tokens[-1].kind


def _join(gap: str) -> str:
    if gap == " ":
        return " "
    if gap in ("\n", " \n"):
        return "n"
    if gap in (",", ", ", ",  ", ",\n"):
        return ","
    return "/" if gap.strip() == "/" else "|"
