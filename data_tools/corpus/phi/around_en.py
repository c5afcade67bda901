"""What stands before and behind an English name: fields, roles, acts; credentials, ages, verbs, and things named after it."""

import re
from typing import Literal

from data_tools.corpus.phi.known_en import CREDENTIALS, SUFFIXES, THINGS

_CREDENTIALS = CREDENTIALS - SUFFIXES
_SURE_CREDENTIALS = frozenset("md m.d rn r.n phd ph.d frcp mbbs frcs lcsw crna pharmd".split())
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
BARE_FIELD = re.compile(r"\bname\s{0,2}[:=]?[ \t]{0,12}$|signed by:?\s{0,2}$")
VERB_AFTER = re.compile(
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
SPEAKS = re.compile(r" (?:denies|denied|reports|reported|states|stated|presented|complains|complained|says|said|admits)\b")
_NEXT_WORD = re.compile(r"['’]?s?[ -]+(?:and |or )?([A-Za-z][A-Za-z'’-]*)(?:[ -]([A-Za-z]+))?")
_CREDENTIAL_AFTER = re.compile(
    r",? ?\(?(M\.?D\.?|D\.?O\.?|R\.?N\.?|Ph\.?D\.?|[A-Z][A-Za-z]{0,3}\.?[A-Z]{0,3}(?:-[A-Z]{1,4})?)(?![A-Za-z])"
)
AGE_AFTER = re.compile(
    r",? (?:is )?(?:an? |age |aged )?\(?[0-9]{1,3}[ -]?(?:y|M\b|F\b)|, (?:DOB|MRN|born|age)| ?\((?:DOB|MRN|M\b|F\b"
    r"|[0-9]{1,3}\b)| {1,3}(?:MRN|DOB|Date of Birth)"
)
Context = Literal["field", "act", "weak act", "role", ""]


def context_of(text: str, start: int) -> Context:
    """What stands before the word at `start`: field, act (signed by), role (his wife) or nothing."""
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


def has_credential(text: str, end: int) -> bool:
    match = _CREDENTIAL_AFTER.match(text, end)
    if not match:
        return False
    credential = match[1].rstrip(".").lower()
    return credential in _CREDENTIALS if match.group()[0] in ",(" else credential in _SURE_CREDENTIALS


def is_thing(text: str, words: list[str], end: int) -> bool:
    """Parkinson's disease, Bell palsy, Marie Tooth: what follows, or the last words, says that it is no person."""
    if any(word in THINGS for word in words[1:]):
        return True
    following = _NEXT_WORD.match(text, end)
    return following is not None and not THINGS.isdisjoint((following[1].lower(), (following[2] or "").lower()))
