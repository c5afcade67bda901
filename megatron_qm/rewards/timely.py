"""A POST whose answer is waited for until a deadline and no longer, whatever the other end does."""

import http.client
import threading
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")
_MOST_BYTES = 4 << 20  # of an answer


def post(url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> bytes:
    """The body of a whole answer with a status of 200 to 299; redirects are not followed. Raises what urllib and http.client
    raise, HTTPError for any other status, TimeoutError after `seconds`, and ValueError for an answer of more than 4 MiB."""
    request = urllib.request.Request(url, body, dict(headers))
    return within(seconds, lambda: _read(request, seconds))


def within(seconds: float, work: Callable[[], T]) -> T:
    """`work()`, or TimeoutError after `seconds`: a name that is looked up, or an answer that comes byte by byte, knows no
    time-out of its own. What is waited for no longer ends by itself and keeps no process from ending."""
    found: Future[T] = Future()

    def run() -> None:
        try:
            found.set_result(work())
        except BaseException as error:  # noqa: BLE001  whoever waits is told
            found.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return found.result(seconds)
    except TimeoutError:
        raise TimeoutError(f"no answer in {seconds:.3g} s") from None


def _read(request: urllib.request.Request, seconds: float) -> bytes:
    with _opener().open(request, timeout=seconds) as reply:
        data: bytes = reply.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ValueError(f"an answer of more than {_MOST_BYTES:,} bytes")
        if reply.length:
            raise http.client.IncompleteRead(data, reply.length)
        return data


def _opener() -> urllib.request.OpenerDirector:
    """http and https alone, and no redirects: the key goes to the base that the user has named and nowhere else."""
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler(), urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(),
                    urllib.request.HTTPErrorProcessor(), urllib.request.HTTPDefaultErrorHandler()):
        opener.add_handler(handler)
    return opener
