"""What verifiers said of a batch, on the disk: a line for each response, in the order of the rollouts.

    {"key": "7/0/icd-7#0", "value": 0.5, "parts": {"code": 0.5}, "explanation": "...", "format": 1.0, "response": "...",
     "of": "...", "by": "..."}

In the place of `value`, `parts` and `explanation` stands `unscored` with the reason where there is no score; `format` is there
where formats are judged. With rl.rewards all who were asked stand below `said`, by the label of their source, each with `value`,
`parts` and `explanation` or with `unscored`:

    {"key": "7/0/icd-7#0", "said": {"item": {"value": 0.5, ...}, "verifier my:tone": {"unscored": "deadline: ..."}}, ...}

`of` is a digest of the response and of its item, `by` of who judged. A run that goes on
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
from megatron_qm.align.rl.fusion.components import Said
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
    """All [n], one for each response. formats: the format reward of each, None where it is not asked for. said: with rl.rewards
    in the place of both, by source."""

    outcomes: Sequence[Outcome]
    formats: Sequence[float] | None
    said: Said | None = None


class OutcomeFields(TypedDict):
    value: NotRequired[float]
    parts: NotRequired[Mapping[str, float]]
    explanation: NotRequired[str]
    unscored: NotRequired[str]


class VerdictLine(OutcomeFields):
    """As the module's docstring shows it."""

    key: str
    response: str
    of: str
    by: str
    format: NotRequired[float]
    said: NotRequired[Mapping[str, OutcomeFields]]


class Foreign(ValueError):
    """Verdicts that are whole, and not those that are looked for."""


def verdict_lines(verdicts: Verdicts, responses: Sequence[Response], by: str) -> list[bytes]:
    """Half a surrogate pair, which a verifier may quote, stays JSON's escape of it."""
    formats: Sequence[float | None] = verdicts.formats or [None] * len(responses)
    lines = []
    for n, (response, form) in enumerate(zip(responses, formats, strict=True)):
        said = _said(verdicts.outcomes[n]) if verdicts.said is None else {"said": _said_by(verdicts.said, n)}
        line: JsonObject = {"key": response.key, **said, "response": response.text, "of": response.digest, "by": by}
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
        further = "rl.rewards, " if any("said" in row for row in rows) else ""
        raise Foreign(f"{further}rl.verifier, rl.shaping.format_weight or the code of a verifier has changed since")
    if any("said" in row for row in rows):
        labels = dict.fromkeys(label for row in rows for label in row["said"])
        return Verdicts([], None, {label: [_outcome(row["said"][label]) if label in row["said"] else None for row in rows]
                                   for label in labels})
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


def _said_by(said: Said, n: int) -> JsonObject:
    """Of response `n`; who was not asked about it has no place."""
    return {label: _said(outcome) for label, outcomes in said.items() if (outcome := outcomes[n]) is not None}


def _outcome(row: OutcomeFields) -> Outcome:
    return Unscored(row["unscored"]) if "unscored" in row else Scored(row["value"], row["parts"], row["explanation"])
