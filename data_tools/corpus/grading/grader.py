"""Grades by rules: how much a document is to be trusted, A to E."""

from collections.abc import Callable
from dataclasses import dataclass

from data_tools.corpus.document import Document, Dropped, Step
from data_tools.corpus.grading.rules import ASKED, GRADES, Grade, Rule, read_rules
from megatron_qm.errors import UserError


@dataclass(frozen=True)
class GradeConfig:
    """Which grades documents get, and which of them stay."""

    rules: str | None = None  # a YAML file in the form of data_tools/corpus/grading/rules.yaml; null: that one
    keep: tuple[Grade, ...] = GRADES  # grades that stay; documents of others are dropped
    # The training stage of the rules that documents are for: those of a grade with weight 0 are dropped, others get `weight`.
    training: str | None = None
    again: bool = False  # grade documents that have a grade, too

    def __post_init__(self) -> None:
        if not self.keep:
            raise UserError("grade: keep is empty: every document would be dropped")


def grader(config: GradeConfig) -> Step:
    """Raises UserError for rules that cannot be read."""
    rules = read_rules(config.rules)
    weights = rules.weights(config.training) if config.training else None
    quick = _remembering(rules.rules)

    def step(document: Document) -> Document | Dropped:
        grade = document.known.get("grade")
        if config.again or grade not in GRADES:
            grade = document.known["grade"] = quick(document)
        if grade not in config.keep:
            return Dropped(f"grade {grade}", f"keep = {', '.join(config.keep)}")
        if weights is not None:
            weight = weights[str(grade)]
            if not weight:
                return Dropped(f"grade {grade}", f"has weight 0 in {config.training}")
            document.known["weight"] = weight
        return document

    return step


def _remembering(rules: list[Rule]) -> Callable[[Document], str]:
    """Documents of a source say mostly the same of themselves."""
    found: dict[tuple[object, ...], str] = {}

    def grade(document: Document) -> str:
        key = tuple(map(str, map(document.known.get, ASKED)))
        if key not in found:
            if len(found) >= 100_000:
                found.clear()
            found[key] = next(rule.grade for rule in rules if rule.holds(document))
        return found[key]

    return grade
