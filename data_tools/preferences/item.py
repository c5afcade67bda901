"""What is asked of a disease, and the facts that tell right from wrong: all that the gold reward knows besides the text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data_tools.knowledge.triples import PREDICATES

LANGUAGES = ("en", "zh")
SINGLE = ("code", "specialty")  # what a disease has one of: two of them contradict each other
_TREATMENT = "medication"
_FIELDS = ("subject", "language", "facts", "asked", "answer")


@dataclass(frozen=True)
class Item:
    """asked: how many facts of each predicate. answer: the predicate of which one is to be chosen at the end, if any."""

    subject: str
    language: str
    facts: Mapping[str, tuple[str, ...]]
    asked: Mapping[str, int]
    answer: str | None = None

    @property
    def treats(self) -> bool:
        """Whether it asks for treatment: then a doctor must be named."""
        return _TREATMENT in self.asked

    def reference(self) -> dict[str, object]:
        """As a line of JSON has it; `item_of` reads it."""
        return {"subject": self.subject, "language": self.language, "facts": {name: list(v) for name, v in self.facts.items()},
                "asked": dict(self.asked), "answer": self.answer}


def item_of(reference: object) -> Item:
    """Raises ValueError for what `Item.reference` would not have written."""
    if not isinstance(reference, Mapping) or set(reference) != set(_FIELDS):
        raise ValueError(f"a reference is an object of {', '.join(_FIELDS)}, not {reference!r}")
    item = Item(**{**reference, "facts": _facts(reference["facts"])})
    rules = (
        ("subject", isinstance(item.subject, str) and bool(item.subject), "a disease"),
        ("language", item.language in LANGUAGES, f"one of {', '.join(LANGUAGES)}"),
        ("asked", _counts(item.asked, item.facts), "how many of each predicate, one or more and no more than there are"),
        ("answer", item.answer is None or item.answer in item.asked, "null or a predicate that is asked for"),
    )
    for name, holds, wanted in rules:
        if not holds:
            raise ValueError(f"reference.{name} = {reference[name]!r} is not {wanted}")
    return item


def _facts(value: Any) -> dict[str, tuple[str, ...]]:
    whole = isinstance(value, Mapping) and all(
        name in PREDICATES and isinstance(known, list | tuple) and all(isinstance(one, str) for one in known)
        for name, known in value.items())
    if not whole:
        raise ValueError(f"reference.facts = {value!r} is not lists of texts by predicate ({', '.join(PREDICATES)})")
    return {name: tuple(known) for name, known in value.items()}


def _counts(asked: Any, facts: Mapping[str, tuple[str, ...]]) -> bool:
    return isinstance(asked, Mapping) and bool(asked) and all(
        type(count) is int and 1 <= count <= len(facts.get(name, ())) for name, count in asked.items())
