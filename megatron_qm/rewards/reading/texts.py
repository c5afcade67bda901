"""Options that prose affirms by their texts: `应补充维生素D，而不是维生素A`, `so the patient has an ectopic pregnancy`."""

import re
from collections.abc import Iterator

from megatron_qm.rewards.reading.lexicon import lower, words
from megatron_qm.rewards.reading.mentions import Mention, Prose
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.polarity import reported
from megatron_qm.rewards.reading.rank import Rank, Statement
from megatron_qm.rewards.reading.spans import Stance

_CONCLUDES = re.compile(words("concludes"))
_THAN = re.compile(rf"(?:{words('than')})\s?(?:the\s|a\s|an\s)?$")
_NEAR = 24  # characters before a name in which it is said that another is compared with it
_AROUND = 300  # characters in which it is said who says it
_LONGEST = 4000  # characters of prose in which a text may be the answer by itself


def affirmed_texts(text: str, options: Options) -> Iterator[Statement]:
    """One statement, where exactly one option is affirmed, or is what is concluded; and where some are affirmed and all others
    denied, a judgement of each."""
    if len(text) > _LONGEST:
        return
    mentions = Prose(text, options.table.find).mentions
    affirmed = [one for one in mentions if one.stance is Stance.AFFIRMED and _own(one) and not _compared(one)]
    concluded = [one for one in mentions if _concludes(one) and one.stance is not Stance.DENIED]
    if concluded:
        affirmed = [one for one in affirmed if one in concluded[-1:]]
    letters = frozenset(one.key for one in affirmed)
    denied = frozenset(one.key for one in mentions if one.stance is Stance.DENIED)
    if len(letters) == 1:
        yield Statement(Rank.MENTION, letters)
    elif denied and not denied & letters and denied | letters == frozenset(options.letters):
        yield Statement(Rank.SHEET, letters)


def _concludes(mention: Mention) -> bool:
    return _CONCLUDES.search(lower(mention.sentence[: mention.span.start])) is not None


def _compared(mention: Mention) -> bool:
    """Whether it is only what another option is compared with."""
    return _THAN.search(lower(mention.sentence[max(0, mention.span.start - _NEAR) : mention.span.start])) is not None


def _own(mention: Mention) -> bool:
    """Whether the writer says it, and says it now."""
    begin = max(0, mention.span.start - _AROUND)
    near = lower(mention.sentence[begin : mention.span.end + _AROUND])
    return not reported(near[: mention.span.start - begin], near, mention.span.end - begin)
