"""What verifiers said of a batch, on the disk: a line for each response, in the order of the rollouts.

    {"key": "7/0/icd-7#0", "value": 0.5, "parts": {"code": 0.5}, "explanation": "...", "format": 1.0, "response": "...",
     "of": "...", "by": "..."}

In the place of `value`, `parts` and `explanation` stands `unscored` with the reason where there is no score; `format` is there
where formats are judged. `of` is a digest of the response and of its item, `by` of who judged. A run that goes on
learns from these lines and asks nobody again: a judge that samples would say something else.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NotRequired, TypedDict

from megatron_qm.align.digest import digest
from megatron_qm.align.rl.sampler import item_digest
from megatron_qm.json_types import JsonObject
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Response:
    """What is judged. key: of its rollout."""

    key: str
    item: Item
    text: str

    @cached_property
    def digest(self) -> str:
        return digest([self.key, self.text, item_digest(self.item)])


@dataclass(frozen=True)
class Verdicts:
    """Both [n], one for each response. formats: the format reward of each, None where it is not asked for."""

    outcomes: Sequence[Outcome]
    formats: Sequence[float] | None


class VerdictLine(TypedDict):
    """As the module's docstring shows it."""

    key: str
    value: NotRequired[float]
    parts: NotRequired[Mapping[str, float]]
    explanation: NotRequired[str]
    unscored: NotRequired[str]
    response: str
    of: str
    by: str
    format: NotRequired[float]


class Foreign(ValueError):
    """Verdicts that are whole, and not those that are looked for."""


def verdict_lines(verdicts: Verdicts, responses: Sequence[Response], by: str) -> list[bytes]:
    """Half a surrogate pair, which a verifier may quote, stays JSON's escape of it."""
    formats: Sequence[float | None] = verdicts.formats or [None] * len(responses)
    lines = []
    for response, outcome, form in zip(responses, verdicts.outcomes, formats, strict=True):
        line: JsonObject = {"key": response.key, **_said(outcome), "response": response.text, "of": response.digest, "by": by}
        if form is not None:
            line["format"] = form
        text = json.dumps(line, ensure_ascii=False, allow_nan=False)
        lines.append(text.encode("utf-8", "backslashreplace") + b"\n")
    return lines


def read_lines(lines: Sequence[bytes], responses: Sequence[Response], by: str) -> Verdicts:
    """Raises Foreign for verdicts on other responses or of another judge, ValueError and the like for what is not whole."""
    rows: list[VerdictLine] = [json.loads(line) for line in lines]
    if len(rows) != len(responses):
        raise ValueError(f"{len(rows)} verdicts on {len(responses)} responses")
    if any(row["of"] != response.digest for row, response in zip(rows, responses, strict=True)):
        raise Foreign("it judges other responses")
    if any(row["by"] != by for row in rows):
        raise Foreign("rl.verifier, rl.shaping.format_weight or the code of a verifier has changed since")
    formats = [row["format"] for row in rows if "format" in row]
    return Verdicts([_outcome(row) for row in rows], formats or None)


def kept_verdicts(path: Path, responses: Sequence[Response], by: str) -> Verdicts | None:
    """Those in `path`; None where they are to be asked for, and it says why if something else is there."""
    try:
        return read_lines(path.read_bytes().splitlines(), responses, by)
    except FileNotFoundError:
        return None
    except Foreign as error:
        logger.warning("%s: %s; its batch is judged again", path, error)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        logger.warning("%s: no whole file of verdicts (%r); its batch is judged again", path, error)
    return None


def _said(outcome: Outcome) -> JsonObject:
    if isinstance(outcome, Scored):
        return {"value": outcome.value, "parts": dict(outcome.parts), "explanation": outcome.explanation}
    return {"unscored": outcome.reason}


def _outcome(row: VerdictLine) -> Outcome:
    return Unscored(row["unscored"]) if "unscored" in row else Scored(row["value"], row["parts"], row["explanation"])
