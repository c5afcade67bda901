"""Whether a document is a record of a patient, where every name counts, or a text about medicine, where hardly any stands."""

import re
from collections.abc import Sequence

from data_tools.corpus.phi.spans import Span

_EVIDENCE = frozenset(("ID", "BANK", "EMAIL", "MRN", "PHONE", "PLATE", "DATE", "NAME"))
_CHARACTERS = 600  # with at least one value, or one word of notes
# What texts about medicine seldom hold: an age with a sex, vital signs, the keys and short forms of notes.
_SIGNS = re.compile(
    r"[，,、 \u3000][男女][，,、 \u3000（(]|[0-9]{1,3} ?岁|(?:主诉|现病史|既往史?|查体|体格检查|家族史|初步诊断|诊断|意见"
    r"|所见|处理|医嘱|印象|处方) ?[:：]"
    r"|(?:门诊|记录|会诊|访视|报告单?)[ \n0-9]|血压 ?[0-9]{2,3}/|体温 ?3[0-9]|您好！现|邻床|[夜白]班|[0-9]床|交班|换药|拆线"
    r"|(?<![A-Za-z])(?:(?:BP|bp) ?:?[0-9]{2,3}[s/]|(?:HR|hr) ?:?[0-9]{2,3}(?![0-9])|[Tt](?:emp)? ?:?[0-9]{2,3}\.[0-9]"
    r"|[0-9]{1,3} ?(?:M|F"
    r"|y/?o)(?![A-Za-z])"
    r"|(?:c/o|s/p|h/o|f/u|d/c|w/o|y/o|hx|Hx|HX|pt|Pt|PT|dob|DOB|mrn|MRN|RN|rn|NPO|PRN|prn|BID|TID|QD|QHS|bid|tid|qd|qhs|CXR"
    r"|cxr|PICC|picc|NKDA|HEENT|NAD"
    r"|WNL|SVC|svc|nl|NL|tachy|brady|trop|trops)(?![A-Za-z])|(?i:(?:impression|findings|assessment|hpi|pmh|allergy"
    r"|allergies|meds|exam|technique"
    r"|attending|triage|compared with)"
    r" ?[:]?(?![a-z])))"
)


def is_record(text: str, found: Sequence[Span]) -> bool:
    """Values of two types and more, or of one and the words of notes, every few lines: what asks for no context likely holds."""
    values = [span.type for span in found if span.type in _EVIDENCE]
    if not values:
        return False
    if len(set(values)) >= 2 and len(values) * _CHARACTERS >= len(text):
        return True
    signs = {match.group() for match in _SIGNS.finditer(text, 0, 20 * _CHARACTERS)}
    return len(signs) >= 2 and len(signs) * _CHARACTERS >= len(text)
