"""JSON over HTTP on 127.0.0.1, for callers that know a token."""

import hmac
import json
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_MOST_BYTES = 64 << 20


class Refused(Exception):
    """What is told to the caller, with the status of the reply."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def json_server(routes: Mapping[str, Callable[[object], object]], token: str, port: int = 0) -> ThreadingHTTPServer:
    """A server on 127.0.0.1 (port 0: any free one). routes: {"POST /score": function of the body, "GET /models": of None};
    each gives the reply or raises Refused. Callers send `Authorization: Bearer TOKEN`. An error is {"error": {"message"}}."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 60

        def do_POST(self) -> None:
            self._serve(self._body)

        def do_GET(self) -> None:
            self._serve(lambda: None)

        def _serve(self, body: Callable[[], object]) -> None:
            try:
                given = self.headers.get("Authorization", "").encode("utf-8", "replace")
                if not hmac.compare_digest(given, f"Bearer {token}".encode()):
                    raise Refused("wrong or missing token", 401)
                answer = routes.get(f"{self.command} {self.path}")
                if answer is None:
                    raise Refused(f"{self.command} {self.path}: there are {', '.join(routes)}", 404)
                self._reply(200, answer(body()))
            except Refused as error:
                self._reply(error.status, {"error": {"message": str(error)}})

        def _body(self) -> object:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or not 0 < int(length) <= _MOST_BYTES:
                raise Refused(f"a body of 1 to {_MOST_BYTES} bytes is needed, and its Content-Length", 413)
            try:
                body: object = json.loads(self.rfile.read(int(length)))
            except (ValueError, RecursionError) as error:
                raise Refused(f"the body is not JSON: {error}") from None
            return body

        def _reply(self, status: int, body: object) -> None:
            data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Prompts are not for logs."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)
