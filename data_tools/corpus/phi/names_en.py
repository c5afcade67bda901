"""English names: runs of capitalised words with a given name, a surname, a title, a role or a field that say so."""

import re
from collections.abc import Iterator

from data_tools.corpus.phi import lists
from data_tools.corpus.phi.spans import Span

_GIVEN_WORD = lists.lower_words("given_en", "word")
_GIVEN = lists.lower_words("given_en", "plain") - _GIVEN_WORD
_SURNAME_WORD = lists.lower_words("surnames_en", "word")
_SURNAME = lists.lower_words("surnames_en", "plain") - _SURNAME_WORD
_ANY_GIVEN, _ANY_SURNAME = _GIVEN | _GIVEN_WORD, _SURNAME | _SURNAME_WORD
_WORDS = lists.lower_words("words_en")
_THINGS = lists.lower_words("eponyms", "thing")
_EPONYMS = lists.lower_words("eponyms", "eponym")
_PARTICLES = frozenset("de da di del della der den van von la le el al bin ibn ben st st. dos das du ter".split())
_WORD_TITLES = frozenset("doctor nurse judge sister fr sr sir lady master reverend".split())
_TITLES = frozenset(
    "mr mrs ms miss mx dr prof professor sir lady rev reverend fr sr sister nurse doctor capt sgt lt judge madam mme".split()
)
_CREDENTIALS = frozenset(
    "md m.d do d.o rn r.n np fnp aprn arnp cnp pa pa-c phd ph.d lcsw msw lmsw lpc crna lpn cna dnp bsn msn frcs frcp mrcp "
    "mrcs mbbs mbchb dds dmd dpm dvm "
                          "pharmd rph pt dpt ot otr slp rd rdn ccc-slp facs facp faap faaem mph cnm od psyd emt rt bch facc "
                          "fnp-bc fnp-c jr sr ii iii iv esq rnc".split())  # fmt: skip

_SUFFIXES = frozenset("jr sr ii iii iv".split())
_SURE_CREDENTIALS = frozenset("md m.d rn r.n phd ph.d frcp mbbs frcs lcsw crna pharmd".split())
_PLACE_PREFIXES = frozenset("san santa los las saint st fort mount lake port".split())
_LISTED = _ANY_GIVEN | _ANY_SURNAME | _TITLES | _CREDENTIALS

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

_ROLE = re.compile(
    r"(?:\b(?:wife|husband|spouse|son|daughter|mother|father|brother|sister|mom|dad|mum|aunt|uncle|cousin|niece|nephew"
    r"|grandson|granddaughter|grandmother|grandfather|partner|fianc[eé]e?|boyfriend"
    r"|girlfriend|friend|neighbou?r|caregiver|carer|guardian|roommate|stepson|stepdaughter|stepmother|stepfather|twin|sibling"
    r"|ex-wife|ex-husband|mother-in-law|father-in-law|daughter-in-law|son-in-law|brother-in-law|sister-in-law"
    r"|patient|pt|client|resident|named|called|nurse|physician|doctor|surgeon|therapist|attending|colleague|interpreter"
    r"|coordinator|social worker|case manager|pcp|provider|cardiologist|oncologist|neurologist|pharmacist|counselor)"
    r"(?:'s name)?(?:,? (?:is|was|named|called|name is)|,|:)? ?[(“\"]?)$"
)
_ACT = re.compile(
    r"(?:\b(?:signed|dictated|transcribed|reviewed|seen|examined|performed|prepared|written|authored|verified|reported|read"
    r"|interpreted|ordered|referred|accompanied|assisted|discussed|approved|cosigned|attested|completed|entered|collected"
    r"|witnessed|translated|brought in|driven|evaluated|followed|managed|treated|supervised|consulted|called|contacted"
    r"|notified|paged)"
    r"(?: electronically)?(?: and \w+)? (?:by|to):?|\b(?:discussed|reviewed|consulted|spoke|met|talked)(?: \w+)? with"
    r"|\b(?:signed|signature|sincerely|regards|from|attn|attention|cc|thank you|dear|hi|hello|spoke (?:with|to)|c/o|per|met "
    r"with|under the care of|care of|attending of record)[,:]?|/s/|e-?signed:?)\s{0,3}$"
)
_STRICT_ACT = re.compile(
    r"\b(?:from|to|per|with|called|cc|dear|hi|hello|thank you|read|reported|ordered|followed|discussed \w+|treated \w+"
    r"|managed \w+)[,:]?\s{0,3}$"
)
# The last words of what _ACT and _ROLE find: these long patterns are tried behind one of them only.
_ACT_ENDS = frozenset(
    "by with to signed signature sincerely regards from attn attention cc you dear hi hello c/o per of record /s e-signed "
    "esigned s".split()
)
_ROLE_ENDS = frozenset(
    "wife husband spouse son daughter mother father brother sister mom dad mum aunt uncle cousin niece nephew grandson "
    "granddaughter grandmother grandfather partner fiance fiancé fiancee fiancée boyfriend girlfriend friend "
    "neighbor neighbour caregiver carer guardian roommate stepson stepdaughter stepmother stepfather twin sibling ex-wife "
    "ex-husband mother-in-law father-in-law daughter-in-law son-in-law brother-in-law sister-in-law patient "
    "pt client resident named called nurse physician doctor surgeon therapist attending colleague interpreter coordinator "
    "worker manager pcp provider cardiologist oncologist neurologist pharmacist counselor is was name".split()
)
_FIELD = re.compile(
    r"(?:\b(?:(?:patient|pt|full|legal|first|last|middle|maiden|family|given|preferred|guardian|mother's|father's|parent"
    r"|spouse|contact|emergency contact|provider|physician|doctor|insured'?s?|subscriber|policy ?holder|guarantor|responsible "
    r"party|next of kin|employee|account|sur)[ -]?'?s? ?name"
    r"|name|surname|forename|alias|aka|patient|pt|client|subject|(?:attending|referring|primary care|ordering|treating"
    r"|admitting|consulting|discharging|resident|family|performing|reading|interpreting|requesting|supervising|covering"
    r"|responsible)? ?(?:physician|provider|doctor|md|clinician|surgeon|radiologist|pathologist|anesthesiologist|anaesthetist"
    r"|practitioner|consultant|cardiologist|therapist|nurse|pharmacist|technologist|technician|dentist|psychologist|midwife)"
    r"(?: of record| name)?"
    r"|pcp|gp|attending|resident|intern|fellow|author|assistants?|scrub|circulator|nurse|rn|therapist|next of kin|nok"
    r"|emergency contact|contact(?: person)?|spouse|wife|husband|mother|father|parent|son|daughter|guardian|caregiver|witness"
    r"|interpreter|relationship|informant|historian|guarantor|insured|subscriber|policy ?holder|beneficiary|employer contact"
    r"|signed(?: by)?|electronically signed(?: by)?|signature|dictated(?: by)?|transcribed(?: by)?|transcriptionist|dictator"
    r"|reviewed by|verified by|reported by|read by|seen by|prepared by|performed by|collected by|ordered by|referred by"
    r"|referral|technologist|operator|cc|copy to|copies to|to|from|re|attn|attention|dear|responsible party|power of attorney"
    r"|poa|health care proxy|proxy|sender|recipient|consultant|surgeons?|first assistant)"
    r"(?: ?\([^()\n]{1,14}\))?\s{0,3}[:#=]{1,2}[ \t]{0,12})$"
)
_BARE_FIELD = re.compile(r"\bname\s{0,2}[:=]?[ \t]{0,12}$|signed by:?\s{0,2}$")
_LOWER_VALUE = re.compile(r"[:=][ \t]{0,6}(?=[a-z])")
_LOWER_FIELD = re.compile(r"\b(?:name|patient|pt|signed by|physician|provider|attending)[ \t]{0,3}$", re.I)
_LOWER_NAME = re.compile(r"([a-z][a-z'’-]+)(,? )([a-z][a-z'’-]*\.?)(?: ([a-z][a-z'’-]+))?")
_TITLED_LOWER = re.compile(r"[md](?<![A-Za-z0-9][md])(?:rs?|s|iss)\.? ([a-z][a-z'’-]{2,})")
_LOWER_TITLES = (" mr.", " mr ", " mrs", " ms.", " ms ", " dr.", " dr ", " miss ", "\nmr", "\ndr")
_VERB_AFTER = re.compile(
    r",? (?:(?:is|was|has been) (?!start|giv|add|stop|discont|prescr|increas|initiat|admini|held|continu|switch|taper|reduc"
    r"|indicat|contraind|used|titrat|restart|resum|ordered|taken|effective)|has|had|will|would|denies|denied|reports|reported"
    r"|states|stated|presents|presented|complains|complained|says|said|notes|noted|admits|describes|described|feels|felt|lives"
    r"|works|came|comes|went|called|returns|returned|tolerated|underwent|received|remains|continues|appears|"
    r"seems|takes|took|and (?:his|her|their)|agreed|agrees|understands|understood|verbalized|asked|asks|requests|requested"
    r"|needs|wants|can|may|should|did|does|who|reviewed|discussed|recommended|explained|performed|saw|examined|ordered"
    r"|prescribed|accompanied|brought|tells|told|developed|experienced|arrived|signed|at (?:home|bedside|[0-9])|phoned|drove"
    r"|confirmed|confirms|helps|visits|visited|provides|provided|consented|expressed|declined|refused|refuses|signed|assisted"
    r"|attended|gave|gives)\b"
    r"|['’]s (?:wife|husband|son|daughter|mother|father|family|brother|sister|care|condition|pain|symptoms|history|chart|room"
    r"|records?|labs|medications?|mom|dad|parents|insurance|surgery|blood|PCP|vitals|case|exam|x-ray|appetite|mood|sleep"
    r"|recovery|discharge|appointment)\b"
)
_SPEAKS = re.compile(r" (?:denies|denied|reports|reported|states|stated|presented|complains|complained|says|said|admits)\b")
_AUXILIARIES = frozenset(
    "will may april june august summer autumn art christian virginia georgia carolina florence paris austin dallas".split()
)
_NEXT_WORD = re.compile(r"['’]?s?[ -]+(?:and |or )?([A-Za-z][A-Za-z'’-]*)(?:[ -]([A-Za-z]+))?")
_CREDENTIAL_AFTER = re.compile(
    r",? ?\(?(M\.?D\.?|D\.?O\.?|R\.?N\.?|Ph\.?D\.?|[A-Z][A-Za-z]{0,3}\.?[A-Z]{0,3}(?:-[A-Z]{1,4})?)(?![A-Za-z])"
)
_AGE_AFTER = re.compile(
    r",? (?:is )?(?:an? |age |aged )?\(?[0-9]{1,3}[ -]?(?:y|M\b|F\b)|, (?:DOB|MRN|born|age)| ?\((?:DOB|MRN|M\b|F\b"
    r"|[0-9]{1,3}\b)| {1,3}(?:MRN|DOB|Date of Birth)"
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
    known = {word for word in known if len(word) > 2 and word.lower() not in _PARTICLES | _WORDS}
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
            word in _TITLES
            and index + 1 < len(tokens)
            and _gap(text, tokens, index) in (" ", "  ")
            and _is_title(text, tokens, index)
        ):
            stop = _name_end(text, tokens, index + 1)
            if stop > index + 1:
                yield tokens[index + 1][0], tokens[stop - 1][1] - _dot(text, tokens, stop)
                index = stop
                continue
        elif _first_part(word) in _ANY_GIVEN or word in _ANY_SURNAME or index == 0 or _initial(word):
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
    return not doubtful or following in _ANY_GIVEN | _ANY_SURNAME or len(following) == 1


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
            word in _TITLES
            or len(word) > 1
            and word in _WORDS
            and word not in _SURNAME_WORD | _GIVEN
            or word in _CREDENTIALS
            and word not in ("jr", "sr", "ii", "iii", "do", "ot", "pa", "rd")
        ):
            break
        if word in _THINGS or word in _CREDENTIALS and text[start:end].isupper() and stop > index:
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
    return tokens[stop][2] in _ANY_GIVEN and tokens[stop - 1][2] not in _ANY_GIVEN - _ANY_SURNAME


def _plain_name(text: str, tokens: list[Token], index: int) -> int:
    """Where a name without title that begins at `index` ends; 0 if none does."""
    stop = _name_end(text, tokens, index)
    words = [word for _, _, word in tokens[index:stop]]
    if not words:
        return 0
    start, end = tokens[index][0], tokens[stop - 1][1]
    context = _context(text, tokens, index)
    if _is_thing(text, words, end):
        return 0
    if context == "field" and _fits_field(text, words, start, end):
        return stop
    if len(words) == 1:
        return stop if _single(text, tokens, index, words[0], context) else 0
    listed_given = _first_part(words[0]) in _ANY_GIVEN or _initial(words[0])
    listed_surname = words[-1] in _ANY_SURNAME or _looks_surname(words[-1])
    comma = "," in text[tokens[index][1] : tokens[index + 1][0]]
    if comma:
        return stop if words[0] in _ANY_SURNAME and words[1] in _ANY_GIVEN and not _is_state(text, tokens, index) else 0
    credential = _credential(text, end)
    if context in ("role", "act") or credential or _AGE_AFTER.match(text, end):
        if (
            (listed_given or listed_surname)
            and words[0] not in _WORDS - _ANY_GIVEN
            or credential
            and len(words) <= 4
            and words[0] not in _WORDS
        ):
            return stop
    if _initial(words[0]):
        return (
            stop if listed_surname and _has_dot(text, tokens, index) and len(words[-1]) > 2 and words[-1] not in _EPONYMS else 0
        )
    if _first_part(words[0]) in _GIVEN and words[0] not in _WORDS:
        strong = (
            listed_surname
            or words[-1] not in _WORDS
            and len(words) == 2
            and words[-1] not in _EPONYMS
            and not _all_caps(text, start, end)
        )
        return stop if strong and not (words[-1] in _EPONYMS and words[-1] not in _SURNAME) else 0
    if words[0] in _GIVEN_WORD:
        return stop if words[-1] in _SURNAME and words[-1] not in _WORDS else 0
    if words[-1] in _SURNAME and words[-1] not in _EPONYMS and len(words) == 2 and words[0] not in _WORDS:
        return stop if _VERB_AFTER.match(text, end) and words[0] not in _SURNAME_WORD and _unusual(words[0]) else 0
    return 0


def _fits_field(text: str, words: list[str], start: int, end: int) -> bool:
    listed = any(word in _ANY_GIVEN or word in _ANY_SURNAME or _looks_surname(word) for word in words)
    if words[0] in _WORDS - _ANY_GIVEN - _ANY_SURNAME:
        return False
    if listed or _BARE_FIELD.search(text[max(0, start - 40) : start].lower()):
        return True
    return len(words) > 1 and (bool(_credential(text, end)) or text[end : end + 1] in ("", "\n", ",", ";", "(", "."))


def _unusual(word: str) -> bool:
    """No word that begins a sentence: those in front of a surname are adverbs and the like."""
    return not word.endswith(("ly", "ing", "ed", "s")) and len(word) > 2


def _looks_surname(word: str) -> bool:
    return (
        word.startswith(("o'", "mc", "mac", "d'"))
        and len(word) > 4
        or "-" in word
        and all(part in _ANY_SURNAME for part in word.split("-"))
    )


def _has_dot(text: str, tokens: list[Token], index: int) -> bool:
    return text[tokens[index][1] - 1] == "."


def _all_caps(text: str, start: int, end: int) -> bool:
    return text[start:end].isupper()


def _is_state(text: str, tokens: list[Token], index: int) -> bool:
    return text[tokens[index + 1][0] : tokens[index + 1][1]].isupper() and len(tokens[index + 1][2]) == 2


def _credential(text: str, end: int) -> bool:
    match = _CREDENTIAL_AFTER.match(text, end)
    if not match:
        return False
    credential = match[1].rstrip(".").lower()
    return credential in _CREDENTIALS - _SUFFIXES if match.group()[0] in ",(" else credential in _SURE_CREDENTIALS


def _is_thing(text: str, words: list[str], end: int) -> bool:
    """Parkinson's disease, Bell palsy, Marie Tooth: what follows, or the last words, says that it is no person."""
    if any(word in _THINGS for word in words[1:]):
        return True
    following = _NEXT_WORD.match(text, end)
    if not following:
        return False
    return not _THINGS.isdisjoint((following[1].lower(), (following[2] or "").lower()))


def _context(text: str, tokens: list[Token], index: int) -> str:
    """What stands before the token: field, act (signed by), role (his wife) or nothing."""
    start = tokens[index][0]
    if start == 0:
        return ""
    before = text[max(0, start - 48) : start].lower()
    last = before.rstrip()[-1:]
    if last in ":=#" and last:
        return "field" if _FIELD.search(before) else ""
    word = before.rstrip(' \t\n,(:"“/').rpartition(" ")[2]
    if word in _ACT_ENDS and _ACT.search(before):
        return "weak act" if _STRICT_ACT.search(before) else "act"
    return "role" if word in _ROLE_ENDS and _ROLE.search(before) else ""


def _single(text: str, tokens: list[Token], index: int, word: str, context: str) -> bool:
    """A given name or a surname that stands alone."""
    end = tokens[index][1]
    if word in _WORDS or len(word) < 2 or index and tokens[index - 1][2] in _PLACE_PREFIXES:
        return False
    if context == "role":
        return (
            word in _GIVEN
            or word in _GIVEN_WORD | _SURNAME
            and word not in _EPONYMS
            and not text[tokens[index][0] : end].isupper()
        )
    if context in ("act", "weak act"):
        before = text[max(0, tokens[index][0] - 12) : tokens[index][0]].rstrip(" :,").lower()
        others = (_SURNAME if before.endswith("patient") else _GIVEN_WORD | _SURNAME) - _EPONYMS
        return word in _GIVEN or word in others and not text[tokens[index][0] : end].isupper()
    if _credential(text, end):
        return word in _ANY_SURNAME
    if word in _GIVEN_WORD - _AUXILIARIES and _SPEAKS.match(text, end) and text[tokens[index][0] : end].istitle():
        return True
    if word in _GIVEN and not text[tokens[index][0] : end].isupper() and word not in _EPONYMS and word not in _SURNAME_WORD:
        return bool(_VERB_AFTER.match(text, end - (text[end - 1] == ".")))
    return False


def _lower(text: str) -> Iterator[Span]:
    """name: john smith; mr. jones"""
    for value in _LOWER_VALUE.finditer(text):
        match = _LOWER_NAME.match(text, value.end())
        if match and _LOWER_FIELD.search(text, max(0, value.start() - 14), value.start()):
            first, second, third = _bare(match[1]), _bare(match[3]), _bare(match[4] or "")
            if first in _ANY_GIVEN and second not in _WORDS - _ANY_SURNAME or first in _ANY_SURNAME and second in _ANY_GIVEN:
                yield Span(match.start(), match.end(4) if third in _ANY_SURNAME else match.end(3), "NAME")
    for match in _TITLED_LOWER.finditer(text) if any(title in text for title in _LOWER_TITLES) else ():
        if match[1] in _ANY_SURNAME or match[1] in _ANY_GIVEN:
            yield Span(match.start(1), match.end(1), "NAME")


def _again(text: str, known: set[str]) -> Iterator[Span]:
    """The other places of the parts of names, where neither a word nor an eponym of a thing."""
    for run in _RUN.finditer(text):
        tokens = _tokens(text, run)
        for start, end, word in tokens:
            written = text[start:end].rstrip(".")
            if written in known and not _is_thing(text, [word], start + len(written)):
                yield Span(start, start + len(written), "NAME")
