"""The one exception that a user sees: a sentence that names the place, the value and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from megatron_qm.exits import USER_MUST_MEND


class UserError(Exception):
    """Something the user can mend. The command line prints its text after `error: ` and ends with `exit_code`, with no
    traceback."""

    exit_code = USER_MUST_MEND


@contextmanager
def in_key(key: str) -> Iterator[None]:
    """What is wrong with what a key names is said with the key."""
    try:
        yield
    except UserError as error:
        if not str(error).startswith(key):
            error.args = (f"{key}: {error}",)
        raise
