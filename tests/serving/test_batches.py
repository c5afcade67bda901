"""Callers' requests are generated together, each under a key of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from megatron_qm.errors import UserError
from megatron_qm.loopback import Refused
from megatron_qm.model.generation.request import Completion, Request
from megatron_qm.serving.batches import Batches


@contextmanager
def serving(generate, batches: Batches) -> Iterator[None]:
    thread = threading.Thread(target=batches.serve, args=(generate,))
    thread.start()
    yield
    batches.stop()
    thread.join(10)
    assert not thread.is_alive()


class Caller(threading.Thread):
    """Asks in a thread of its own, and has done so once made; `join` before reading what `found` it."""

    def __init__(self, batches: Batches, *requests: Request) -> None:
        super().__init__()
        self.found: list[Completion] | Refused | None = None
        self._batches, self._requests, before = batches, list(requests), batches._waiting.qsize()
        self.start()
        while batches._waiting.qsize() == before:
            time.sleep(0.001)

    def run(self) -> None:
        try:
            self.found = self._batches.ask(self._requests)
        except Refused as error:
            self.found = error


def echo(seen: list):
    def generate(requests):
        assert len({request.key for request in requests}) == len(requests)
        seen.append([request.key for request in requests])
        return [Completion(request.key, request.prompt, (), (), "stop") for request in requests]
    return generate


def test_what_waits_is_one_batch_and_a_key_stands_in_it_once() -> None:
    batches, seen = Batches(most=4), []
    callers = [Caller(batches, Request("a", (1,)), Request("b", (2,)))]
    callers += [Caller(batches, Request(key, (number,))) for key, number in (("a", 3), ("c", 4), ("d", 5), ("e", 6))]
    with serving(echo(seen), batches):
        for caller in callers:
            caller.join(10)
    assert [[one.tokens for one in caller.found] for caller in callers] == [[(1,), (2,)], [(3,)], [(4,)], [(5,)], [(6,)]]
    assert seen == [["a", "b", "c", "d"], ["a", "e"]]


def test_an_error_of_the_generator_goes_to_its_callers() -> None:
    batches = Batches()

    def generate(requests):
        raise UserError("weights hold NaN")

    caller = Caller(batches, Request("a", (1,)))
    with serving(generate, batches):
        caller.join(10)
    assert isinstance(caller.found, Refused) and "NaN" in str(caller.found)


def test_who_still_waits_when_it_stops_is_told() -> None:
    batches, seen = Batches(), []
    caller = Caller(batches, Request("a", (1,)))
    batches.stop()
    batches.serve(echo(seen))
    caller.join(10)
    assert isinstance(caller.found, Refused) and caller.found.status == 503 and not seen
