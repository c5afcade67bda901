"""Where the rollouts of a batch come from: NUMBER.origin.json beside NUMBER.jsonl, written before the first of them is asked.

A batch that was generated before a kill is asked for again under the same name, and taken from the disk where its origin is the
same. It is not where the run went on from another checkpoint, or with another recipe: those rollouts belong to a past that
does not come again, and learning from them would be off-policy without a word.
"""

import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from megatron_qm.align.digest import digest
from megatron_qm.align.rollouts.dispatch import parts_of
from megatron_qm.align.rollouts.rollout import asked
from megatron_qm.files import write_json
from megatron_qm.json_types import parse_json
from megatron_qm.model.generation.request import Request

logger = logging.getLogger(__name__)
REPLACED = "replaced"  # folder beside the rollouts


@dataclass(frozen=True)
class Origin:
    """version: the step of the weights. weights: their fingerprint. asked: of prompts (as tokens), sampling, seed and keys."""

    version: int
    weights: str
    asked: str

    @classmethod
    def of(cls, requests: Sequence[Request], version: int, weights: str) -> "Origin":
        return cls(version, weights, digest([[request.key, asked(request)] for request in requests]))

    def differs_in(self, other: "Origin | None") -> str | None:
        """In words; None where both are the same."""
        if other is None:
            return "an unknown origin"
        if self.asked != other.asked:
            return "other prompts, sampling, seed or tokenizer"
        return None if self == other else "other weights"


def outcomes_of(path: Path) -> Path:
    return path.with_suffix(".outcomes.jsonl")


def origin_of(path: Path) -> Path:
    return path.with_suffix(".origin.json")


def settle(path: Path, origin: Origin) -> None:
    """What lies at `path`, whole or in parts, is of `origin` afterwards, or out of the way: rollouts of another go to the folder
    `replaced`, and it says so."""
    difference = origin.differs_in(_read(origin_of(path)))
    if difference is None:
        return
    if path.exists() or parts_of(path).exists():
        logger.warning("%s: its rollouts are of %s, and not what this run asks for now: they are generated anew, the old ones "
                       "are in %s", path, difference, path.parent / REPLACED)
        _set_aside(path)
    write_json(origin_of(path), asdict(origin))


def forget_verdicts(path: Path) -> Path:
    """Those on the rollouts at `path` go to the folder `replaced`, which is returned: a start after this asks for them again."""
    folder = path.parent / REPLACED
    folder.mkdir(exist_ok=True)
    if outcomes_of(path).exists():
        os.replace(outcomes_of(path), folder / outcomes_of(path).name)
    return folder


def _read(path: Path) -> Origin | None:
    try:
        return Origin(**parse_json(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _set_aside(path: Path) -> None:
    folder = path.parent / REPLACED
    folder.mkdir(exist_ok=True)
    if parts_of(path).exists():
        shutil.rmtree(parts_of(path))
    for file in (origin_of(path), outcomes_of(path), path):
        if file.exists():
            os.replace(file, folder / file.name)
