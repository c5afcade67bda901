"""Where callers' requests meet the generator: they join what is running, on all ranks alike."""

import itertools
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

import torch.distributed as dist

from megatron_qm.checkpoint.together import on_first_rank
from megatron_qm.errors import UserError
from megatron_qm.loopback import Gone, Refused
from megatron_qm.model.generation.feed import Feed, News
from megatron_qm.model.generation.request import Completion, Request

logger = logging.getLogger(__name__)
Event = tuple[int, int | Completion]  # (which of a caller's requests, its next token or what it came to)
_WAIT_SECONDS = 1.0  # ranks meet at least so often: a collective that waits for callers would look like a hang
_LOOK_SECONDS = 0.25  # how often a caller that waits is looked after

_Heard = queue.SimpleQueue[tuple[int, int | Completion | Refused]]


@dataclass
class _Open:
    """A request that somebody waits for. told: tokens that its caller knows; at: tokens of its present run, which are fewer where
    it runs again."""

    request: Request
    place: int
    heard: _Heard
    told: int = 0
    at: int = 0


@dataclass
class _Books:
    """Rank 0's: what waits, what runs (`taken`), and what is to run alone, since something failed among others."""

    open: dict[int, _Open] = field(default_factory=dict)
    waiting: deque[int] = field(default_factory=deque)
    taken: set[int] = field(default_factory=set)
    apart: deque[int] = field(default_factory=deque)
    gone: set[int] = field(default_factory=set)
    alone: bool = False


class Desk:
    """Callers `ask` from their threads, at rank 0; every rank's main thread is in `serve`. To the generator it is a Feed."""

    def __init__(self) -> None:
        self._books, self._numbers = _Books(), itertools.count()
        self._changed = threading.Condition()  # holds the books, too
        self._stopped = False

    def ask(self, requests: Sequence[Request], gone: Gone = lambda: False) -> Generator[list[Event], None, None]:
        """What comes of the requests, in lists of what has come since, until all have ended. gone: whether the caller has
        hung up, which ends the requests, as closing the iterator does. Raises Refused where one cannot be answered."""
        heard: _Heard = queue.SimpleQueue()
        numbers = self._take_in(requests, heard)
        try:
            left = len(requests)
            while left:
                events = _news_of(heard)
                if gone():
                    raise ConnectionResetError("the caller has hung up")
                left -= sum(isinstance(what, Completion) for _, what in events)
                if events:
                    yield events
        finally:
            self._let_go(numbers)

    def stop(self) -> None:
        """`serve` ends once what runs has ended; nothing new is taken."""
        self._stopped = True

    def serve(self, answer: Callable[[Feed], None]) -> None:
        """Until stopped, on all ranks together. answer: generates what the feed tells it, until there is no more."""
        while (work := on_first_rank(self._wait)) is not None:
            if work:
                self._answer(answer)
        with self._changed:
            self._refuse([*self._books.open], Refused("the server stops", 503))

    # --- the generator's side: Feed

    def news(self) -> News:
        return on_first_rank(self._news)

    def wrote(self, number: int, token: int) -> None:
        with self._changed:
            known = self._books.open.get(number)
            if known is not None:
                known.at += 1
                if known.at > known.told:
                    known.told = known.at
                    known.heard.put((known.place, token))

    def ended(self, number: int, result: Completion | UserError) -> None:
        with self._changed:
            if isinstance(result, UserError):
                self._refuse([number], Refused(str(result)))
                return
            self._books.taken.discard(number)
            known = self._books.open.pop(number, None)
            if known is not None:
                known.heard.put((known.place, result))

    # --- rank 0's books

    def _take_in(self, requests: Sequence[Request], heard: _Heard) -> list[int]:
        with self._changed:
            if self._stopped:
                raise Refused("the server stops", 503)
            numbers = list(itertools.islice(self._numbers, len(requests)))
            for place, (number, request) in enumerate(zip(numbers, requests, strict=True)):
                self._books.open[number] = _Open(request, place, heard)
            self._books.waiting.extend(numbers)
            self._changed.notify()
        return numbers

    def _let_go(self, numbers: Sequence[int]) -> None:
        """Of those that are still open, because the caller has left."""
        with self._changed:
            for number in numbers:
                if self._books.open.pop(number, None) is not None and number in self._books.taken:
                    self._books.gone.add(number)

    def _wait(self) -> bool | None:
        """Whether there is work; None once stopped."""
        with self._changed:
            if self._stopped:
                return None
            if not (self._books.waiting or self._books.apart):
                self._changed.wait(_WAIT_SECONDS)
            return bool(self._books.waiting or self._books.apart)

    def _news(self) -> News:
        with self._changed:
            books = self._books
            gone, books.gone = books.gone, set()
            books.taken -= gone
            if not books.taken:
                books.alone = bool(books.apart)
            if self._stopped:
                self._refuse([*books.waiting, *books.apart], Refused("the server stops", 503))
            arrived = self._next()
            books.taken.update(arrived)
            return News([(number, books.open[number].request) for number in arrived], gone)

    def _next(self) -> list[int]:
        """All that waits; but what is to run alone comes one by one, once nothing else runs."""
        books = self._books
        source = books.apart if books.alone else books.waiting
        most = (0 if books.taken else 1) if books.alone else len(source)
        found: list[int] = []
        while source and len(found) < most:
            number = source.popleft()
            if number in books.open:  # its caller has not left
                books.open[number].at = 0
                found.append(number)
        return found

    def _answer(self, answer: Callable[[Feed], None]) -> None:
        try:
            answer(self)
        except Exception as error:  # of one request, it may be: the others are to have their answers
            logger.warning("generation failed: %s: %s", type(error).__name__, error)
            several = dist.is_initialized() and dist.get_world_size() > 1
            with self._changed:
                self._failed(Refused(f"generation failed: {type(error).__name__}: {str(error)[:500]}", 500), several)
            if several:
                raise  # the others may be in a collective that this rank will never join

    def _failed(self, refused: Refused, several: bool) -> None:
        """What failed alone, failed; what failed together runs again, one by one."""
        books = self._books
        if several or len(books.taken) <= 1:
            self._refuse([*books.taken], refused)
        else:
            books.apart.extend(sorted(books.taken))
        books.taken.clear()
        books.gone.clear()

    def _refuse(self, numbers: Sequence[int], refused: Refused) -> None:
        for number in numbers:
            self._books.taken.discard(number)
            known = self._books.open.pop(number, None)
            if known is not None:
                known.heard.put((known.place, refused))


def _news_of(heard: _Heard) -> list[Event]:
    """All that has come, once there is something, or after a while."""
    try:
        found = [heard.get(timeout=_LOOK_SECONDS)]
    except queue.Empty:
        return []
    found += [heard.get() for _ in range(heard.qsize())]
    events: list[Event] = []
    for place, what in found:
        if isinstance(what, Refused):
            raise what
        events.append((place, what))
    return events
