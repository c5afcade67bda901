"""What a sentence says about a name that is its subject: a name is an answer by that only if it is recommended or confirmed.

Words that deny are a closed list, and what can be said against a drug, a test or a diagnosis is not ("is overused", "would be too
weak", "was declined"). So it is the other way round: a finite verb behind a name makes it a subject, and only the predicates of a
closed list (`_RECOMMENDS`) leave it an answer.
"""

import re
from collections.abc import Sequence

from megatron_qm.rewards.reading.spans import Span

_BETWEEN = re.compile(r"\s*(?:\([^()]{0,60}\)\s*)?(?:(?:alone|itself|therapy|treatment|tablets?|here|too|also|scan|test|levels?|检查|片|胶囊)\s*){0,2}", re.I)
_JOINT = re.compile(r"\s*(?:,|/|、|\band\b|\bor\b|和|与|及|或)+\s*", re.I)
_VERB = re.compile(
    r"(?:is|are|was|were|would|will|can|could|may|might|should|must|has|have|had|does|do|did|isn't|wasn't|needs?|requires?|causes?|caused|gave|gives?|adds?|miss(?:es|ed)?|shows?|showed"
    r"|reflects?|worsens?|makes?|made|lacks?|carr(?:y|ies)|takes?|took|works?|acts?|blocks?|covers?|fits?|explains?|remains?|seems?|appears?|looks?|came|comes|led|leads|increases?|reduces?|lowers?|raises?"
    r"|interacts?|leaves?|left|failed|fails|helps?|provides?|means|withdrawn|declined|refused|expired)\b"
    r"|会|有(?!关)|只|仅|太|易|容易|已|较|过于|引起|导致|反映|虽|被|属|可致|作用|疗效|效果|副作用|胃肠|嗜睡|创伤|辐射|与[^,]{1,8}无关|无关|相对", re.I)
_RECOMMENDS = re.compile(
    r"(?:would|does|do|did|will|is|are|should|can)\s*(?:[.,;!]|$)|(?:(?:is|are|was|were|would be|will be|should be|must be|can be|may be|remains?|seems?|has been|have been|should|must|will)\s+)?(?:(?:now|still|therefore|thus|also|clearly|strongly|usually|generally|by far|probably|then)\s+){0,2}"
    r"(?:be\s+)?(?:given|started|used|prescribed|ordered|added|continued|obtained|performed|done|taken|initiated|administered|indicated|recommended|made|established|reached|fine|good|ok|okay|safe|acceptable|appropriate|advised|warranted|preferred|needed|required|necessary"
    r"|mandatory|essential|useful|reasonable|suitable|favou?red|first\b|next\b|best|correct|better|right|enough|sufficient|confirmed|diagnosed|present\b|evident|likely|(?:the |a )?(?:most |more |very )?(?:likely|probable|appropriate|suitable)"
    r"|(?:an? |the |my |our )(?:\w+[ -]){0,3}(?:drug|agent|treatment|therapy|medication|answer|choice|test|study|investigation|examination|diagnosis|cause|step|option|standard|one|line|culprit|explanation|problem|illness|condition)\b"
    r"(?! (?:that|which) (?:i|we) (?:would|do) not)|it\b|what\b|first[- ]line|standard|due\b|fits?\b(?! (?:poorly|badly))|explains?|works?\b|helps?\b|covers?\b|due\b)"
    r"|(?:[应可须当]|更好|首选|最|为[首宜佳最]|即可|明确|有效|适[用合]|有指征|已[确明]|已予|已开)", re.I)
_AGAINST = re.compile(r"\b(?:not|never|no|less|least|too|wrong|mis\w+|pointless|over\w+|old|former|common)\b", re.I)


def is_discussed(sentence: str, named: Sequence[Span], n: int) -> bool:
    """Whether name `n` of a sentence is the subject, alone or in a list, of a verb that does not recommend or confirm it."""
    last = _end_of_list(sentence, named, n)
    at = _after(sentence, named[last])
    if last > n and _splits(sentence, named, n, last):
        return False
    if not _VERB.match(sentence, at):
        return False
    found = _RECOMMENDS.match(sentence, at)
    return found is None or bool(_AGAINST.search(found[0]))


def _end_of_list(sentence: str, named: Sequence[Span], n: int) -> int:
    """The last name of the list in which name `n` stands; what is joined by a comma behind an `and` is another list."""
    last, closed = n, False
    while last + 1 < len(named):
        joint = sentence[_after(sentence, named[last]) : named[last + 1].start]
        comma = joint.strip() in (",", "、")
        if not _JOINT.fullmatch(joint) or closed and comma:
            break
        closed = closed or not comma
        last += 1
    return last


def _after(sentence: str, span: Span) -> int:
    between = _BETWEEN.match(sentence, span.end)
    return between.end() if between else span.end


def _splits(sentence: str, named: Sequence[Span], n: int, last: int) -> bool:
    """Whether only a comma stands between, so that the verb may be the later name's alone: `A, B is ...`."""
    return sentence[named[last - 1].end : named[last].start].strip() == ","
