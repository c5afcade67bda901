"""Imported once, where workers are forked, by runs whose items name ICD-10-CM (some seven seconds)."""

from megatron_qm.rewards.warm import prepare

prepare(("diagnosis", "cm"))
