"""Rules first, a model second: the model widens what rules recognise and never raises what they reject (report, table 3)."""
# ruff: noqa: E501  Chinese characters count twice



from megatron_qm.json_types import number_of, object_of, text_of
from megatron_qm.rewards.judge import Ask, Endpoint, JudgeError, vote, votes_of
from megatron_qm.rewards.metadata import Metadata
from megatron_qm.rewards.outcome import Outcome, Reward, Scored, Unscored
from megatron_qm.rewards.registry import load

_QUESTION = ("Decide whether the response's final answer means the same as this reference (synonyms count; a part, a wider term or "
             "several alternatives do not): ")


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


def by_metadata(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
    """`hybrid` of the verifier `metadata["rule"]` and the endpoint `metadata["judge"]` (base, model, key, votes, agreement,
    seconds): how a pool of processes, to which functions cannot be sent, is told."""
    rule, judge = load(text_of(metadata, "rule")), object_of(metadata, "judge")
    rest = {name: value for name, value in metadata.items() if name not in ("rule", "judge")}
    agreement = number_of(judge, "agreement") if "agreement" in judge else 0.75
    return hybrid(rule, Endpoint.told(judge), votes_of(judge), agreement)(prompt, response, reference, rest)


def _undecided(ruled: Outcome, response: str) -> bool:
    """Whether a model may be asked: an answer that the rule read, or rejected, keeps the rule's value."""
    final = response.rpartition("</think>")[2]
    if not final.strip() or "<think>" in final:
        return False
    return isinstance(ruled, Unscored) or ruled.reading == "unread"
