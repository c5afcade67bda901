"""Exams scored as the published evaluation of CPQExam scores them, so that numbers can be compared with published ones.

The rule is that of evaluation/evaluate.py in Quark-Medical/QuarkMed, described in docs/evaluate.md and written anew here. It is
another one than rewards/exam.py: it does not look for contradictions, and `A/C`, which its prompt asks for, is wrong. Where that
program ends in an error, the answer is invalid here.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from megatron_qm.errors import UserError
from megatron_qm.rewards.exam import reference_letters
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.metadata import Metadata
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored

_VERIFIER = f"{__name__}:cpqexam"
_QUOTED = (re.compile(r'"answer":."(.*)"'), re.compile(r'"answer":."(.*)$'))  # where it is no JSON
_DROPPED = re.compile(r'[、",|\s]')


def scored_as_published(items: Sequence[Item]) -> list[Item]:
    """The same, with exams judged by `cpqexam`. Raises UserError for one whose reference is no single set of letters."""
    for item in items:
        if item.task == "exam" and reference_letters(item.reference) is None:
            raise UserError(f"--scoring cpqexam: the item {item.key!r}: its reference {item.reference!r} is no single set of "
                            "option letters; put each sub-question into an item of its own")
    return [replace(item, verifier=_VERIFIER) if item.task == "exam" else item for item in items]


def cpqexam(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
    """A rewards.outcome.Reward: 1 where the letters read are the reference's, as text."""
    right = reference_letters(reference)
    if right is None:
        return Unscored(f"the reference {reference!r} is no single set of option letters")
    given = predicted(response)
    value = float(given == "".join(sorted(right)))
    return Scored(value, {"accuracy": value, "invalid": float(not given)}, f"read as {given!r}")


def predicted(response: str) -> str:
    """What the published rule reads, its characters sorted; empty where it finds no answer. A reasoning, which the published
    predictions come without, is left out."""
    text = _paragraph(response.rpartition("</think>")[2].strip())
    try:
        value = json.loads(text.replace("```json", "").replace("```", ""))
    except (ValueError, RecursionError):
        found = next((match[1] for pattern in _QUOTED if (match := pattern.search(text))), "")
    else:
        found = _text(_stated(value))
    return "".join(sorted(_DROPPED.sub("", found)))


def _paragraph(text: str) -> str:
    """Of several paragraphs the last if "json" stands in it, else the first."""
    paragraphs = text.split("\n\n")
    return paragraphs[-1] if "json" in paragraphs[-1] else paragraphs[0]


def _stated(value: object) -> object:
    """What stands under `answer`: of a list of objects all of it, one behind the other."""
    if isinstance(value, dict):
        return value.get("answer")
    if isinstance(value, list):
        return [one.get("answer") if isinstance(one, dict) else None for one in value]
    return None


def _text(stated: object) -> str:
    """A text, or a list of texts joined; nothing for all else."""
    found = stated if isinstance(stated, list) else [stated]
    texts = [one for one in found if isinstance(one, str)]
    return "".join(texts) if len(texts) == len(found) else ""
