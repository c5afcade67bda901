"""Options that prose affirms by their texts: `应补充维生素D，而不是维生素A`, `so the patient has an ectopic pregnancy`."""

from collections.abc import Iterator

from megatron_qm.rewards.reading.lexicon import lower
from megatron_qm.rewards.reading.mentions import Mention, Prose
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.polarity import reported
from megatron_qm.rewards.reading.rank import Rank, Statement

_AROUND = 300  # characters in which it is said who says it
_LONGEST = 4000  # characters of prose in which a text may be the answer by itself


def affirmed_texts(text: str, options: Options) -> Iterator[Statement]:
    """One statement, where exactly one option is affirmed."""
    if len(text) > _LONGEST:
        return
    affirmed = {one.key for one in Prose(text, options.table.find).affirmed if _own(one)}
    if len(affirmed) == 1:
        yield Statement(Rank.MENTION, frozenset(affirmed))


def _own(mention: Mention) -> bool:
    """Whether the writer says it, and says it now."""
    begin = max(0, mention.span.start - _AROUND)
    near = lower(mention.sentence[begin : mention.span.end + _AROUND])
    return not reported(near[: mention.span.start - begin], near, mention.span.end - begin)
