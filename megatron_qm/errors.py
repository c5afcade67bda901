"""The one exception that a user sees: a sentence that names the place, the value and what to do."""


class UserError(Exception):
    """Something the user can mend. The command line prints its text after `error: ` and exits 2, with no traceback."""
