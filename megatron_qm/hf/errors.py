"""What the release gate raises."""

from megatron_qm.errors import UserError


class GateError(UserError):
    """A release that is not the model it should be; the text names the first file, key, tensor or module to differ."""
