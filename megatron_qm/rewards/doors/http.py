"""POST /score with {"samples": [{"verifier", "prompt", "response", "reference", "metadata"}]}; loopback and a token."""

import threading
from http.server import ThreadingHTTPServer
from typing import Any

from megatron_qm.loopback import Refused, json_server
from megatron_qm.rewards.outcome import Outcome, Scored
from megatron_qm.rewards.pool import Sample, VerifierPool, admitted
from megatron_qm.rewards.registry import SHIPPED, Verifiers


def as_dict(outcome: Outcome) -> dict[str, object]:
    if isinstance(outcome, Scored):
        return {"scored": True, "value": outcome.value, "parts": dict(outcome.parts), "explanation": outcome.explanation}
    return {"scored": False, "reason": outcome.reason}


def server(pool: VerifierPool, token: str, port: int = 0, verifiers: Verifiers = SHIPPED) -> ThreadingHTTPServer:
    """A server on 127.0.0.1 (port 0: any free one). Of `verifiers` only: a caller cannot name code to import."""
    lock = threading.Lock()

    def score(body: Any) -> dict[str, object]:
        try:
            samples = [admitted(Sample(**{"prompt": "", "metadata": {}, **one}), verifiers) for one in body["samples"]]
        except (ValueError, TypeError, KeyError) as error:
            raise Refused(f"{type(error).__name__}: {error}") from None
        with lock:
            return {"outcomes": [as_dict(one) for one in pool.score(samples)]}

    return json_server({"POST /score": score}, token, port)
