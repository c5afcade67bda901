"""How long the rows of an update are."""

from megatron_qm.config.rl import RlRun

_MULTIPLE = 16


def multiple_of(config: RlRun) -> int:
    """Tokens that a row's length is rounded up to: 16, times what SP and CP cut it by."""
    return _MULTIPLE * (config.parallel.tp if config.parallel.sp else 1) * config.parallel.cp


def packed_length(config: RlRun) -> int:
    """Tokens of a row that several responses share."""
    return config.data.sequence_length - config.data.sequence_length % multiple_of(config)
