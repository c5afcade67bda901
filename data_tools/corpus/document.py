"""A document of a corpus on its way through the steps, and what becomes of one that a step does not keep."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from megatron_qm.json_types import JsonObject


@dataclass(slots=True)
class Document:
    """A JSON line: `text`, and `known`, its other keys in their order. A step hands on what it does not know.

    Keys that steps agree on: `id`, `source` (where it comes from), `licence`, `kind` (material, knowledge or record), `type`
    (guideline, textbook, insert, ...), `language` (zh, en, ...), `year`, `impact_factor`, `patient`, `grade` (A to E).
    """

    text: str
    known: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Why a step keeps a document not: `reason` is one of a few that are counted, `detail` is of this document."""

    reason: str
    detail: str = ""


Step: TypeAlias = Callable[[Document], Document | Dropped]  # may change the document that it is given
