"""English addresses."""

import re
from collections.abc import Iterator

from data_tools.corpus.phi import lists
from data_tools.corpus.phi.hospitals_en import HOUSE
from data_tools.corpus.phi.letter_case import AMERICAN_STATES
from data_tools.corpus.phi.spans import Span, joined

_STATES = [*AMERICAN_STATES, *"PR ON QC BC AB MB SK NS NB NSW VIC QLD".split()]
_STATE_NAMES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana"
    "|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota"
    "|Mississippi|Missouri|Montana|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota"
    "|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|South Carolina|South Dakota"
    "|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West Virginia|Wisconsin|Wyoming|Ontario|Quebec|British Columbia|Alberta"
)
_STATE = rf"(?:(?:{'|'.join(_STATES)})(?![A-Za-z])|{_STATE_NAMES}|{_STATE_NAMES.upper()})"
_WORD = r"(?:[A-Z][A-Za-z'’-]*|(?:St|Mt|Ft|Dr|[A-Z])\.|[0-9]{1,3}(?:st|nd|rd|th|ST|ND|RD|TH)|of|the)"
_SUFFIX = (
    r"(?:Street|St|Avenue|Ave|Av|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Place|Pl|Way|Terrace|Ter|Circle|Cir|Parkway"
    r"|Pkwy|Highway|Hwy|Square|Sq|Trail|Trl|Loop|Crescent|Cres|Close|Gardens|Grove|Mews|Row|Walk|Hill|Rise|View|Green"
    r"|Turnpike|Tpke|Pike|Alley|Plaza|Path|Run|Ridge|Crossing|Bend|Cove|Point|Heights|Park|Broadway|Route|Expressway|Causeway"
    r"|Branch|Estate|Wharf|Quay|Embankment)"
)
_SUFFIXES = rf"(?:{_SUFFIX}|{_SUFFIX.upper()})"
_UNIT = (
    r"(?:,? {0,2}(?:(?:Apt|APT|Apartment|Suite|SUITE|Ste|STE|Unit|UNIT|Flat|Room|Rm|Floor|Fl|Bldg|Building|Lot|Space|Trailer)"
    r"\.? ?#?|#|No\.|NO\.|no\.) ?[A-Za-z]?-?[0-9]{0,5}[A-Za-z]?(?![A-Za-z]))"
)
_POSTCODE = r"[A-Z]{1,2}[0-9][A-Z0-9]? {1,2}[0-9][A-Z]{2}(?![A-Za-z0-9])"
_ZIP = r"[0-9]{5}(?:-[0-9]{4})?(?![0-9-])"
_CITY = (
    r"(?:(?:St|Ft|Mt)\. )?[A-Z][A-Za-z'’-]*[a-z](?![A-Za-z])"
    r"(?: (?:[dl]['’][A-Z][a-z]+|[A-Z][A-Za-z'’-]+|upon|on|of|in|the|de|del|la|le|under)){0,4}"
)
_FIELDS = "Phone|Tel|Fax|DOB|MRN|Email|Patient"
_TOWN_AFTER = rf"(?!(?:{_FIELDS}|He|She|The|Her|His|Home|Cell|Mobile)\b){_CITY}"
_AFTER_STREET = (
    rf"(?:{_UNIT}){{0,2}}(?:(?:,? ?\n ?|,? {{1,2}})(?:{_TOWN_AFTER}),? {{0,2}}"
    rf"(?:(?:{_STATE}|[A-Z][a-z]+(?:shire|ex|folk|land|set)|[A-Z][a-z]+),? {{0,2}})?(?:\n ?)?(?:{_POSTCODE}|{_ZIP})"
    rf"|(?:,? ?\n ?|,? {{1,2}})(?!(?:{_FIELDS})\b){_CITY}, {{0,2}}{_STATE}"
    rf"|, {{0,2}}{_TOWN_AFTER}(?=[.,;\n)]|$)|,? {{1,2}}(?:{_POSTCODE}))"
    rf"?(?:,? (?:USA|U\.S\.A\.|United States|UK|United Kingdom|England|Scotland|Wales|Canada))?"
)
_STREET = re.compile(
    rf"[0-9](?<![0-9A-Za-z.,/-][0-9])[0-9]{{0,5}}[A-Za-z]?(?:-[0-9]{{1,4}})? {{1,2}}(?:(?:[NSEWnsew]|North|South|East|West|NE"
    rf"|NW|SE|SW|[NSEW]\.)\.? {{1,2}})?"
    rf"(?:{_WORD} {{1,2}}){{1,4}}?{_SUFFIXES}(?![A-Za-z])(?!\.? {_SUFFIXES}(?![A-Za-z]))\.?(?:(?:(?<=County Road)"
    rf"|(?<=COUNTY ROAD)|(?<=State Road)) [0-9]{{1,3}}(?![0-9]))?(?: (?:NE|NW|SE|SW|N|S|E|W|North|South|East"
    rf"|West)(?![A-Za-z]))"
    rf"?{_AFTER_STREET}"
    rf"|[0-9](?<![0-9A-Za-z.,/-][0-9])[0-9]{{0,5}} {{1,2}}(?:Broadway|(?:Highway|Hwy|Route|Rte|County Road|State Road|US"
    rf"|Rural Route|HIGHWAY|COUNTY ROAD)\.? [0-9]{{1,4}}|(?:El|La|Las|Los|Calle|Camino|Avenida|Paseo|Rue|EL"
    rf"|CALLE)(?: [A-Z][A-Za-z]+){{1,2}}"
    rf"|[A-Z][a-z]+(?:way|gate|side|field))(?![A-Za-z0-9]){_AFTER_STREET}"
)
_UK_FLAT = re.compile(r"(?:Flat|Apartment|Unit|Apt\.?|Suite) [0-9A-Za-z]{1,4},? $")
_HOUSE_NAME = re.compile(
    r"(?:The )?[A-Z][a-z]+ (?:Cottage|House|Lodge|Farm|Manor|Court|Vicarage|Rectory|Barn|Mill|Villa|Hall|Bungalow|Grange"
    r"|Mansions?)s?,? $"
    r"|(?:(?<=[Ll]ives )|(?<=[Aa]ddress: )|(?<=[Aa]ddress:)|(?<=[Aa]ddress:  ))[A-Z][a-z]+(?: [A-Z][a-z]+)?, $"
)
_BOX = re.compile(rf"P(?<![A-Za-z]P)\.? ?O\.? ?(?:Box|BOX) ?#?[0-9]{{1,6}}{_AFTER_STREET}")
_ZIP_ANCHOR = re.compile(r"[0-9](?<= [0-9])[0-9]{4}(?:-[0-9]{4})?(?![0-9-])")
_OTHER_ZIP = re.compile(r".*\b(?:ID[ ,]+(?!83)|MD[ ,]+(?!20[6-9]|21)|PA[ ,]+(?!1[5-9]))[0-9]{5}", re.S)  # Smith, ID 84556
_CITY_STATE_LEFT = re.compile(rf"(?:^|[^A-Za-z'’.-])({_CITY},? {{1,2}}{_STATE},? {{1,2}})$")
_POSTCODE_ALONE = re.compile(r"[A-Z](?<![A-Za-z0-9][A-Z])(?:[A-Z]?[0-9][A-Z0-9]?) {1,2}[0-9][ABD-HJLNP-UW-Z]{2}(?![A-Za-z0-9])")
_LIVES = re.compile(
    r"(?:\b(?:[Ll]ives?|[Ll]iving|[Rr]esid(?:es?|ing)|[Dd]omiciled|[Ss]taying|[Mm]oved|[Rr]elocated|[Bb]orn|[Rr]aised"
    r"|[Hh]ometown|[Hh]ome) (?:(?:alone|independently|together|with [a-z ]{3,25}|back|here|recently|and works?) )?(?:in|at|to"
    r"|from|of|is|near) "
    r"|\b(?:[Rr]esident|[Nn]ative) of |\b(?:[Aa]ddress|ADDRESS|[Cc]ity|CITY|[Tt]own|[Rr]esidence|[Pp]lace of [Bb]irth"
    r"|[Bb]irthplace|[Hh]ome [Aa]ddress|[Mm]ailing [Aa]ddress|[Ll]ocation)[ \t]*[:=]|\b(?:[Oo]riginally|[Tt]ravell?ed|[Cc]ame"
    r"|[Vv]isiting|[Hh]ails?) from ) {0,3}(?=[A-Z])"
)
_LIVES_HINTS = (
    "ive iving esid domicil stay moved locat born raised ome ative ddress DDRESS ity: ITY own: idence irth igin ravel came "
    "from visit hail"
).split()
_LIVES_ANCHOR = re.compile(
    "[A-Z](?:"
    + "|".join(f"(?<={word} [A-Z])" for word in (" in", " at", " to", "from", " of", " is", "near", ":", "=", ": "))
    + "|(?<=[:=][A-Z]))"
)
_CITY_VALUE = re.compile(rf"{_CITY}(?:, {{0,2}}{_STATE}(?: {{1,2}}{_ZIP})?)?")
_NOT_CITY = re.compile(
    r"(?:The|This|That|A|An|US|USA|United|America|Canada|Mexico|China|India|Africa|Asia|Europe|Home|Assisted|Nursing|January"
    r"|February|March|April|May|June|July|August|September|October|November|December|I|He|She|His|Her|Apt|Unknown|None|Same|Dr"
    r"|Mr|Mrs|Ms|"
    + _STATE_NAMES + (
        r"|Southeast|Northeast|Northern|Southern|Western|Eastern|Central|Latin|South|North|Vietnam|Philippines|Japan|Korea"
        r"|Germany|France|Italy|Spain|England|Ireland|Russia|Poland|Brazil|Puerto|Cuba|Haiti|Israel|Turkey|Iran|Iraq|Australia"
        r"|Egypt|Kenya|Nigeria|Pakistan|Finland|Sweden|Norway|Denmark|Greece|Sub|Middle|Monday|Tuesday"
        r"|Wednesday|Thursday|Friday|Saturday|Sunday)\b(?! [A-Z])"
    )
)  # fmt: skip


def find_addresses(text: str) -> list[Span]:
    """text: folded, with Latin letters in it."""
    return joined(_address_parts(text))


def _address_parts(text: str) -> Iterator[Span]:
    for match in _STREET.finditer(text):
        if not _is_clinical(match.group()) and not _NOT_TIME.search(text, max(0, match.start() - 3), match.start()):
            start = match.start()
            for before in (_UK_FLAT, _HOUSE_NAME):
                if left := before.search(text, max(0, start - 28), start):
                    start = left.start()
            yield Span(start, _end(text, match.end()), "ADDRESS")
    for match in _BOX.finditer(text):
        yield Span(match.start(), _end(text, match.end()), "ADDRESS")
    for match in _ZIP_ANCHOR.finditer(text):
        left = _CITY_STATE_LEFT.search(text, max(0, match.start() - 50), match.start())
        if left and not _OTHER_ZIP.match(text, left.start(1), match.end()):
            yield Span(left.start(1), match.end(), "ADDRESS")
    for match in _POSTCODE_ALONE.finditer(text):
        yield Span(match.start(), match.end(), "ADDRESS")
    for match in _LIVES_ANCHOR.finditer(text):
        start = match.start()
        around = text[max(0, start - 45) : start]
        if (
            any(hint in around for hint in _LIVES_HINTS)
            and any(match.end() == start for match in _LIVES.finditer(text, max(0, start - 45), start + 1))
            and not _NOT_CITY.match(text, start)
        ):
            value = _CITY_VALUE.match(text, start)
            if value and not HOUSE.search(text, value.start(), value.end() + 16):
                yield Span(value.start(), _end(text, value.end()), "ADDRESS")


def _end(text: str, end: int) -> int:
    while text[end - 1] in " .,\n":
        end -= 1
    return end


_NOT_TIME = re.compile(r"[0-9]{1,2}:$")
_CLINICAL = re.compile(
    r"\b(?:mg|ml|Mg|Ml|MG|[Pp]er|PER|[Ww][Rr]|[Gg]iven|GIVEN|BP|RR|HR|Dr [A-Z]|Days?|Weeks?|Years?|Patients?"
    r"|Point (?:Scale|Tender)|Hours?|Grade|Stage|Type|Phase|Step|Minute|Month"
    r"|Day)\b|\b(?:View|Point|Run|Green|Park|Hill|Close|Walk|Row|Path|Rise|Way|Place|Court|Branch)$"
)
_NEVER_STREET = re.compile(r"(?i:\b(?:mg|ml|mcg|per|wr|given|nocte|am|pm|where|which|when|with|for|and|who|was|bpm|tabs?)\b)")


def _is_clinical(value: str) -> bool:
    """5 Point Scale, 2 View: a number and two words that are no street."""
    words = value.split()
    if _NEVER_STREET.search(value):
        return True
    return bool(_CLINICAL.search(value)) and not (
        len(words) >= 3 and words[0].isdecimal() and words[1].istitle() and words[1] not in _COUNTED
    )


_COUNTED = frozenset(
    "Year Years Day Days Week Weeks Month Months Hour Hours Minute Minutes Point Points Patient Patients View Views Step "
    "Steps Phase Stage Grade Type Dr Mile Meter".split()
)


_TOWN = lists.any_of([town.replace("_", " ") for town in lists.words("cities_en", "town")])
_CITY_STATE = re.compile(rf"{_TOWN},[ \n]{{1,2}}(?:{'|'.join(_STATES)})(?![A-Za-z])(?:,?[ \n]{{1,2}}{_ZIP})?")
_CITY_ALONE = re.compile(
    rf"{_TOWN}(?![A-Za-z'’-])(?! (?:General|Hospital|County|Medical|Regional|Memorial|Children|University|Community))"
)
_CITY_CUE = re.compile(
    r"(?:\b(?:from|in|to|near|of|at home in|lives|outside|visiting) |[0-9][^\n]{3,30}(?:Road|Rd|Street|St|Lane|Avenue"
    r"|Ave|Terrace"
    r"|Hill|Close|Way|Gardens|Court|Place|Drive|Square|Row|Park"
    r"|Crescent|Grove|[a-z]way),?[ \n]{1,2})$"
)


# 26 Meadowbank, Swansea; Flat 24, 22 Ffordd y Parc, Bangor; Lane End Farm, Kirkgate, Hull: no word says street, the town does
_HOUSED = re.compile(
    r"(?:(?:Flat|Apt\.?|Unit|Apartment) [0-9A-Za-z]{1,4}, ?)?(?:[0-9]{1,4}[A-Za-z]?(?<![0-9]{5}) (?:[A-Z][A-Za-z'’]+|y"
    r"|yr|an|na)(?: (?:[A-Z][A-Za-z'’]+|y|yr|an|na)){0,3}"
    r"|(?:The )?(?:[A-Z][a-z'’]+ ){0,2}(?:Cottage|House|Lodge|Farm|Manor|Forge|Vicarage|Rectory|Barn|Mill|Villa|Hall"
    r"|Bungalow|Grange|Hillside)"
    r",[ \n](?:[A-Z][A-Za-z'’]+|y)(?: (?:[A-Z][A-Za-z'’]+|y)){0,3})"
)
_BEFORE_HOUSED = re.compile(
    r"(?:\b(?i:lives? at|residence ?:|at home,|address ?:|resides at|staying at|home address ?:|home ?:|of"
    r"|to visit [^\n]{3,14} at|at) "
    r"|(?:Hospital|Infirmary|Practice|Home|Surgery|Centre|Clinic)[,\n] ?|\n)$"
)
_AFTER_HOUSED = re.compile(
    rf"(?P<town>,?[ \n]{_TOWN}(?![A-Za-z])(?:-[a-z]+-[A-Z]?[a-z]+)?)?(?P<code>,?[ \n]{_POSTCODE})?(?P<end>, key safe)?"
)


def _housed(text: str) -> Iterator[Span]:
    for match in _HOUSED.finditer(text):
        after = _AFTER_HOUSED.match(text, match.end())
        sure = after and (after["town"] or after["code"])
        cued = _BEFORE_HOUSED.search(text, max(0, match.start() - 40), match.start())
        if after and cued and (sure or cued.group().lower() in ("at home, ", "lives at ", "residence: ", "address: ")):
            yield Span(match.start(), after.end("code" if after["code"] else "town") if sure else match.end(), "ADDRESS")


def find_record_addresses(text: str) -> Iterator[Span]:
    """Towns, text: folded, of a record."""
    yield from _housed(text)
    for match in _CITY_STATE.finditer(text):
        yield Span(match.start(), match.end(), "ADDRESS")
    for match in _CITY_ALONE.finditer(text):
        if not (match.start() and text[match.start() - 1].isalpha()) and _CITY_CUE.search(
            text, max(0, match.start() - 40), match.start()
        ):
            yield Span(match.start(), match.end(), "ADDRESS")


_BETWEEN = re.compile(r"(?:[ ,.\n]{1,3}|,? (?:[Nn]o|NO|[Aa]pt|APT)\.? ?[0-9]{1,4}[A-Za-z]?,?[ \n])")


def as_one(text: str, found: list[Span]) -> list[Span]:
    """Addresses with next to nothing between them are one."""
    return joined(found, lambda end, start: bool(_BETWEEN.fullmatch(text, end, start)))
