"""Work of which the outcome matters to all ranks: all go on, or all raise the same error."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch.distributed as dist

from megatron_qm.checkpoint.writer import why
from megatron_qm.errors import UserError

T = TypeVar("T")


def on_first_rank(work: Callable[[], T]) -> T:
    """`work()` done by rank 0; every rank gets its value, or raises UserError with its message. Where there are no ranks
    (torch.distributed is not initialised) this process does it alone.

    One rank looks at the disk: others might see it later than it is, and then wait for each other for ever.
    """
    together = dist.is_initialized()
    box: list[Any] = [None, None, None]  # value, message for the user, anything else
    failed: Exception | None = None
    if not together or dist.get_rank() == 0:
        try:
            box[0] = work()
        except UserError as error:
            box[1] = str(error)
        except OSError as error:
            box[1] = why(error)
        except Exception as error:  # raised below, once the others know not to wait
            box[2], failed = f"rank 0 failed: {error!r}", error
    if together:
        dist.broadcast_object_list(box, src=0)
    if box[2] is not None:
        raise failed or RuntimeError(box[2])
    if box[1] is not None:
        raise UserError(box[1])
    value: T = box[0]
    return value


def first_problem(problem: str | None) -> str | None:
    """The problem of the lowest rank that has one, on every rank."""
    problems: list[str | None] = [None] * dist.get_world_size()
    dist.all_gather_object(problems, problem)
    return next((found for found in problems if found), None)
