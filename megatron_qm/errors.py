"""The one exception that a user sees: a sentence that names the place, the value and what to do."""

from megatron_qm.exits import USER_MUST_MEND


class UserError(Exception):
    """Something the user can mend. The command line prints its text after `error: ` and ends with `exit_code`, with no
    traceback."""

    exit_code = USER_MUST_MEND
