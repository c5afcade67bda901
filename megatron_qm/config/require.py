"""A rule that does not hold, and the keys it speaks of: whoever read the config can then say where they came from."""

from megatron_qm.errors import UserError


class BrokenRuleError(UserError):
    """`keys`: the dotted keys concerned, the one to blame first."""

    def __init__(self, message: str, *keys: str) -> None:
        super().__init__(message)
        self.keys = keys


def require(holds: bool, message: str, *keys: str) -> None:
    """Raises BrokenRuleError with `message` about `keys` unless it holds."""
    if not holds:
        raise BrokenRuleError(message, *keys)
