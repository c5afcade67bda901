"""Rules of grades, read from YAML with all that is wrong named by its line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from annotated_types import Ge, Le

from data_tools.corpus.document import Document
from megatron_qm.config.load import load
from megatron_qm.errors import UserError

Grade: TypeAlias = Literal["A", "B", "C", "D", "E"]
GRADES: tuple[Grade, ...] = ("A", "B", "C", "D", "E")
SHIPPED = Path(__file__).with_name("rules.yaml")
_NAMED = ("type", "source", "kind", "language", "licence")
_MEASURED = ("year", "impact_factor")
ASKED = (*_NAMED, *_MEASURED)  # keys of a document that decide its grade


@dataclass(frozen=True)
class Span:
    """Numbers from `at_least` on and to `at_most`."""

    at_least: Annotated[float, Ge(0), Le(1e6)] | None = None
    at_most: Annotated[float, Ge(0), Le(1e6)] | None = None

    def __post_init__(self) -> None:
        if self.at_least is None and self.at_most is None:
            raise UserError("a span needs at_least, at_most or both")

    def holds(self, value: float) -> bool:
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True)
class When:
    """Conditions, all of which must hold."""

    type: tuple[str, ...] | None = None
    source: tuple[str, ...] | None = None
    kind: tuple[str, ...] | None = None
    language: tuple[str, ...] | None = None
    licence: tuple[str, ...] | None = None
    year: Span | None = None
    impact_factor: Span | None = None


@dataclass(frozen=True)
class Rule:
    grade: Grade
    reason: str  # why such a document deserves it
    when: When = field(default_factory=When)

    def holds(self, document: Document) -> bool:
        known = document.known
        named = all(_folded(known.get(key)) in wanted for key, wanted in self._wanted().items())
        return named and all(_within(span, known.get(key)) for key in _MEASURED if (span := getattr(self.when, key)))

    def _wanted(self) -> dict[str, frozenset[str]]:
        given = {key: getattr(self.when, key) for key in _NAMED}
        return {key: frozenset(map(_folded, names)) for key, names in given.items() if names is not None}


@dataclass(frozen=True)
class Weights:
    """By grade; 0: left out."""

    A: Annotated[float, Ge(0), Le(1000)]
    B: Annotated[float, Ge(0), Le(1000)]
    C: Annotated[float, Ge(0), Le(1000)]
    D: Annotated[float, Ge(0), Le(1000)]
    E: Annotated[float, Ge(0), Le(1000)]


@dataclass(frozen=True)
class Training:
    reason: str
    weights: Weights


@dataclass(frozen=True)
class TrainingStages:
    pretraining: Training | None = None
    annealing: Training | None = None
    sft: Training | None = None


@dataclass(frozen=True)
class Rules:
    """rules.yaml."""

    rules: list[Rule]
    training: TrainingStages = field(default_factory=TrainingStages)

    def __post_init__(self) -> None:
        if not self.rules or self.rules[-1].when != When():
            raise UserError("rules: the last rule must hold for all documents: give it no `when`")
        early = [number for number, rule in enumerate(self.rules[:-1]) if rule.when == When()]
        if early:
            raise UserError(f"rules.{early[0]} holds for all documents, so that none after it is ever asked: move it to the end")

    def weights(self, stage: str) -> Mapping[str, float]:
        """By grade. Raises UserError for a training stage that the rules do not know."""
        training = getattr(self.training, stage, None)
        if training is None:
            known = [name for name, value in vars(self.training).items() if value is not None]
            raise UserError(f"training.{stage}: the rules have no such training stage; they have {', '.join(known) or 'none'}")
        weights: Weights = training.weights
        return vars(weights)


def read_rules(path: str | None) -> Rules:
    """Those that ship with the package for None. Raises UserError naming file, line and key."""
    return load(Rules, Path(path) if path else SHIPPED)


def _folded(value: object) -> str:
    return str(value).strip().casefold() if value is not None else ""


def _within(span: Span, value: object) -> bool:
    """Numbers, and texts of numbers."""
    try:
        return span.holds(float(value))  # type: ignore[arg-type]  # what is none is not within
    except (TypeError, ValueError):
        return False
