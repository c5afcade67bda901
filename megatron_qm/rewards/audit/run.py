"""False positives and negatives of each verifier per attack, against the bars."""
# ruff: noqa: E501  Chinese characters count twice

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from megatron_qm.rewards.audit.attacks import cases
from megatron_qm.rewards.audit.items import Item
from megatron_qm.rewards.outcome import Scored
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.registry import SHIPPED, Verifiers
from megatron_qm.rewards.samples import Sample, admitted

PASS = 0.5  # an answer counts as rewarded above it
EXACT = ("exam",)
MOST_FALSE_POSITIVES, MOST_FALSE_NEGATIVES = 0.01, 0.02


@dataclass
class Row:
    verifier: str
    case: str
    right: bool
    count: int = 0
    errors: int = 0
    unscored: int = 0
    examples: list[str] = field(default_factory=list)


def audit(items: Sequence[Item], pool: VerifierPool, verifiers: Verifiers = SHIPPED) -> list[Row]:
    """One row for each verifier and case. An error is a wrong answer above `PASS`, or a right one at or below it; a right
    one left unscored is an error too."""
    made = [(item, *case) for item in items for case in cases(item)]
    samples = [Sample(item.verifier, item.prompt, response, item.reference, item.metadata) for item, _, response, _ in made]
    outcomes = pool.score([admitted(sample, verifiers) for sample in samples])
    rows: dict[tuple[str, str], Row] = {}
    for (item, name, response, right), outcome in zip(made, outcomes, strict=True):
        row = rows.setdefault((item.verifier, name), Row(item.verifier, name, right))
        passed = isinstance(outcome, Scored) and outcome.value > PASS
        row.count += 1
        row.unscored += not isinstance(outcome, Scored)
        if passed != right:
            row.errors += 1
            row.examples = [*row.examples, response[:200]][:3]
    return list(rows.values())


def broken(rows: Sequence[Row]) -> list[str]:
    """The bars that do not hold, in words."""
    said = []
    for verifier in sorted({row.verifier for row in rows}):
        for right, word in ((False, "positives"), (True, "negatives")):
            mine = [row for row in rows if row.verifier == verifier and row.right == right]
            errors, count = sum(row.errors for row in mine), sum(row.count for row in mine)
            bar = MOST_FALSE_NEGATIVES if right else 0.0 if verifier in EXACT else MOST_FALSE_POSITIVES
            if errors and errors / count >= bar:
                said.append(f"{verifier}: {errors} false {word} of {count}; the bar is {bar:.0%}")
    return said


def table(rows: Sequence[Row]) -> str:
    lines = [f"{'verifier':<10} {'case':<28} {'must':<5} {'n':>5} {'errors':>6} {'unscored':>8}"]
    lines += [f"{row.verifier:<10} {row.case:<28} {'pass' if row.right else 'fail':<5} {row.count:>5} {row.errors:>6} {row.unscored:>8}" for row in rows]
    return "\n".join(lines)


def as_json(rows: Sequence[Row]) -> dict[str, object]:
    return {"pass_above": PASS, "rows": [asdict(row) for row in rows], "broken": broken(rows)}
