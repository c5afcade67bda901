"""English names in notes about patients, with or without a title: words become letters for what they may be,
and names are patterns of these letters.

    G S B   a given name, a surname, either; g s b the same, and also a word or an eponym
    U       none of the lists knows it, and it has a capital
    i x p   an initial, Jr and the like, a particle such as van;  w anything else

Between two words stands how they are joined: a space, n (a line's end), a comma, / or | (anything else).
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from data_tools.corpus.phi import known_en, lists
from data_tools.corpus.phi.letter_case import AMERICAN_STATES, Case
from data_tools.corpus.phi.spans import Span

_WORD = re.compile(r"[A-Za-z](?<![A-Za-z0-9@_][A-Za-z])(?:[A-Za-z]|['’](?=[A-Za-z]{2})|-(?=[A-Za-z]))*(?![A-Za-z0-9@_])")
_PARTICLES = frozenset("van von der den de del della di da dos du la le el al bin bint ibn ap st ter ten abu mac o".split())
_PLACE_PARTICLES = frozenset("el la le st".split())
_STATES = frozenset(state.lower() for state in AMERICAN_STATES)
_PURE, _DOUBTFUL = frozenset("GSB"), frozenset("gsb")

_TITLED = re.compile(r"\b(?:dr|mr|mrs|ms|miss|prof)\.? $", re.I)
_KEY = re.compile(r" ?[:=]")
_SPEAKER = re.compile(r"(?:^|\n)([A-Za-z'-]+) (?:[A-Za-z]\.? )?$")
_NUMBERED = re.compile("[0-9] $")
_CAPITAL_WITHIN = re.compile("Mc|Mac|[A-Z]['’]|La|De|Di|Van|[A-Za-z-]+-")
_MAY_BEGIN = re.compile("[GSBgsbUip]")
_FULL = re.compile(r"(?:p )*[GBgbUSs](?: [GBgb](?= ?[^|,/]?(?:[SBsbUGgip])))?(?:[ n]i)?[ n](?:p[ n])*[SBsbUGg](?:[ n]x)?")
_LAST_FIRST = re.compile(r"(?:p )*[SBsbUGg](?: [SBs])?,[GBgbUSs](?: [GBgb])?(?:[ n]i)?(?: x)?")
_INITIAL = re.compile(r"i[ n](?:i )?(?:p )*[SBsbU](?: x)?")
_GIVEN_INITIAL = re.compile(r"[GBgbU] i")
_PARTICLE = re.compile(r"(?:p )+[SBsbUG](?: x)?")
_VALUE = {"G": 2.0, "S": 2.0, "B": 2.0, "g": 1.0, "s": 1.0, "b": 1.0, "U": 1.0}

_TITLE = r"\b(?:dr|mr|mrs|ms|miss|mx|prof|professor|nurse|sister|sr|rev|father|judge|officer|sgt|capt|master)\.? ?"
_ROLES = (
    r"wife|husband|spouse|son|daughter|mother|father|brother|sister|mom|dad|mum|aunt|uncle|cousins?|niece|nephew"
    r"|grand(?:son|daughter"
    r"|mother|father|ma|pa|child)|partner|fiancee?|boyfriend|girlfriend|friend|neighbou?r|caregiver|carer|guardian"
    r"|roommate|step(?:son"
    r"|daughter|mother|father)|twin|sibling|surrogate|proxy|hcp|poa|ex|wife|driver|owner|passenger|owner|client|proband"
    r"|patient|pt|fob"
    r"|resident|intern|fellow|attending|nurse|rn|cna|lpn|tech|technician|technologist|physician|doctor|surgeon|assistant"
    r"|circulator"
    r"|scrub|anesthesia|anesthesiologist|anaesthetist|therapist|pharmacist|interpreter|chaplain|coordinator|co-ordinator"
    r"|counselor"
    r"|social worker|case manager|manager|pcp|gp|provider|consultant|registrar|clinician|cardiologist|oncologist"
    r"|neurologist|urologist"
    r"|psychiatrist|psychologist|pediatrician|paediatrician|radiologist|pathologist|midwife|cnm|student|witness|crew|team"
    r"|caller|sender"
    r"|source|informant|subscriber|insured|holder|guarantor|author|scribe|staff|colleague|teacher|employer|landlord"
    r"|officer|paramedic"
    r"|medic|emt|dispatcher|volunteer|visitor|babysitter|aide|sitter|named?|requested by|cc|attn|re|dear|hi|hello|thanks?"
    r"|thank you"
    r"|regards|sincerely|referring|appreciate|precepted|staffed|prescriber|reviewer|reporter|operator|dentist|dietitian"
    r"|member|contact"
    r"|signature|signed|present|attendees|req|requesting|ordering|baby|bb|bg|mother's|called|on call:?|declined \("
    r"|family \(|ct\(ascp\)|verified|goes by|initials|coworker|co-worker|worker|appoint|hey|spelled|spelling|ofc\.?|ofcr\.?"
    r"|deputy|trooper"
    r"|intake|crew|known to|consultant|pd nurse|pediatrician|paediatrician|certifier|director|cm|csw|informant|witnessed"
    r"|pod|did|does|has"
)
_CLOSE = re.compile(  # a person follows whatever the word is
    rf"(?:{_TITLE}|\b(?:{_ROLES})(?:'s name)?(?: \([a-z ]{{1,16}}\))?[:,]?\s{{0,2}}|\b(?:by|w|w/|d/w|per|c/o|h/o to|out to"
    rf"|back to|agreed w|under"
    rf"|spoke (?:to|with)|discussed with|talked (?:to|with)|routed to|returned to|released to|refunded to|copy to|authorize"
    rf"|excuse"
    rf"|approved by|page|paged|call|phoned|texted|notified|told|asked|informed|updated|to see|verified|labell?ed \""
    rf"|goes by \"|known as) ?|\([\"“])$"
)
_SELDOM = frozenset(
    "day pain hand may will long best case page low back fall short small old new man child order held rash self line so a"
    "n as do to"
    " cord stone read close foot clear may in on at weeks gross us church park street hall rice field love rose".split()
)
_LOOSE = re.compile(
    r"(?:\b(?:with|from|to|and|or|for|by|per|see|via|than|on call:?|handoff|bed \w+:|rm \w+:|room \w+:|bay \w+:)\s{1,2}"
    r"|[;.,] {1,2}|/ ?|\| ?|^|\n|: {0,3})$"
)
_WITH = re.compile(r"\b(?:with|from|to|and|&) $")
_MONTHS = frozenset("april may june august summer winter spring christmas".split())
_PLACE_BEFORE = re.compile(r"\b(?:in|at|near|around|into|outside)\s$")
_PERSON_AFTER = re.compile(
    r"(?:'s?)? (?:asked|disagreed|agreed|agrees|denies|denied|reports?|reported|states?|stated|says?|said|presents"
    r"|presented|complains"
    r"|remains|resting|understands|notified|updated|informed|aware|at bedside|was |is (?:a|an|the|here|now|doing|aware"
    r"|agreeable)\b"
    r"|has |had |will |would |lives|works|took|takes|came|went|called|calls|returned|verbali[sz]ed|wants|requests?"
    r"|declined|refused|tolerated|underwent|saw|examined|recommends|recs\b|to (?:see|follow|call)|also|[a-z]{2,}ed\b|cut "
    r"|favors?|agree|bleep|bleeped|attending\b|at bedside|on call|covering|rounding|spoke|text(?:ed|s)|wrote|dictat|sign"
    r"|left |gave |drove |held |met |made |put )"
    r"|[\"”]? preferred\b|'s (?:wife|husband|son|daughter|mother|father|family|brother|sister|office|house|surgery|team"
    r"|clinic|notes?|recommendations?|partner|mood|questions|mom|dad|room|chart|pain|care"
    r"|parents|recs"
    r"|request|concerns?|symptoms|insurance)\b"
    r"|,? (?:\()?(?:m\.?d|d\.?o|r\.?n|np|pa-c|pa|phd|lcsw|msw|pharmd|cnm|crna|fy[12]|pgy-?[0-9]|st[1-8]|ct[12]|wocn|pmhnp"
    r"|rph|lpn|dpm|cgc|ot|pt|slp|emt)\b"
    r"|,? ?\(?(?:\+?[0-9][0-9 ().-]{6,}|pager|ext|tel|cell|phone|mrn|dob)|,? [0-9]{1,3}(?: ?[mf]\b| ?y\b| ?yo)"
    r"| [0-9]{1,4}[/.-][0-9]{1,2}[/.-][0-9]| \(| \|| - |\s*$|\n|\s{2,}[A-Z]",
    re.I,
)
_SIGNATURE = re.compile(r"(?:[.;)]\s{1,3}|\n ?|^)$")
_LAST = re.compile(r"\s*(?:\n(?![0-9])|$)")
_SIGNED = re.compile(r"(?: ?/ ?[A-Z][A-Za-z.' -]*)*\s*(?:\n|$)")
_SURE_AFTER = re.compile(
    r" (?:asked|disagreed|denies|denied|states?|reports?|remains|resting|understands|has (?:been|had|a|advance)|notified)\b"
)
_SCORE = re.compile(r"\s[0-9]{1,3}(?:/[0-9]{1,2})?(?:[.,;]|\s|$)(?! ?(?:[MFmf]|y/?o)\b)")
_PLACE_AFTER = re.compile(
    r" (?:St|Street|Ave|Avenue|Road|Rd|Drive|Lane|Ln|Blvd|Boulevard|Court|Ct|Way|Hospital|Clinic|Center|Centre|Medical(?! rec)"
    r"|County|Regional"
    r"|Memorial|Surgery|Health|House|University|Manor|Nursing|Care|Rehab|Infirmary|General|Urgent|Family|Women's"
    r"|Children's|Parish"
    r"|Primary|Physical|Hill|Creek|Ridge|Grove|Oaks|Hospice|Terrace|Community|Presby|Deaconess|Cancer|Institute)\b", re.I
)  # fmt: skip


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
def _known() -> Known:
    given = known_en.ANY_GIVEN | lists.lower_words("people_en", "given")
    surnames = known_en.ANY_SURNAME | lists.lower_words("people_en", "surname")
    eponyms = known_en.EPONYMS | lists.lower_words("eponyms", "notes")
    lexicon = known_en.WORDS | known_en.THINGS
    for section in ("words", "notes", "drugs", "germs"):
        lexicon |= lists.lower_words("clinic_en", section)
    return Known(given, surnames, lexicon | eponyms, lexicon)


@cache
def kind_of(word: str) -> str:
    """Of a word in small letters, wherever it stands."""
    known = _known()
    if len(word) == 1:
        return "i"
    if word in known_en.SUFFIXES:
        return "x"
    given, surname = word in known.given, word in known.surnames
    if not given and not surname and "-" in word:
        return _of_parts([kind_of(part) for part in word.split("-") if part])
    if not given and not surname:
        return "w" if word in known.words or word.endswith("s") and word[:-1] in known.lexicon else "U"
    kind = "B" if given and surname else "G" if given else "S"
    return kind.lower() if word in known.words else kind


def _of_parts(kinds: list[str]) -> str:
    """Of a word with hyphens: Owusu-Ansah, Jean-Luc, Soo-jin; not Guillain-Barre."""
    if not kinds or "w" in kinds or "i" in kinds or len(kinds) > 3:
        return "w"
    if not _PURE & set(kinds):
        return "U" if set(kinds) <= {"U", "p"} else "w" if _DOUBTFUL >= set(kinds) else "U"
    return "G" if kinds[0] == "G" else "S" if kinds[-1] == "S" else "B"


def find_names(text: str, case: Case, others: Sequence[Span] = ()) -> Iterator[Span]:
    """text: folded; others: where days and hospitals stand, whose words are no names."""
    months = {
        place
        for span in others
        if span.type != "DATE" or any(map(str.isdigit, text[span.start : span.end]))
        for place in range(span.start, span.end)
    }
    tokens = [_token(text, match, case) for match in _WORD.finditer(text) if match.start() not in months]
    if not tokens:
        return
    tokens = _without_lone_particles(text, tokens)
    codes = _codes(text, tokens)
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


def _token(text: str, match: re.Match[str], case: Case) -> Token:
    start, end = match.span()
    word, kind, before = _kind_as_written(match.group(), case)
    if before in "gsbU":
        if _KEY.match(text, end) and not _TITLED.search(text, max(0, start - 8), start):
            speaker = _SPEAKER.search(text, max(0, start - 24), start)
            kind = kind if speaker and kind_of(speaker[1].lower()) in _VALUE else "w"
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
        kind = "p" if word in _PARTICLES else "w"
        return word, kind, kind
    if word in _PARTICLES and word != "o":
        return word, "p", "p"
    before = kind = kind_of(word)
    if case == "mixed" and written.isupper() and 1 < len(written):
        kind = "w" if kind == "U" or kind in "UGSB" and len(written) == 2 and word in _STATES else kind
        if len(written) < 5 and kind in "gsb" and word in _known().lexicon:
            kind = "w"
        elif len(written) < 4 and kind in _PURE:
            kind = kind.lower()
    elif case == "mixed" and kind == "U" and not written[1:].islower() and not _CAPITAL_WITHIN.match(written):
        kind = "w"
    return word, kind, before


def _without_lone_particles(text: str, tokens: list[Token]) -> list[Token]:
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


def _codes(text: str, tokens: list[Token]) -> str:
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
_METHOD_AFTER, _METHOD_BEFORE = re.compile(r"['’]?[sS](?:[.,;)]|\s|$)"), re.compile(r"\b(?:by|using|per|with|modified) $", re.I)
_NEXT = re.compile(r"(?:['’]s?)?(?:[ -]|\n)([A-Za-z]+(?! ?:)(?:['’]s)?)(?:[ -]([A-Za-z]+))?")


def _is_thing(text: str, tokens: list[Token], stop: int) -> bool:
    """What follows says that it is a disease, a device, a street or a house."""
    end = tokens[stop - 1].end
    if _PLACE_AFTER.match(text, end) or _GRADED.match(text, end):
        return True
    start = tokens[stop - 1].start
    if _METHOD_AFTER.match(text, end) and _METHOD_BEFORE.search(text, max(0, start - 12), start):
        return True  # by Simpson's.
    following = _NEXT.match(text, end)
    return following is not None and not known_en.THINGS.isdisjoint((following[1].lower(), (following[2] or "").lower()))


def _full(text: str, lower: str, tokens: list[Token], codes: str, index: int, stop: int, case: Case) -> bool:
    kinds = [token.kind for token in tokens[index:stop]]
    named = [kind for kind in kinds if kind in _VALUE]
    unknown = 1.0 if case == "mixed" else 0.5
    value = sum(unknown if kind == "U" else _VALUE[kind] for kind in (named[0], named[-1]))
    comma = "," in codes[2 * index : 2 * stop - 1]
    if not comma and named[0] in "Ss" and named[-1] not in "GBgb":
        value -= 1.5  # two surnames are no name
    value += ("i" in kinds[1:]) * 1.0 + ("x" in kinds) * 2.0 + ("p" in kinds) * 0.5
    before = _CLOSE.search(lower, max(0, tokens[index].start - 40), tokens[index].start)
    if value >= 3:
        return True
    if before or _LOOSE.search(lower, max(0, tokens[index].start - 16), tokens[index].start):
        value += 1 if before or case == "mixed" else 0.5
    if _PERSON_AFTER.match(text, tokens[stop - 1].end):
        value += 0.5 if "U" in kinds else 1
    return value >= 3


def _initial(text: str, lower: str, tokens: list[Token], codes: str, index: int, stop: int, case: Case) -> bool:
    kind = next(token.kind for token in tokens[index + 1 : stop] if token.kind in _VALUE)
    dotted = text[tokens[index].end] == "."
    if tokens[index].word in "ai" and not dotted and case != "upper" and not _edge(lower, tokens[index].start):
        return False
    if kind in _PURE:
        return dotted or case == "mixed" or _edge(lower, tokens[index].start)
    if dotted and case == "mixed" and kind != "U":
        return True
    return (
        (dotted or _edge(lower, tokens[index].start))
        and (kind != "U" or case == "mixed")
        and bool(
            _PERSON_AFTER.match(text, tokens[stop - 1].end)
            or _CLOSE.search(lower, max(0, tokens[index].start - 40), tokens[index].start)
        )
    )


def _edge(lower: str, start: int) -> bool:
    """Of a line, of a field or of a list."""
    before = start
    while before and lower[before - 1] == " ":
        before -= 1
    return not before or lower[before - 1] in "\n:/|;,.(-" or bool(_CLOSE.search(lower, max(0, start - 40), start))


def _particle(text: str, lower: str, tokens: list[Token], codes: str, index: int, stop: int, case: Case) -> bool:
    kind = next(token.kind for token in tokens[index:stop] if token.kind in _VALUE)
    close = _CLOSE.search(lower, max(0, tokens[index].start - 40), tokens[index].start)
    if case == "mixed" and text[tokens[index].start].islower() and text[tokens[stop - 1].start : tokens[stop - 1].end].isupper():
        return False
    if tokens[index].word in _PLACE_PARTICLES and not close:
        return kind in "SB" and text[tokens[stop - 1].end : tokens[stop - 1].end + 1] not in ("'", "’")
    return kind in _PURE | _DOUBTFUL or case == "mixed" or bool(close)


def _single(text: str, lower: str, tokens: list[Token], codes: str, index: int, case: Case) -> bool:
    token = tokens[index]
    start, end = token.start, token.end
    if len(token.word) < 2 or _is_thing(text, tokens, index + 1) or _PLACE_BEFORE.search(lower, max(0, start - 10), start):
        return False
    if token.kind in _PURE:
        return True
    if _SCORE.match(text, end):
        return False
    if token.kind == "U" and case != "mixed":
        return bool(re.search(rf"{_TITLE}$", lower[max(0, start - 12) : start]))
    after = _PERSON_AFTER.match(text, end)
    if text[end : end + 1] in ("'", "’") and not after:
        return False  # his father's Hashimoto's
    if _CLOSE.search(lower, max(0, start - 40), start):
        return token.kind == "U" or bool(after) or case == "mixed" or token.word not in _SELDOM
    if _SIGNATURE.search(text, max(0, start - 4), start) and _LAST.match(text, end):
        return case == "mixed" or token.word not in _SELDOM
    beside = "/" in (codes[2 * index - 1 : 2 * index], codes[2 * index + 1 : 2 * index + 2]) and bool(_SIGNED.match(text, end))
    if token.kind == "U":
        return beside and len(token.word) > 2
    if case == "mixed" and _WITH.search(lower, max(0, start - 7), start) and not text[start:end].isupper():
        return token.word not in _MONTHS
    return (
        (beside or bool(after) and token.word not in _SELDOM)
        and bool(_LOOSE.search(lower, max(0, start - 16), start))
        and (case == "mixed" or token.word not in _known().lexicon)
    )


def _again(text: str, lower: str, tokens: list[Token], codes: str, index: int, case: Case) -> bool:
    """A part of a name that was found stands alone: a person, where it is no word that a sentence or a field begins with."""
    token = tokens[index]
    if token.kind in "wixp" and not (token.kind == "w" and text[token.start].isupper() and case == "mixed"):
        return False
    if _is_thing(text, tokens, index + 1) or _SCORE.match(text, token.end):
        return False
    if token.word not in _known().lexicon:
        return True
    if case != "mixed":
        return token.word not in _SELDOM or bool(_CLOSE.search(lower, max(0, token.start - 40), token.start))
    before = lower[max(0, token.start - 4) : token.start].rstrip(" ")[-1:]
    return before not in ".:\n?!" and before != "" or bool(_SURE_AFTER.match(text, token.end))


def _given_initial(text: str, lower: str, tokens: list[Token], codes: str, index: int, stop: int, case: Case) -> bool:
    """Moana R., RN: a surname is an initial."""
    end = tokens[stop - 1].end
    if text[end : end + 1] != "." or tokens[index].kind == "U" and case != "mixed":
        return False
    start = tokens[index].start
    return bool(_CREDENTIAL.match(text, end + 1) or _CLOSE.search(lower, max(0, start - 40), start)) or (
        tokens[index].kind in "GB" and bool(_CLAUSE_ENDS.match(text, end + 1))
    )


_CREDENTIAL = re.compile(r",? (?:RN|LPN|MD|DO|NP|PA|CNA|MA|CM|SW|LCSW|RT|PT|OT|rn|lpn|md|np|cna)\b")
_CLAUSE_ENDS = re.compile(r" ?[;,)\n]| (?:following|aware|notified|at|to|will|and|is|was)\b|$")
_SHAPES = ((_FULL, _full), (_LAST_FIRST, _full), (_GIVEN_INITIAL, _given_initial))
# By the kind of the first word.
_BEGINS = dict.fromkeys("GSBgsbU", _SHAPES) | {"i": ((_INITIAL, _initial),), "p": (*_SHAPES, (_PARTICLE, _particle))}
