"""A verifier whose tables take longer to read than a sample has, and one whose tables are never read."""

import time

from megatron_qm.rewards.outcome import Outcome, Scored

_READ: list[str] = []


def warm(system: str) -> None:
    time.sleep(3600 if system == "never" else 1.5)
    _READ.append(system)


def patient(prompt: str, response: str, reference: object, metadata: dict) -> Outcome:
    return Scored(float(metadata.get("system", "") in _READ))
