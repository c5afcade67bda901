"""What stands before and behind a name in an English note: roles, acts, verbs, credentials; places and scores, which are none."""

import re

TITLE = r"\b(?:dr|mr|mrs|ms|miss|mx|prof|professor|nurse|sister|sr|rev|father|judge|officer|sgt|capt|master)\.? ?"
ROLES = (
    r"anes|anaes|asst|rp|disp|cardholder|payee|account holder|card holder|vaccinator|tvn|ride|claimant|wife|husband"
    r"|spouse|son|daughter|mother|father|brother|sister|mom|dad|mum|aunt|uncle|cousins?|niece|nephew"
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
CLOSE = re.compile(  # a person follows whatever the word is
    rf"(?:{TITLE}|\b(?:{ROLES})(?:'s name)?(?: \([a-z ]{{1,16}}\))?[:,]?\s{{0,2}}|\b(?:by|w|w/|d/w|per|c/o|h/o to|out to"
    rf"|back to|agreed w|under"
    rf"|spoke (?:to|with)|discussed with|talked (?:to|with)|routed to|returned to|released to|refunded to|copy to|authorize"
    rf"|excuse"
    rf"|approved by|page|paged|call|phoned|texted|notified|told|asked|informed|updated|to see|ask for|believes|verified"
    rf"|labell?ed \""
    rf"|goes by \"|known as) ?|\([\"“])$"
)
SELDOM = frozenset(
    "day pain hand may will long best case page low back fall short small old new man child order held rash self line so a"
    "n as do to"
    " cord stone read close foot clear may in on at weeks gross us church park street hall rice field love rose".split()
)
LOOSE = re.compile(
    r"(?:(?<= )- |\b(?:with|from|to|and|or|for|by|per|see|via|than|on call:?|handoff|bed \w+:|rm \w+:|room \w+:"
    r"|bay \w+:)\s{1,2}"
    r"|[;.,] {1,2}|/ ?|\| ?|^|\n|: {0,3})$"
)
WITH = re.compile(r"\b(?:with|from|to|and|&) $")
MONTHS = frozenset("april may june august summer winter spring christmas".split())
PLACE_BEFORE = re.compile(r"\b(?:in|at|near|around|into|outside|(?:travel(?:l?ed)?|trip|flew|moved|back) (?:to|from))\s$")
PERSON_AFTER = re.compile(
    r"(?:'s?)? (?:asked|disagreed|agreed|agrees|denies|denied|reports?|reported|states?|stated|says?|said|presents"
    r"|presented|complains"
    r"|remains|resting|understands|notified|updated|informed|aware|at bedside|was |is (?:a|an|the|here|now|doing|aware"
    r"|agreeable)\b"
    r"|has |had |will |would |lives|works|took|takes|came|went|called|calls|returned|verbali[sz]ed|wants|requests?"
    r"|declined|refused|tolerated|underwent|saw|examined|recommends|recs\b|to (?:see|follow|call)|also|[a-z]{2,}ed\b|cut "
    r"|favors?|agree|bleep|bleeped|attending\b|going|goes|taking|rang\b|wants|rounding|at bedside|on call|covering"
    r"|rounding|spoke|text(?:ed|s)|wrote|dictat|sign"
    r"|left |gave |drove |held |met |made |put )"
    r"|[\"”]? preferred\b|'s (?:wife|husband|son|daughter|mother|father|family|brother|sister|office|house|surgery|team"
    r"|clinic|notes?|recommendations?|partner|mood|questions|mom|dad|room|chart|pain|care"
    r"|parents|recs"
    r"|request|concerns?|symptoms|insurance)\b"
    r"|,? (?:\()?(?:m\.?d|d\.?o|r\.?n|np|pa-c|pa|phd|lcsw|msw|pharmd|cnm|crna|fy[12]|pgy-?[0-9]|st[1-8]|ct[12]|wocn|pmhnp"
    r"|rph|lpn|dpm|cgc|ot|pt|slp|emt)\b"
    r"|,? ?\(?(?:\+?[0-9][0-9 ().-]{6,}|pager|ext|tel|cell|phone|mrn|d\.?o\.?b|PIN)|,? [0-9]{1,3}(?: ?[mf]\b| ?y\b| ?yo)"
    r"| [0-9]{1,4}[/.-][0-9]{1,2}[/.-][0-9]| \(| \|| - |\s*$|\n|\s{2,}[A-Z]",
    re.I,
)
SIGNATURE = re.compile(r"(?:[.;)]\s{1,3}|\n ?|^)$")
LAST = re.compile(r"\s*(?:\n(?![0-9])|$)")
SIGNED = re.compile(r"(?: ?/ ?[A-Z][A-Za-z.' -]*)*\s*(?:\n|$)")
SURE_AFTER = re.compile(
    r" (?:asked|disagreed|denies|denied|states?|reports?|remains|resting|understands|has (?:been|had|a|advance)|notified)\b"
)
SCORE = re.compile(
    r"\s[0-9]{1,3}(?:/[0-9]{1,2})?(?:[.,;]|\s|$)(?! ?(?:[MFmf]|y/?o)\b)(?<!/[0-9] )(?<!/[0-9][0-9] )(?! ?\(?[0-9]{3})"
)
PLACE_AFTER = re.compile(
    r" (?:St|Street|Ave|Avenue|Road|Rd|Drive|Lane|Ln|Blvd|Boulevard|Court|Ct|Way|Hospital|Clinic|Center|Centre|Medical(?! rec)"
    r"|County|Regional"
    r"|Memorial|Surgery|Health|House|University|Manor|Nursing|Care|Rehab|Infirmary|General|Urgent|Family|Women's"
    r"|Children's|Parish"
    r"|Primary|Physical|Hill|Creek|Ridge|Grove|Oaks|Hospice|Terrace|Community|Presby|Deaconess|Cancer|Institute)\b", re.I
)  # fmt: skip
