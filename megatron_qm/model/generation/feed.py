"""What a generator is asked for while it runs, and whom it tells."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from megatron_qm.errors import UserError
from megatron_qm.model.generation.request import Completion, Request


@dataclass(frozen=True)
class News:
    """Requests that have come, under numbers of their own, and the numbers of those that nobody waits for any more."""

    arrived: Sequence[tuple[int, Request]] = ()
    gone: Collection[int] = ()


class Feed(Protocol):
    """Asked between tokens, by all ranks of a model together; every rank must hear the same news."""

    def news(self) -> News: ...

    def wrote(self, number: int, token: int) -> None:
        """The next token of a request."""

    def ended(self, number: int, result: Completion | UserError) -> None:
        """A request is answered, or cannot be; the others go on."""


class Listed:
    """A list of requests that are all there at the start; the first error ends it. `done` by place in the list."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self._waiting = list(enumerate(requests))
        self.done: dict[int, Completion] = {}

    def news(self) -> News:
        arrived, self._waiting = self._waiting, []
        return News(arrived)

    def wrote(self, number: int, token: int) -> None: ...

    def ended(self, number: int, result: Completion | UserError) -> None:
        if isinstance(result, UserError):
            raise result
        self.done[number] = result
