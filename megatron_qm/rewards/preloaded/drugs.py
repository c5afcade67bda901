"""Imported once, where workers are forked, by runs whose items ask for drugs."""

from megatron_qm.rewards.warm import prepare

prepare(("drugs", ""))
