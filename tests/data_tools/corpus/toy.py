"""A step that keeps, changes and drops, for tests of what runs steps."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

from data_tools.corpus.document import Document, Dropped, Step


@dataclass(frozen=True)
class ToyConfig:
    least: Annotated[int, Ge(0), Le(1000)] = 0  # characters of the shortest text that is kept
    without: str = "z"  # a character that is taken away
    mode: Literal["plain", "loud"] = "plain"  # loud: in capitals
    mark: bool = False  # adds the key `toy`
    fail_on: tuple[str, ...] = ()  # texts that the step breaks on


def toy(config: ToyConfig) -> Step:
    def step(document: Document) -> Document | Dropped:
        if document.text in config.fail_on:
            raise ValueError("broken")
        if len(document.text) < config.least:
            return Dropped("too short", f"{len(document.text)} characters")
        if "bad" in document.text:
            return Dropped("bad word")
        document.text = document.text.replace(config.without, "")
        if config.mode == "loud":
            document.text = document.text.upper()
        if config.mark:
            document.known["toy"] = True
        return document

    return step
