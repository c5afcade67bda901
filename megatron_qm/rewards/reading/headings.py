"""What stands at the head of a line or of a list, and reaches over what follows: `Excluded:`, `既往史：`, `Differential`."""

import re
from collections.abc import Sequence

from megatron_qm.rewards.reading.cues import Words
from megatron_qm.rewards.reading.lexicon import first, lower, words
from megatron_qm.rewards.reading.spans import Span, Stance

_LONGEST = 40
_HEADING = re.compile(r"\s*(?:[-*•]\s)?(?P<name>[^,.;:()\n]{1,40})(?:\([^()\n]{1,40}\)\s?)?:")
_REFUSES = re.compile(rf"\W*{first('refuses_all')}")
_WITHHOLDS_LIST = re.compile(rf"\W*{first('withholds_list')}\W*")
_ELSEWHERE = Words("elsewhere")
_NO_HEADING = Words("no_heading")
_EXPLAINS = re.compile(words("explaining_heading"))
_LABEL = re.compile(r"\W*(?P<name>(?:[^,.;:()\n】]|\.(?=\d)){1,40})(?:\([^()\n]{1,40}\)\s?)?[:】]")
ITEM = re.compile(r"\s*(?:[-*•·]|\(?\d{1,2}[.)、]|\([a-h]\)(?=\s))\s?")
_ASIDE = Words("aside_key", "aside_heading")
_ASIDE_LAST = re.compile(rf"(?:{words('aside_key')}|{words('aside_heading')})\W*$")
_ANSWERS = Words("answering_key")
_SUPPOSED = Words("supposed")
_DENYING = ("denies_forward", "denies_backward", "behind_denies", "denying_heading")
_DENIES = tuple(re.compile(words(category)) for category in _DENYING)


def heading(line: str, *, alone: bool) -> Stance | None:
    """How a heading at the beginning of a line stands to what follows it; None where there is none, or it says nothing. alone:
    the line names nothing, so that a short one is a heading without a colon too."""
    match = _HEADING.match(line)
    name = lower(match["name"].replace("_", " ") if match else line if alone and len(line) <= _LONGEST else "")
    if not name:
        return None
    if _ELSEWHERE.search(name):
        return Stance.ELSEWHERE
    if _WITHHOLDS_LIST.fullmatch(name):
        return Stance.DENIED
    if _NO_HEADING.search(name):
        return None
    if any(denies.search(name) for denies in _DENIES):
        return Stance.DENIED
    if _SUPPOSED.search(name):
        return Stance.SUPPOSED
    return Stance.DISCUSSED if _EXPLAINS.fullmatch(name.strip(" -*•#")) else None


def denies_its_own(line: str, names: Sequence[Span]) -> bool:
    """Of a line whose heading denies, whether that is a clause which denies its own object, and its colon leads to a reason: `No
    X-ray and no MRI: there are no red flags`. names: of the sentence that it begins."""
    match = _HEADING.match(line)
    if match is None:
        return False
    if names:
        return names[0].start < match.end()
    return _REFUSES.match(lower(line), 0, match.end("name")) is not None and match.end() < len(line.rstrip())


def discussing(line: str, *, alone: bool) -> bool | None:
    """Whether the heading at the beginning of a line, in lower case, is one of a discussion; None where there is no heading. A
    heading's last word says what it is: `检查注意事项`."""
    match = _LABEL.match(line)
    name = match["name"] if match else line if alone and len(line) <= _LONGEST and not ITEM.match(line) else ""
    if not name.strip():
        return None
    if ITEM.match(line):
        return True if _ASIDE.search(name) else None
    return _ASIDE.search(name) is not None and (_ASIDE_LAST.search(name) is not None or not _ANSWERS.search(name))


def is_short(clause: str) -> bool:
    """Whether a clause may be a heading within its sentence."""
    return len(clause) <= _LONGEST and len(clause.split()) <= 3 and not _NO_HEADING.search(clause)
