"""Initials of who signs a note in English."""

import re
from collections.abc import Iterator

from data_tools.corpus.phi.spans import Span

_INITIALS = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2,3}(?=,? (?:PGY|pgy|FY|fy)-?[1-7]\b)"
    r"|(?:[Ii]nitials?|INITIALS?)[: ]{1,3}([A-Z]{2,3})\b"
)
_SIGNED_INITIALS = re.compile(  # OK by DC; TN/OT below a note; KA, CNM; J.K. is a
    r"(?:\b(?:[Bb]y|BY|per) )([A-Z]{2})(?=[.;]?(?:\n|$))|(?:^|\n)([A-Z]{2,3})/([A-Z]{2,3})(?=\n|$)"
    r"|(?<![A-Za-z0-9])([A-Z]{2,3})(?=, (?:RN|CNM|NP|PA-C|LCSW|LPN|CNA|RRT|PT|OT|PharmD|MD|DO)\b)"
    r"|\| ([A-Z]{2})(?= ?(?:\n|$))|(?<=[0-9A-Za-z]\. )([A-Z]{2})(?=,? ?(?:CSPI\b|\n|$))|(?:DISP|Disp|disp) ([A-Z]{2})(?= #)"
    r"|(?:, (?:RT|LT|RA|LA|RD|LD), )([A-Z]{2})(?= ?(?:\n|$))|(?<![A-Za-z0-9.])([A-Z]\.[A-Z]\.)(?= (?:is|was|has"
    r"|presented|reports|denies)\b| ?\([0-9])"
)
_INITIALS_COLUMN = re.compile(r"(?:Initials?|INITIALS?|initials?|Init|Sig|Signed)\.?[ |]*$")
_NO_INITIALS = frozenset("PT OT ST RN MD IV PO IM ED ER CT MR US OR AM PM NP PA EMS ICU CBC BMP OK".split())


def find_initials(text: str) -> Iterator[Span]:
    """Of who signs: before a year of training, and in a table's column of that name."""
    for match in _INITIALS.finditer(text):
        yield Span(*match.span(1 if match[1] else 0), "NAME")
    for match in _SIGNED_INITIALS.finditer(text):
        found = (group for group in range(1, 10) if match[group] and match[group] not in _NO_INITIALS)
        yield from (Span(*match.span(group), "NAME") for group in found)
    if "|" not in text or not re.search("[Ii]nit|INIT", text):
        return
    place, column = 0, 0
    for line in text.split("\n"):
        cells = line.split("|")
        last = cells[-1].strip()
        if len(cells) > 1 and _INITIALS_COLUMN.search(last):
            column = len(cells)
        elif len(cells) == column and last.isalpha() and len(last) in (2, 3):
            begin = place + line.rindex(last)
            yield Span(begin, begin + len(last), "NAME")
        place += len(line) + 1
