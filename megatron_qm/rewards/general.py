"""General Verifier: explicit principles that people edit, scored by a model (report, section 3.4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.rewards.judge import Ask, Judge, JudgeError, vote
from megatron_qm.rewards.metadata import Metadata
from megatron_qm.rewards.outcome import Outcome, Reward, Scored, Unscored
from megatron_qm.yaml_nodes import parse

GENERAL = "general"  # the task of items that are judged so
SHIPPED = Path(__file__).with_name("principles.yaml")


@dataclass(frozen=True)
class Principle:
    name: str
    text: str
    must_pass: tuple[str, ...]
    must_fail: tuple[str, ...]


@dataclass(frozen=True)
class General:
    """`general` as plain data: what is judged by, read from its file, and who is asked."""

    principles: tuple[Principle, ...]
    judge: Judge


def read_principles(path: Path = SHIPPED) -> list[Principle]:
    try:
        rows = parse(path.read_text(encoding="utf-8"), str(path)).plain()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not isinstance(rows, list) or not rows:
        raise UserError(f"{path} must hold a list of principles")
    return [_principle(row, f"{path}, principle {number}") for number, row in enumerate(rows, 1)]


def _principle(row: object, where: str) -> Principle:
    if not isinstance(row, dict) or set(row) != {"name", "text", "must_pass", "must_fail"}:
        raise UserError(f"{where}: needed are name, text, must_pass and must_fail")
    for key in ("must_pass", "must_fail"):
        if not isinstance(row[key], list) or not row[key] or not all(isinstance(one, str) for one in row[key]):
            raise UserError(f"{where}: {key} must be a list of at least one response")
    return Principle(str(row["name"]), str(row["text"]), tuple(row["must_pass"]), tuple(row["must_fail"]))


def general(principles: Sequence[Principle], ask: Ask, k: int = 8) -> Reward:
    """Mean over the principles of the share of votes that pass; Unscored if any principle could not be judged."""
    def reward(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
        try:
            parts = {one.name: vote(ask, f"Principle: {one.text}", prompt, response, k).share for one in principles}
        except JudgeError as error:
            return Unscored(f"judge: {error}")
        return Scored(sum(parts.values()) / len(parts), parts, "share of votes that pass, by principle")

    return reward


def regressions(principles: Sequence[Principle], ask: Ask, k: int = 8) -> list[str]:
    """Examples that the model judges other than their principle says, in words; empty when all hold."""
    wrong = []
    for one in principles:
        for expected, examples in ((True, one.must_pass), (False, one.must_fail)):
            for example in examples:
                passed = vote(ask, f"Principle: {one.text}", "", example, k).share > 0.5
                if passed != expected:
                    wrong.append(f"{one.name}: must {'pass' if expected else 'fail'}: {example}")
    return wrong
