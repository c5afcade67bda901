"""Imported once, where workers are forked, by runs whose items ask for diagnoses (half a second)."""

from megatron_qm.rewards.warm import prepare

prepare(("diagnosis", "who"))
