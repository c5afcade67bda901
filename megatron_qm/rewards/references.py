"""References that a verifier refuses, found before anything is answered: whatever is said to such an item stays unscored."""

import re
from collections.abc import Sequence
from dataclasses import replace

from megatron_qm.errors import UserError
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Unscored
from megatron_qm.rewards.registry import VERIFIERS, function_of
from megatron_qm.rewards.samples import Sample, judge


def refusal(sample: Sample) -> str | None:
    """Why a verifier that ships would leave every response unscored; None where it would not, and where only a model or code of
    the user could tell.

    It is put an empty response, which all of them can judge: what stands against a score then is the item's own. So what is
    refused here is what would be refused later, without a second rule for each verifier.
    """
    name = function_of(sample.verifier)
    if name not in VERIFIERS:
        return None
    said = judge(replace(sample, verifier=name, response=""))
    return re.sub(r"^exception: (?:ValueError|UserError): ", "", said.reason) if isinstance(said, Unscored) else None


def check_references(items: Sequence[Item], file: str) -> None:
    """Raises UserError for the first item of `file` that could not be scored, by its line, and says how many there are."""
    refused = [(item, why) for item in items
               if (why := refusal(Sample(item.judged_by, item.question, "", item.reference, item.metadata)))]
    if refused:
        item, why = refused[0]
        others = f"; so it is with {len(refused)} of {len(items)} items" if len(refused) > 1 else ""
        raise UserError(f"{file}:{item.line}: the item {item.key!r}: no answer could be scored: {why}{others}")
