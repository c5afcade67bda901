"""The gold reward as a verifier: `rl.verifiers: [gold=data_tools.preferences.verifier:gold]` (docs/rewards.md)."""

from collections.abc import Mapping
from dataclasses import asdict

from data_tools.preferences.gold import gold as measure
from data_tools.preferences.item import item_of
from megatron_qm.rewards.outcome import Outcome, Scored


def gold(prompt: str, response: str, reference: object, metadata: Mapping[str, object]) -> Outcome:
    """value: the total; parts: honesty, helpfulness, consistency, compliance. Raises ValueError for a reference that is none."""
    found = measure(item_of(reference), response)
    worth = asdict(found)
    said = ", ".join(f"{name} {value:.2f}" for name, value in worth.items())
    return Scored(found.total, worth, said, "read" if any(worth.values()) else "unread")
