"""POST /score with {"samples": [{"verifier", "prompt", "response", "reference", "metadata"}]}; loopback and a token."""
# ruff: noqa: E501  Chinese characters count twice

import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from megatron_qm.rewards.outcome import Outcome, Scored
from megatron_qm.rewards.pool import Sample, VerifierPool
from megatron_qm.rewards.registry import VERIFIERS

_MOST_BYTES = 64 << 20


def as_dict(outcome: Outcome) -> dict:
    if isinstance(outcome, Scored):
        return {"scored": True, "value": outcome.value, "parts": dict(outcome.parts), "explanation": outcome.explanation}
    return {"scored": False, "reason": outcome.reason}


def server(pool: VerifierPool, token: str, port: int = 0) -> ThreadingHTTPServer:
    """A server on 127.0.0.1 (port 0: any free one). Only shipped verifiers: a caller cannot name code to import."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        timeout = 60

        def do_POST(self) -> None:
            given = self.headers.get("Authorization", "").encode("utf-8", "replace")
            if not hmac.compare_digest(given, f"Bearer {token}".encode()):
                return self._reply(401, {"error": "wrong or missing token"})
            try:
                length = int(self.headers.get("Content-Length", ""))
                if self.path != "/score" or not 0 < length <= _MOST_BYTES:
                    return self._reply(404 if self.path != "/score" else 413, {"error": "POST /score, up to 64 MiB"})
                samples = [Sample(**{"prompt": "", "metadata": {}, **one}) for one in json.loads(self.rfile.read(length))["samples"]]
                if strangers := {str(one.verifier) for one in samples} - set(VERIFIERS):
                    raise ValueError(f"unknown verifiers {sorted(strangers)}")
            except (ValueError, TypeError, KeyError) as error:
                return self._reply(400, {"error": f"{type(error).__name__}: {error}"})
            with lock:
                outcomes = pool.score(samples)
            return self._reply(200, {"outcomes": [as_dict(one) for one in outcomes]})

        def _reply(self, status: int, body: dict) -> None:
            data = json.dumps(body, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Prompts are not for logs."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)
