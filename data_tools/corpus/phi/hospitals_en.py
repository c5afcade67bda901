"""English hospitals, practices and homes."""

import re
from collections.abc import Iterator

from data_tools.corpus.phi import lists
from data_tools.corpus.phi.spans import Span

_HOUSES = (
    r"Hospitals?|Medical (?:Center|Centre|Group|Practice|Associates|Clinic|Arts|Campus)|Clinics?|Health (?:Center|Centre"
    r"|System|Systems|Network|Clinic|Care)|Healthcare|Infirmary|Hospice|Nursing (?:Home|Center|Facility)|Surgery Center"
    r"|Surgical Center"
    r"|Cancer (?:Center|Centre|Institute)|Care (?:Center|Centre|Home)|Rehabilitation (?:Center|Hospital|Institute|Centre)"
    r"|Rehab Center|Heart (?:Center|Institute)|Imaging Center|Sanatorium|Eye (?:Center|Institute)|Family (?:Medicine|Practice"
    r"|Physicians|Health)|Urgent Care|Birth Center|Wellness Center|NHS (?:Foundation )?Trust"
    r"|Pediatric Associates|Orthopa?edics? (?:Associates|Group)|Dialysis Center|Surgery|HOSPITALS?|MEDICAL CENT(?:ER|RE)"
    r"|CLINICS?|HEALTH (?:CENTER|SYSTEM)|INFIRMARY|General"
)
_RECORD_HOUSES = (
    r"Hospice (?:House|Home|Center)|Assisted Living|Nursing (?:and|&) Rehab(?:ilitation)?(?: Center| Centre)?"
    r"|Skilled Nursing(?: Facility)?|Residential (?:Home|Care)|Primary Care|Physical Therapy|Medical (?:Offices|Plaza|Pavilion)"
    r"|Rehab|Home Health|Dialysis|Senior Living|Memory Care|Retirement (?:Home|Community|Village)"
    r"|Convalescent (?:Home|Hospital|Center)|Women's (?:Clinic|Health|Center|Hospital)|Practice|(?:Dental|Eye|Heart"
    r"|Kidney|Cancer|Cardiology|Medical|Radiology|Foot) "
    r"(?:Associates|Practice|Care|Group|Center|Partners|Specialists)|Orthopa?edics|Dermatology|Podiatry|Dentistry"
    r"|Eye Care|Family Doctors|Infirmary"
)
_MORE_HOUSES = (
    r"(?:Behaviou?ral|Mental|Community|Family) Health|Memorial|Diagnostics(?: [A-Z][a-z]+){0,2} Lab(?:oratory|oratories|s)?"
    r"|Diagnostics|Presbyterian|Treatment Center|Recovery Center"
    r"|Oncology|Pediatrics|Physicians|Specialists|Medical Associates|Detox|Children's|Regional|Walk-in Centre|Samaritan"
    r"|Sacred Heart|Infirmary|Polyclinic"
)
HOUSE = re.compile(rf"(?:{_HOUSES})(?![A-Za-z-])")
_GOES_ON = r"(?: (?:Center|Centre|Clinic|Hospital|House|Home|Institute|Group|Associates|Network|System|Campus))?"
_RECORD_HOUSE = re.compile(
    rf"(?<![^ ])(?=[A-Z])(?:{_RECORD_HOUSES}|{_HOUSES}|{_MORE_HOUSES}){_GOES_ON}(?:-[A-Z][A-Za-z]+)?(?![A-Za-z-])"
)
_NAME_LEFT = re.compile(
    r"(?:(?:St|Mt|Ft|Dr)\. |[A-Z][A-Za-z'’&-]* |"
    r"(?<=University )of |(?<=College )of |(?<=Hospital )of |(?<=Infirmary )of |(?<=Sisters )of |(?<=Church )of "
    r"|(?<=Friends )of |(?<=Lady )of |(?<=Isle )of |(?<=House )of |(?<=School )of |of (?=the )|the (?=[A-Z])|(?:and|&"
    r"|for|de|del|la) "
    r"(?=[A-Z])|[0-9]{1,3}(?:st|nd|rd|th) )*$"
)
_GENERIC_WORDS = frozenset(
    "radiation medical gyn gynecologic surgical infectious admission admitting covering on-call consulting call "
    "the a an our this that local general hospital hospitals community regional county city state children childrens "
    "children's women womens women's men's memorial university medical health center centre care clinic clinics outpatient "
    "inpatient primary urgent emergency "
    "emergency pain memory diabetes diabetic wound fertility sleep heart cancer eye ear surgery surgical dental pediatric "
    "paediatric oncology cardiology neurology dermatology orthopedic orthopaedic psychiatric psychiatry mental behavioral "
    "rehabilitation rehab family "
    "day teaching tertiary referral acute long term skilled nursing home hospice specialist specialty private public veterans "
    "military army base mobile field another other outside nearest no any all each your his her their my district national "
    "free walk-in "
    "student employee occupational travel std hiv prenatal antenatal postnatal maternity obstetric gynecology breast foot "
    "hand spine stroke asthma allergy headache anticoagulation coumadin warfarin lipid weight obesity liver kidney renal "
    "transplant dialysis infusion "
    "imaging discharge admit admitted transferred transfer to from at in of and for with by patient via per see call dr since "
    "when where if before after during follow follow-up followup american board certified academic major large small rural "
    "urban research center's "
    "reason course date name number stay service physician attending present past prior previous brief current post pre "
    "department dept unit room ward location facility referring admitting primary final summary record history report note "
    "intensive critical comprehensive advanced new old good us u.s. united states federal "
    "dx hx rx tx sx physical therapy internal sports vision hearing speech voice swallow balance fall falls movement "
    "disorders disorder genetics genetic hemophilia thalassemia cystic fibrosis muscular dystrophy epilepsy seizure vascular "
    "perform undergo elective dnr failure chest fracture respiratory medicine gastroenterology rheumatology endocrinology "
    "nephrology hematology haematology "
    "urology ophthalmology paediatrics pediatrics palliative elderly frailty tissue viability colorectal thoracic plastic "
    "ortho uro "
    "vein cord injury burn trauma poison control blood bone marrow".split()
)
_AFTER_HOUSE = re.compile(
    r" (?:of|at|for) (?:the )?[A-Z][A-Za-z'’-]+(?: (?:of )?(?!These|This|The|He|She|In|On|For|And|It|Phone|Tel)[A-Z][A-Za-z'’"
    r"-]+){0,2}(?: Hospital| Clinic| Campus)?| (?:Campus"
    r"|Trust|NHS Trust|NHS Foundation Trust|Foundation Trust|& Clinics|and Clinics)"
)
_OF_WHAT = re.compile(
    r" (?:of|at|for) (?:the )?(?:January|February|March|April|May|June|July|August|September|October|November|December|Mr|Mrs"
    r"|Ms|Dr|Medicine|Disease|Cancer|Health|Rehabilitation|Pain|Follow|Children|Women|ID|Date|Sick|Mental|Stay|Day)"
)
_KNOWN_NAMES = (
    r"Mayo Clinic|Cleveland Clinic|Johns? Hopkins(?: (?:Hospital|Medicine|Bayview))?|Mass(?:achusetts)? General(?: "
    r"Hospital)?|Kaiser Permanente|Cedars-Sinai|Mount Sinai|Mt\.? Sinai|Beth Israel(?: Deaconess)?|Brigham (?:and|&) Women's"
    r"|Sloan[- ]Kettering|MD Anderson|Dana[- ]Farber|MGH|UCSF|UCLA Medical Center|NYU Langone"
)
_RECORD_NAMES = (
    r"(?:(?:(?<=at )|(?<=to )|(?<=from )|(?<=@ )|(?<=From: )|(?<=To: ))(?:Mercy|Trinity)|Providence|Ascension|CHI|SSM"
    r"|Dignity|Adventist|CommonSpirit|PeaceHealth|Bon Secours|Franciscan"
    r"|Our Lady of)"
    r" (?:St\.? )?[A-Z][a-z]+(?: (?!Medical|Hospital|Health|Regional)[A-Z][a-z]+)?(?: Hospital| Medical Center)?"
    r"|VA (?!Hospital|Clinic|Medical|Patient|Benefits|Disability|Date|Lower|Upper)[A-Z][a-z]+(?: [A-Z][a-z]+)?(?: VAMC)?"
    r"|Hopkins|Bellevue Hospital|BIDMC|UPMC(?: (?:Presby|Shadyside|Mercy"
    r"|Magee))?|Presby|Good Sam(?:aritan)?|Dartmouth-Hitchcock|Methodist (?:Dallas|Houston"
    r"|Hospital)|Kaiser (?:[A-Z][a-z]+)|Barnes-Jewish|Vanderbilt|Duke Regional|Emory(?: Midtown)?|Geisinger|Intermountain"
    r"|Banner Health|Montefiore"
    r"|Maimonides|Lenox Hill|Weill Cornell|Columbia Presbyterian|Penn Presbyterian|Jefferson Health|Tufts Medical|Lahey"
    r"|Baystate|Yale New Haven"
    r"|Rush University|Northwestern Memorial|Cook County|Parkland|Ben Taub|Grady|Jackson Memorial|Scripps|Cedars"
    r"|Stanford Health|Zuckerberg"
    r"|Harborview|Swedish|Providence|Legacy Emanuel|OHSU|UAB|MUSC|LSU Health|Ochsner|Tulane Medical|Barts|Addenbrooke's"
    r"|John Radcliffe|Ninewells"
    r"|Raigmore|Papworth|Southmead|Derriford|Jimmy's|Guy's|Moorfields|Alder Hey|Clatterbridge|Wythenshawe|Hallamshire"
    r"|Harefield|Whittington"
    r"|Homerton|Northwick Park|Charing Cross|Hammersmith|Broadgreen|Walsgrave|Frenchay|Great Ormond Street|UCLH|GOSH|QMC"
    r"|Frimley Park|Stepping Hill|Morriston|Wexham Park|Maudsley"
)
_AFTER_KNOWN = r"(?: Hospital| Medical Center| Cancer Center| Health)?(?![A-Za-z])"
_KNOWN_HOUSE = re.compile(rf"(?:{_KNOWN_NAMES}){_AFTER_KNOWN}")
_RECORD_KNOWN = re.compile(rf"\b(?:(?i:{_KNOWN_NAMES})|{_RECORD_NAMES}){_AFTER_KNOWN}")


def find_hospitals(text: str, record: bool = False) -> Iterator[Span]:
    """text: folded, with Latin letters in it; record: homes, practices and short names, too."""
    for match in (_RECORD_KNOWN if record else _KNOWN_HOUSE).finditer(text):
        if not (match.start() and text[match.start() - 1].isalnum()):
            yield Span(match.start(), match.end(), "HOSPITAL")
    for match in (_RECORD_HOUSE if record else HOUSE).finditer(text):
        start, end = match.span()
        if start and text[start - 1] != " ":
            continue
        left = _NAME_LEFT.search(text, max(0, start - 60), start)
        begin = _own_name(text, left.start() if left else start, start)
        after = _AFTER_HOUSE.match(text, end)
        if after and _OF_WHAT.match(text, end):
            after = None
        if match.group() == "General" and (
            after or begin == start or text[begin:start].split()[-1] not in ("Mass", "Boston", "County", "Memorial", "Mercy")
        ):
            continue
        if match.group() == "Surgery" and not _AT.search(text, max(0, begin - 22), begin):
            continue
        own = [word for word in text[begin:start].split() if word.lower().rstrip(".") not in _GENERIC_WORDS]
        if own or after and after.group().startswith((" of", " at")) and match.group()[:8] in ("Hospital", "HOSPITAL"):
            town = None if after else _TOWN_BEHIND.match(text, end)
            yield Span(begin, (after or town or match).end(), "HOSPITAL")


_TOWN_BEHIND = re.compile(  # Queen Elizabeth Hospital Birmingham
    rf"(?<=Hospital) {lists.any_of([town.replace('_', ' ') for town in lists.words('cities_en', 'town')])}(?![A-Za-z])"
)
_AT = re.compile(r"\b(?:at|from|to|with|GP|practice)[,:]? (?:the )?$")
_LEADING = re.compile(
    r"(?:Regd|Registered|Clinic|Ward|Re|Cc|Dear|The|At|To|From|In|Of|And|And the|Per|Arr|By|With|Via|Our|This"
    r"|Admit(?:ted)?(?: to)?|Transfer(?:red)?(?: (?:to"
    r"|from))?|Discharged?(?: "
    r"from)?|Seen at|Dr\.?|Name|Facility|Location|Patient|Attending|of|and|for|the|New Patient|Follow-up|PCP|Emergency"
    r"|Department|[A-Z]{2,}) "
)


def _own_name(text: str, begin: int, house: int) -> int:
    """Without the words before the name that a sentence or a field begins with."""
    cut = max(text.rfind(" The ", begin, house) + 5, text.rfind(" In ", begin, house) + 4, text.rfind(" For ", begin, house) + 5)
    begin = max(begin, cut) if cut > 5 else begin
    while begin < house and (match := _LEADING.match(text, begin, house)):
        if (
            match.group().strip().isupper()
            and text[begin:house].strip().isupper()
            and match.group().strip() not in ("AT", "TO", "FROM", "THE")
        ):
            break
        begin = match.end()
    return begin


# What is a house or a place in a record of a patient, and would be much else in other texts.
_SAINT = re.compile(
    r"St(?<![A-Za-z]St)\.? [A-Z][a-z]+['’]s(?![A-Za-z])(?! (?:Street|St|Road|Rd|Avenue|Ave|Lane|Church|School|Court|Place|Way))"
    r"(?: (?:Hospital|Medical Center|Hospice|Health Center))?"
)
_CENTER_OF = re.compile(
    r"(?:Family|Community|Women's|Children's|Rural|Neighborhood) (?:Health|Medical|Care) (?:Center|Centre"
    r"|Clinic) of (?:the )?[A-Z][a-z]+(?: [A-Z][a-z]+)?"
)
_NICKNAME = re.compile(
    r"(?<=[Tt]he )(?:Brigham|RVI|Royal (?:Free|London|Marsden|Brompton|Infirmary|Liverpool|Surrey)|Christie|Marsden|QE"
    r"|Western General"
    r"|Royal|JR|Infirmary|Freeman|Mayo|Clinic)(?![A-Za-z' ]+(?:Clinic|Hospital))(?![A-Za-z])"
)
_SEEN_AT = re.compile(
    r"(?:workup at|airway at|followed at|records requested from|care at|summary|admitted to|seen at|transferred from"
    r"|visited|treated at) ?$",
    re.I,
)
_SOLE_NAME = re.compile(
    r"(?:the )?(?:Bellevue|Hopkins|Stanford|Mayo|Emory|Duke|Yale|Vanderbilt|Rush|Sinai|Mercy|Providence|Methodist|Baptist)"
    r"(?: (?!Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[A-Z][a-z]+)?(?![A-Za-z])"
)
_HOME = re.compile(
    r"(?:The )?(?:[A-Z][A-Za-z'’]+ ){1,3}(?:Manor|Surgery|House|Lodge|Gardens|Court|Terrace|Village|Place|Living"
    r"|Hospice)(?![A-Za-z])(?! (?:Road|Street|Ave))"
)
_HOME_CUE = re.compile(
    r"(?:nurse:? [^\n]{2,30}, |hospice ?: ?|resident of |discharged to |d/c to |from [^\n]{2,30}, |disposition ?:\s{1,3})$", re.I
)
_NO_SURGERY = re.compile(
    r"(?:General|Cardiac|Vascular|Plastic|Thoracic|Orthopa?edic|Oral|Neuro|Colorectal|Breast|Spine|Day|Trauma"
    r"|Cardiothoracic|Pediatric|Paediatric|The|Hand"
    r"|Bariatric|Transplant) Surgery$"
)


# What the name begins with says that it is a hospital: Ysbyty Gwynedd, Royal Brompton, Shriners Children's, The Elms Surgery.
_HEAD_FIRST = re.compile(
    r"(?<![A-Za-z])(?:(?:Ysbyty|Klinikum|Klinik|Hôpital|Hopital|Ospedale|Policlinico|Clínica|Clinica"
    r"|Centro Médico)(?: (?:de|del|la|di))?(?: [A-Z][a-z]+){1,2}"
    r"|Royal (?!College|Mail|Navy|Air|Family|Jelly|Blue|Road|Street|Avenue|Oak|Court|Crescent)[A-Z][a-z]+(?= |[,.;:)\n]"
    r"|$)(?: (?:Hospital|Infirmary))?"
    r"|Shriners(?: (?:Children's|Hospitals?))?(?: for Children)?"
    r"|(?:The )?(?:[A-Z][a-z'’]+ ){1,2}(?<!Cardiac )(?<!General )(?<!Plastic )(?<!Vascular )(?<!Day )(?<!Oral )"
    r"(?<!Hand )(?<!Spine )"
    r"Surgery(?=[,.;)\n]| \(|  |$| on| reveal| to visit| within| given| \u2013| -)|(?<=given at )The [A-Z][a-z]+ Surgery)"
)
_NO_SURGEON = re.compile(
    r"(?:Surgery|General|Cardiac|Vascular|Plastic|Thoracic|Orthopa?edic|Oral|Neuro|Colorectal|Breast|Spine|Day|Trauma"
    r"|Laser|Robotic|Major|Minor"
    r"|Cardiothoracic|Pediatric|Paediatric|Hand|Bariatric|Transplant|Head|Neck|Eye|Knee|Hip|Heart|Open|Bypass|Elective"
    r"|Emergency|Prior|Past|Previous|No) "
)


def find_record_hospitals(text: str) -> Iterator[Span]:
    """text: folded, of a record."""
    for match in _HEAD_FIRST.finditer(text):
        if not (match.group().endswith("Surgery") and _NO_SURGEON.search(match.group())):
            yield Span(match.start(), match.end(), "HOSPITAL")
    for pattern in (_SAINT, _CENTER_OF, _NICKNAME):
        yield from (Span(match.start(), match.end(), "HOSPITAL") for match in pattern.finditer(text))
    for match in _SOLE_NAME.finditer(text):
        if _SEEN_AT.search(text, max(0, match.start() - 24), match.start()):
            start = match.start() + 4 * match.group().startswith("the ")
            yield Span(start, match.end(), "HOSPITAL")
    for match in _HOME.finditer(text):
        cue = _HOME_CUE.search(text, max(0, match.start() - 44), match.start())
        if cue and not _NO_SURGERY.search(match.group()):
            yield Span(match.start(), match.end(), "HOSPITAL")
