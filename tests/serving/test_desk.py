"""Callers' requests join what runs; what fails, fails alone; who leaves is not answered."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from megatron_qm.errors import UserError
from megatron_qm.loopback import Refused
from megatron_qm.model.generation.feed import Feed, News
from megatron_qm.model.generation.request import Completion, Request, Sampling
from megatron_qm.serving.desk import Desk


def request(key: str, tokens: int = 3) -> Request:
    return Request(key, (1,), Sampling(max_new_tokens=tokens))


class Counting:
    """A generator that writes 0, 1, 2, ... for every request; `before` is called with what runs before every token."""

    def __init__(self, before: Callable[[dict[int, Request]], None] = lambda running: None) -> None:
        self._before, self.together = before, []

    def __call__(self, feed: Feed) -> None:
        running: dict[int, Request] = {}
        at: dict[int, int] = {}
        while True:
            news: News = feed.news()
            running |= dict(news.arrived)
            running = {number: one for number, one in running.items() if number not in news.gone}
            if not running:
                return
            self.together.append(sorted(one.key for one in running.values()))
            self._before(running)
            for number, one in list(running.items()):
                token = at[number] = at.get(number, -1) + 1
                feed.wrote(number, token)
                if token == one.sampling.max_new_tokens - 1:
                    del running[number]
                    feed.ended(number, Completion(one.key, tuple(range(token + 1)), (), (), "length"))
            time.sleep(0.002)


@contextmanager
def serving(desk: Desk, generator: Callable[[Feed], None]) -> Iterator[None]:
    thread = threading.Thread(target=desk.serve, args=(generator,))
    thread.start()
    try:
        yield
    finally:
        desk.stop()
        thread.join(10)
        assert not thread.is_alive()


class Caller(threading.Thread):
    """Asks in a thread of its own; `join` before reading what was `told`, or the `error`."""

    def __init__(self, desk: Desk, *requests: Request, gone: Callable[[], bool] = lambda: False) -> None:
        super().__init__()
        self.told: list = []
        self.error: Exception | None = None
        self._desk, self._requests, self._gone = desk, requests, gone
        self.start()

    def run(self) -> None:
        try:
            for events in self._desk.ask(self._requests, self._gone):
                self.told += events
        except (Refused, ConnectionResetError) as error:
            self.error = error

    @property
    def tokens(self) -> list[int]:
        return [what for _, what in self.told if isinstance(what, int)]


def test_a_request_joins_what_runs() -> None:
    desk, second = Desk(), []

    def before(running: dict[int, Request]) -> None:
        if not second and len(generator.together) == 3:
            second.append(Caller(desk, request("late", 2)))
            time.sleep(0.05)

    generator = Counting(before)
    with serving(desk, generator):
        first = Caller(desk, request("early", 20))
        first.join(10)
        second[0].join(10)
    assert ["early"] in generator.together and ["early", "late"] in generator.together and ["late"] not in generator.together
    assert first.tokens == list(range(20)) and second[0].tokens == [0, 1]


def test_choices_of_a_caller_are_told_apart_and_end_with_their_completions() -> None:
    desk = Desk()
    with serving(desk, Counting()):
        caller = Caller(desk, request("a", 2), request("b", 3))
        caller.join(10)
    done = {place: what for place, what in caller.told if isinstance(what, Completion)}
    assert (done[0].key, done[1].key) == ("a", "b")
    assert [what for place, what in caller.told if place == 1 and isinstance(what, int)] == [0, 1, 2]


def test_a_fault_costs_its_own_request_and_no_token_is_told_twice() -> None:
    desk = Desk()

    def before(running: dict[int, Request]) -> None:
        if any(one.key == "bad" for one in running.values()) and len(generator.together) > 3:
            raise ZeroDivisionError("in the middle")

    generator = Counting(before)
    with serving(desk, generator):
        callers = [Caller(desk, request(key, 8)) for key in ("a", "bad", "b")]
        for caller in callers:
            caller.join(10)
        after = Caller(desk, request("after"))
        after.join(10)
    a, bad, b = callers
    assert a.tokens == b.tokens == list(range(8)) and after.tokens == [0, 1, 2]
    assert bad.error.status == 500 and "in the middle" in str(bad.error)


def test_what_cannot_be_served_is_told_to_its_caller_alone() -> None:
    desk = Desk()

    def generate(feed: Feed) -> None:
        for number, one in feed.news().arrived:
            feed.ended(number, UserError("no such token") if one.key == "bad" else Completion(one.key, (), (), (), "stop"))

    with serving(desk, generate):
        good, bad = Caller(desk, request("good")), Caller(desk, request("bad"))
        good.join(10), bad.join(10)
    assert good.error is None and bad.error.status == 400 and "no such token" in str(bad.error)


@pytest.mark.parametrize("waits", [True, False])
def test_who_hangs_up_is_not_answered(waits: bool) -> None:
    desk, left = Desk(), threading.Event()
    generator = Counting()
    with serving(desk, generator):
        stays = Caller(desk, request("stays", 100))
        if waits:
            leaves = Caller(desk, request("leaves", 10_000), gone=left.is_set)
            time.sleep(0.05)
            left.set()
            leaves.join(10)
            assert isinstance(leaves.error, ConnectionResetError)
        else:
            stream = desk.ask([request("leaves", 10_000)])
            next(stream)
            stream.close()
        stays.join(10)
        time.sleep(0.05)
        assert ["leaves", "stays"] in generator.together and generator.together[-1] == ["stays"]
    assert stays.tokens == list(range(100)) and not desk._books.open and not desk._books.taken


def test_who_still_waits_when_it_stops_is_told_and_what_runs_ends() -> None:
    desk = Desk()
    with serving(desk, Counting()):
        runs = Caller(desk, request("runs", 50))
        while not runs.told:
            time.sleep(0.001)
        desk.stop()
        late = Caller(desk, request("late"))
        late.join(10), runs.join(10)
    assert runs.tokens == list(range(50))
    assert isinstance(late.error, Refused) and late.error.status == 503
