"""Imported once, where workers are forked: all that the shipped verifiers read, but for ICD-10-CM (a second or so)."""

from megatron_qm.rewards.registry import VERIFIERS
from megatron_qm.rewards.warm import prepare

for name in VERIFIERS:
    prepare((name, "who"))
