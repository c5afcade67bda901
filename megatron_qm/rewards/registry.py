"""The verifiers by name, and functions of users by "module:function"."""

import importlib

from megatron_qm.errors import UserError
from megatron_qm.rewards.outcome import Reward

VERIFIERS = {
    "exam": "megatron_qm.rewards.exam:exam",
    "diagnosis": "megatron_qm.rewards.diagnosis:diagnosis",
    "drugs": "megatron_qm.rewards.drugs:drugs",
    "ordering": "megatron_qm.rewards.ordering:ordering",
    "format": "megatron_qm.rewards.shaping:answer_format",
    "hybrid": "megatron_qm.rewards.hybrid:by_metadata",
    "general": "megatron_qm.rewards.general:by_metadata",
}


def load(name: str) -> Reward:
    module, _, function = VERIFIERS.get(name, name).partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        known = ", ".join(VERIFIERS)
        raise UserError(f"verifier {name!r} is not known ({error}): use {known}, or module:function") from error
