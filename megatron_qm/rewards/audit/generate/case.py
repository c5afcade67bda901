"""What is drawn: an answer to an item, and the bounds within which any fair examiner would score it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """`language` is the question's. `style` is "core/head/tail/dress", of which the core is what the answer says and the others
    are what stands around it. A disputed case is one on which fair examiners may differ: it belongs in no rate."""

    task: str
    language: str
    style: str
    prompt: str
    response: str
    reference: object
    metadata: Mapping[str, object]
    low: float
    high: float
    disputed: bool

    @property
    def core(self) -> str:
        return self.style.partition("/")[0]
