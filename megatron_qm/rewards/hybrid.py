"""Rules first, a model second: the model widens what rules recognise and never raises what they reject (report, table 3)."""
# ruff: noqa: E501  Chinese characters count twice

from dataclasses import dataclass

from megatron_qm.rewards.judge import Ask, Judge, JudgeError, vote
from megatron_qm.rewards.metadata import Metadata
from megatron_qm.rewards.outcome import Outcome, Reward, Scored, Unscored

_QUESTION = ("Decide whether the response's final answer means the same as this reference (synonyms count; a part, a wider term or "
             "several alternatives do not): ")


@dataclass(frozen=True)
class Hybrid:
    """`hybrid` as plain data: the rule by its name, and who is asked where it cannot tell."""

    rule: str
    judge: Judge


def hybrid(rule: Reward, ask: Ask, k: int = 8, agreement: float = 0.75) -> Reward:
    """A reward that asks the model only where `rule` could read no answer (`parts["invalid"]`) or is Unscored.

    An answer that the rule read, right or wrong, keeps the rule's value. An empty response is never asked about. Votes that
    agree less than `agreement`, or an endpoint that fails, give Unscored.
    """
    def reward(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
        ruled = rule(prompt, response, reference, metadata)
        if not _undecided(ruled, response):
            return ruled
        try:
            votes = vote(ask, f"{_QUESTION}{reference!r}", prompt, response.rpartition("</think>")[2], k)
        except JudgeError as error:
            return Unscored(f"judge: {error}")
        if votes.agreement < agreement:
            return Unscored(f"judge: {votes.passes} of {votes.valid} votes pass: no agreement")
        parts = {"model": 1.0, "votes": float(votes.valid), "agreement": votes.agreement}
        return Scored(float(votes.share > 0.5), parts, f"by the model: {votes.passes} of {votes.valid} votes")

    return reward


def _undecided(ruled: Outcome, response: str) -> bool:
    """Whether a model may be asked: an answer that the rule read, or rejected, keeps the rule's value."""
    final = response.rpartition("</think>")[2]
    if not final.strip() or "<think>" in final:
        return False
    return isinstance(ruled, Unscored) or ruled.reading == "unread"
