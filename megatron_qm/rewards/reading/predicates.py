"""What a sentence says about a name that is its subject: a name is an answer by that only if it is recommended or confirmed.

Words that deny are a closed list, and what can be said against a drug, a test or a diagnosis is not ("is overused", "would be too
weak", "was declined"). So it is the other way round: a finite verb behind a name makes it a subject, and only the predicates of a
closed list (`recommended`) leave it an answer. Sentences are in lower case.
"""

import re
from collections.abc import Sequence

from megatron_qm.rewards.reading.lexicon import either, first, words
from megatron_qm.rewards.reading.spans import Span

DOSE = rf"\s\d[\d.,]*\s?{either('unit_of_dose', 'en')}(?:\s{either('schedule')}\b){{0,3}}"
_BETWEEN = re.compile(rf"(?:{DOSE})?\s*(?:\([^()]{{0,60}}\)\s*)?(?:{either('of_a_name')}\s*){{0,2}}")
_JOINT = re.compile(r"\s*(?:,|/|、|\band\b|\bor\b|和|与|及|或)+\s*")
_VERB = re.compile(first("verb"))
# `X, tempting as it is, stays ...`, `X, which she wants, isn't ...`
_ASIDE = re.compile(rf",\s{either('begins_aside')}\b[^,;:]{{2,60}},\s*(?={first('verb')})")
_IS_ANSWER = (rf"(?:an? |the |my |our )(?:\w+[ -]){{0,3}}{either('answer_noun')}\b"
              r"(?! (?:that|which) (?:i|we) (?:would|do) not| only)")
_RECOMMENDS = re.compile(
    rf"{either('auxiliary_alone')}\s*(?:[.,;!]|$)"
    rf"|(?:{either('auxiliary')}\s+)?(?:{either('emphasis')}\s+){{0,2}}(?:be\s+)?(?:{either('recommended')}|{_IS_ANSWER})"
    rf"|{either('is_recommended')}")
# `is an option if ...`, `would be an option in other women`
_ON_CONDITION = re.compile(rf"[^,;.]{{0,24}}{words('for_others')}")
_CHOSEN_LATER = re.compile(r"[^.;]{0,80}\b(?:that|this|it|which)(?:'s| is) (?:what|the one) (?:i|we)\b(?! (?:do|did|would) not)")
_AGAINST = re.compile(rf"\b{either('against')}\b")


def discussed(sentence: str, named: Sequence[Span]) -> list[bool]:
    """Of each name, whether it is the subject, alone or in a list, of a verb that does not recommend or confirm it."""
    ends = [_after(sentence, span) for span in named]
    joints = [_joint(sentence[end : span.start]) for end, span in zip(ends, named[1:], strict=False)]
    spoken_of = [_speaks_of(sentence, end) for end in ends]
    return [spoken_of[last] and not (last > n and _splits(sentence, named, last))
            for n, last in enumerate(_ends_of_lists(joints))]


def is_subject(sentence: str, span: Span) -> bool:
    """Whether a finite verb stands behind a name."""
    return _VERB.match(sentence, _after(sentence, span)) is not None


def _speaks_of(sentence: str, at: int) -> bool:
    """Whether a verb begins at `at` that says something else than that its subject is the answer."""
    return _VERB.match(sentence, at) is not None and not recommends(sentence, at)


def recommends(sentence: str, at: int) -> bool:
    """Whether the predicate that begins at `at` says that its subject is the answer."""
    if _CHOSEN_LATER.match(sentence, at):
        return True
    found = _RECOMMENDS.match(sentence, at)
    return found is not None and _AGAINST.search(found[0]) is None and _ON_CONDITION.match(sentence, found.end()) is None


def _joint(between: str) -> str:
    """`comma`, `and`, or nothing where no list goes on."""
    if between.strip() in (",", "、"):
        return "comma"
    return "and" if _JOINT.fullmatch(between) else ""


def _ends_of_lists(joints: Sequence[str]) -> list[int]:
    """For each name the last of the list in which it stands; what is joined by a comma behind an `and` is another list."""
    ends = [len(joints)] * (len(joints) + 1)
    comma = len(joints)  # where the next comma, or the list's end, is
    for n in range(len(joints) - 1, -1, -1):
        if joints[n] != "and":
            comma = n
        ends[n] = {"": n, "comma": ends[n + 1], "and": comma}[joints[n]]
    return ends


def _after(sentence: str, span: Span) -> int:
    between = _BETWEEN.match(sentence, span.end)
    end = between.end() if between else span.end
    aside = _ASIDE.match(sentence, end)
    return aside.end() if aside else end


def _splits(sentence: str, named: Sequence[Span], last: int) -> bool:
    """Whether only a comma stands between, so that the verb may be the later name's alone: `A, B is ...`."""
    return sentence[named[last - 1].end : named[last].start].strip() == ","
