"""A stand-in for a model that judges: an OpenAI-compatible endpoint on the loopback that decides by a script.

No model that could judge fits on two CPU cores, so this one sees what a good judge would: that "It is treated in Cardiology."
names option A. It passes a response that holds the text of the right option and of no other, and fails all else. What is
measured with it is the path (rules first, the endpoint where they can read no answer), not the worth of a judge.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_REFERENCE = re.compile(r"do not\): '(?P<letter>[A-Z])'$", re.MULTILINE)
_DATA = re.compile(r"^DATA-(?P<nonce>[0-9a-f]+)\n(?P<json>\{.*\})$", re.MULTILINE)
_OPTION = re.compile(r"^([A-Z])\. (.+)$", re.MULTILINE)


def verdict(prompt: str) -> str:
    """The line that rewards/judge.py asks for."""
    data, asked = _DATA.search(prompt), _REFERENCE.search(prompt)
    passed = asked is not None and _holds_right_option(json.loads(data["json"]), asked["letter"])
    return f"VERDICT-{data['nonce']}: {'PASS' if passed else 'FAIL'}"


def _holds_right_option(data: dict[str, str], letter: str) -> bool:
    options, said = dict(_OPTION.findall(data["prompt"])), data["response"].casefold()
    return [name for name, text in options.items() if text.casefold() in said] == [letter]


@contextmanager
def scripted_judge() -> Iterator[str]:
    """The base address of the endpoint while it serves."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = verdict(body["messages"][0]["content"])
        reply = json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: object) -> None:
        """520 calls a step are not for the screen."""
