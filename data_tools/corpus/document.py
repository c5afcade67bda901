"""A document of a corpus on its way through the steps, and what becomes of one that a step does not keep."""

from collections.abc import Callable, Iterator, Sequence
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


class Together:
    """A step that is quicker with many documents than with one; what becomes of each does not depend on the others."""

    def __init__(self, many: Callable[[Sequence[Document]], Iterator[Document | Dropped]]) -> None:
        """many: what becomes of each document, in their order, worked out when it is asked for."""
        self.many = many

    def __call__(self, document: Document) -> Document | Dropped:
        return next(self.many([document]))


def through(step: Step, documents: Sequence[Document]) -> Iterator[Document | Dropped]:
    """What becomes of each document, worked out when it is asked for."""
    return step.many(documents) if isinstance(step, Together) else map(step, documents)
