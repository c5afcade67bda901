"""JSON over HTTP on 127.0.0.1, for callers that know a token: replies whole or as server-sent events; pages that ask for it."""

import hmac
import io
import json
import logging
import os
import select
import socket
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from megatron_qm.arrival import Arrival, Waiting
from megatron_qm.errors import UserError
from megatron_qm.json_lines import parse_line

logger = logging.getLogger(__name__)
_MOST_BYTES = 64 << 20
_PIECE = 1 << 16
_LINGER_SECONDS = 2.0
_BLANKS = " \t"  # that may stand around a header's value
_MOST_DIGITS = 19

Gone = Callable[[], bool]  # whether the caller has hung up


class Refused(Exception):
    """What is told to the caller, with the status of the reply."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Events:
    """A reply told piece by piece. `pieces` is closed where the caller hangs up; what it raises ends the stream with an error."""

    pieces: Generator[object, None, None]


@dataclass(frozen=True)
class Page:
    """HTML that whoever is on this machine may have: it holds nothing but what asks for the rest, with the token. policy: the
    Content-Security-Policy that browsers hold it to."""

    html: bytes
    policy: str


Answer = Callable[[object, Gone], object]  # (body, gone) -> the reply, or Events; raises Refused


class _Door(ThreadingHTTPServer):
    """A thread for every connection."""

    request_queue_size = 4096  # connections that wait to be taken; the system may allow fewer

    def __init__(self, routes: Mapping[str, Answer], token: str, port: int, pages: Mapping[str, Page]) -> None:
        self.routes, self.token, self.pages = routes, token, pages
        self.waiting = Waiting.of_process()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.waiting.make_room()
        self.waiting.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.waiting.remove(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller who hangs up is no news; anything else is one line."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            logger.warning("a connection ended with %s: %s", type(error).__name__, error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # of a line that names none: it is told what is wrong with it all the same
    disable_nagle_algorithm = True
    timeout = 60  # seconds that a caller may be silent
    whole = 120.0  # seconds in which a request must have arrived

    def setup(self) -> None:
        super().setup()
        self._arrival = Arrival(self.connection, self.timeout, self.whole)
        self.rfile = io.BufferedReader(self._arrival)

    def handle_one_request(self) -> None:
        self._arrival.expect()
        self._door.waiting.add(self.connection)
        super().handle_one_request()

    def do_POST(self) -> None:
        self._serve(self._body)

    def do_GET(self) -> None:
        page = self._door.pages.get(self.path.partition("?")[0])
        if page is None:
            self._serve(lambda: None)
        else:
            self._show(page)

    @property
    def _door(self) -> _Door:
        return cast(_Door, self.server)

    def _serve(self, body: Callable[[], object]) -> None:
        try:
            self._pass()
            route, asked = self._route(), body()
            self._door.waiting.remove(self.connection)
            reply = route(asked, self._gone)
            data = None if isinstance(reply, Events) else _encoded(reply)
        except Refused as error:
            self._refuse(error)
        except OSError:
            raise  # the caller's connection
        except Exception as error:  # a fault of ours, which costs this request
            self._refuse(_fault(error))
        else:
            if isinstance(reply, Events):
                self._tell(reply.pieces)
            else:
                self._reply(200, data or b"")

    def _pass(self) -> None:
        given = self.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, f"Bearer {self._door.token}".encode()):
            raise Refused("wrong or missing token", 401)

    def _route(self) -> Answer:
        answer = self._door.routes.get(f"{self.command} {self.path.partition('?')[0]}")
        if answer is None:
            raise Refused(f"{self.command} {self.path[:100]}: there are {', '.join(self._door.routes)}", 404)
        return answer

    def _body(self) -> object:
        length = self.headers.get("Content-Length", "").strip(_BLANKS)
        known = length and len(length) <= _MOST_DIGITS and "Transfer-Encoding" not in self.headers
        if not known or not 0 < int(length) <= _MOST_BYTES:
            raise Refused(f"a body of 1 to {_MOST_BYTES} bytes is needed, and its Content-Length", 413)
        try:
            data = self.rfile.read(int(length))
        except TimeoutError:
            raise self._late() from None
        self._unread = False
        if len(data) < int(length):
            raise Refused(f"the body ended after {len(data)} of {length} bytes")
        try:
            return parse_line(data)
        except ValueError as error:
            raise Refused(f"the body is no JSON: {error}") from None

    def _gone(self) -> bool:
        """A caller who has hung up is readable, and there is nothing to read."""
        try:
            poll = select.poll()  # select() knows no socket above 1,024
            poll.register(self.connection, select.POLLIN | select.POLLHUP)
            return bool(poll.poll(0)) and not self.connection.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):
            return True

    def _reply(self, status: int, data: bytes) -> None:
        self._head(status, "application/json", {"Content-Length": str(len(data))})
        self.wfile.write(data)

    def _show(self, page: Page) -> None:
        """No other page may hold it, and no cache keep it."""
        self._head(200, "text/html; charset=utf-8", {
            "Content-Length": str(len(page.html)), "Content-Security-Policy": page.policy, "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"})
        self.wfile.write(page.html)

    def _head(self, status: int, kind: str, more: Mapping[str, str]) -> None:
        """What is left of a body cannot be told from the next request, which needs a connection of its own."""
        self.close_connection = self.close_connection or self._unread
        self.send_response(status)
        for name, value in {"Content-Type": kind, **more}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _refuse(self, error: Refused) -> None:
        self._reply(error.status, _encoded(_error(error)))
        if self._unread:
            self._linger()

    def _tell(self, pieces: Generator[object, None, None]) -> None:
        """Server-sent events; the end of the connection is the end of the stream."""
        self.close_connection = True
        self._head(200, "text/event-stream; charset=utf-8", {"Cache-Control": "no-cache"})
        try:
            for piece in pieces:
                self._event(_encoded(piece))
            self._event(b"[DONE]")
        except Refused as error:
            self._event(_encoded(_error(error)))
        except OSError:
            raise
        except Exception as error:  # a fault of ours, which ends this stream
            self._event(_encoded(_error(_fault(error))))
        finally:
            pieces.close()

    def _event(self, data: bytes) -> None:
        self.wfile.write(b"data: %b\n\n" % data)

    def _linger(self) -> None:
        """Read on for a while: to close upon what is not read would take the reply away from the caller."""
        rest = Arrival(self.connection, _LINGER_SECONDS, _LINGER_SECONDS)
        try:
            self.connection.shutdown(socket.SHUT_WR)
            left = _MOST_BYTES
            while left > 0 and (data := rest.read(_PIECE)):
                left -= len(data)
        except OSError:
            pass

    def parse_request(self) -> bool:
        self._unread = False  # of the body
        try:
            whole = super().parse_request()
        except TimeoutError:
            self.send_error(408, str(self._late()))
            return False
        if whole and (why := _misframed(self.headers)):
            self.send_error(400, why)
            return False
        self._unread = whole and any(name in self.headers for name in ("Content-Length", "Transfer-Encoding"))
        return whole

    def _late(self) -> Refused:
        return Refused(f"the request did not arrive in time: {self.whole:g} seconds for all of it, and at most {self.timeout:g} "
                       "without a byte; send it again", 408)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Of http.server itself: a line or a header that is none, a method that is not served."""
        self.close_connection = self._unread = True
        self._refuse(Refused(message or HTTPStatus(code).phrase, int(code)))

    def log_message(self, *_: Any) -> None:
        """Prompts are not for logs."""


def json_server(routes: Mapping[str, Answer], token: str, port: int = 0,
                pages: Mapping[str, Page] | None = None) -> ThreadingHTTPServer:
    """A server on 127.0.0.1 (port 0: any free one). routes: {"POST /score": function of the body, "GET /models": of None};
    each gives the reply or raises Refused; whatever else it raises costs its own request alone. Callers send `Authorization:
    Bearer TOKEN`. An error is {"error": {"message"}}. pages: {"/": page}, for whom the token is not asked. Raises UserError for a
    port that cannot be had."""
    if not 0 <= port < 1 << 16:
        raise UserError(f"--port {port}: must lie in 0 to 65535")
    try:
        return _Door(routes, token, port, pages or {})
    except OSError as error:
        raise UserError(f"--port {port}: {error.strerror}; name another, or 0 for any free one") from None


def token_of(variable: str, drawn: str = "") -> str:
    """What callers must send, of the environment; `drawn` where nothing is set. Raises UserError for none, and for one that no
    caller can send: he would be refused for ever."""
    token = os.environ.get(variable) or drawn
    if not token:
        raise UserError(f"set {variable} to the token that callers must send")
    if not (token.isascii() and token.isprintable() and token == token.strip()):
        raise UserError(f"{variable}: holds what cannot be sent as a token: ASCII letters, digits and signs can, with no space "
                        f"at either end and no line break; set another{', or unset it and one is drawn' if drawn else ''}")
    return token


def _misframed(headers: Message) -> str | None:
    """Why it cannot be told where the request ends: of two readers one might take for a request what is body to the other."""
    lengths = [value.strip(_BLANKS) for value in headers.get_all("Content-Length", [])]
    if headers.defects:
        return "a line of the head is no header"
    if lengths and "Transfer-Encoding" in headers:
        return "both Content-Length and Transfer-Encoding are given; send one of them"
    if len(set(lengths)) > 1:
        return "two Content-Length headers differ; send one"
    if lengths and not (lengths[0].isascii() and lengths[0].isdecimal()):
        return f"Content-Length: {lengths[0][:40]!r} is no number of bytes; send digits alone"
    return None


def _encoded(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def _fault(error: Exception) -> Refused:
    logger.warning("a request failed: %s: %s", type(error).__name__, error)
    return Refused(f"the server failed at this request: {type(error).__name__}: {str(error)[:500]}", 500)


def _error(error: Refused) -> dict[str, object]:
    """As the OpenAI API tells it."""
    kinds = {401: "authentication_error", 500: "server_error", 503: "server_error"}
    return {"error": {"message": str(error), "type": kinds.get(error.status, "invalid_request_error"), "code": error.status}}
