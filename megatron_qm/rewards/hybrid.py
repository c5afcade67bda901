"""Rules first, a model second: the model widens what rules recognise and never raises what they reject (report, table 3)."""
# ruff: noqa: E501  Chinese characters count twice

from collections.abc import Callable
from dataclasses import dataclass

from megatron_qm.rewards.judge import Ask, Judge, JudgeError, vote
from megatron_qm.rewards.metadata import Metadata
from megatron_qm.rewards.outcome import Outcome, Reward, Scored, Unscored
from megatron_qm.rewards.two_readings import TwoReadings, parts_of

_QUESTION = ("Decide whether the response's final answer means the same as this reference (synonyms count; a part, a wider term or "
             "several alternatives do not): ")


@dataclass(frozen=True)
class Hybrid:
    """`hybrid` as plain data: the rule by its name, and who is asked where it cannot tell."""

    rule: str | TwoReadings
    judge: Judge


def behind_thinking(response: str, metadata: Metadata) -> str | None:
    """What a model is shown of a response; None where the thinking never ends."""
    final = response.rpartition("</think>")[2]
    return None if "<think>" in final else final


def hybrid(
    rule: Reward, ask: Ask, k: int = 8, agreement: float = 0.75,
    shown: Callable[[str, Metadata], str | None] = behind_thinking,
) -> Reward:
    """A reward that asks the model only where `rule` could read no answer (`parts["invalid"]`) or is Unscored.

    An answer that the rule read, right or wrong, keeps the rule's value. An empty response is never asked about. Votes that
    agree less than `agreement`, or an endpoint that fails, give Unscored. shown: what the model sees of a response. Where the
    rule reads twice, its two readings stay among the parts.
    """
    def reward(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
        ruled, final = rule(prompt, response, reference, metadata), shown(response, metadata)
        if not final or not final.strip() or not _undecided(ruled):
            return ruled
        try:
            votes = vote(ask, f"{_QUESTION}{reference!r}", prompt, final, k)
        except JudgeError as error:
            return Unscored(f"judge: {error}")
        if votes.agreement < agreement:
            return Unscored(f"judge: {votes.passes} of {votes.valid} votes pass: no agreement")
        parts = {"model": 1.0, "votes": float(votes.valid), "agreement": votes.agreement, **parts_of(ruled)}
        return Scored(float(votes.share > 0.5), parts, f"by the model: {votes.passes} of {votes.valid} votes")

    return reward


def _undecided(ruled: Outcome) -> bool:
    """Whether a model may be asked: an answer that the rule read, or rejected, keeps the rule's value."""
    return isinstance(ruled, Unscored) or ruled.reading == "unread"
