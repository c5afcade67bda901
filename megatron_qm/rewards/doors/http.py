"""POST /score with {"samples": [{"verifier", "prompt", "response", "reference", "metadata"}]}; loopback and a token."""

import threading
from http.server import ThreadingHTTPServer

from megatron_qm.json_types import object_of, objects_of, text_of
from megatron_qm.loopback import Gone, Refused, json_server
from megatron_qm.rewards.outcome import Outcome, Scored
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.registry import SHIPPED, Verifiers
from megatron_qm.rewards.samples import Sample, admitted

_KNOWN = ("verifier", "prompt", "response", "reference", "metadata")


def as_dict(outcome: Outcome) -> dict[str, object]:
    if isinstance(outcome, Scored):
        return {"scored": True, "value": outcome.value, "parts": dict(outcome.parts), "explanation": outcome.explanation}
    return {"scored": False, "reason": outcome.reason}


def server(pool: VerifierPool, token: str, port: int = 0, verifiers: Verifiers = SHIPPED) -> ThreadingHTTPServer:
    """A server on 127.0.0.1 (port 0: any free one). Of `verifiers` only: a caller names no code, no file and no address."""
    lock = threading.Lock()

    def score(body: object, gone: Gone) -> dict[str, object]:
        samples = _samples(body, verifiers)
        with lock:
            return {"outcomes": [as_dict(one) for one in pool.score(samples)]}

    return json_server({"POST /score": score}, token, port)


def _samples(body: object, verifiers: Verifiers) -> list[Sample]:
    if not isinstance(body, dict) or set(body) != {"samples"}:
        raise Refused('the body must be an object with "samples" and nothing else')
    samples = []
    try:
        for sample in objects_of(body, "samples"):
            samples.append(_sample(sample, verifiers))
    except ValueError as error:
        raise Refused(f"sample {len(samples)}: {error}") from None
    return samples


def _sample(given: dict[str, object], verifiers: Verifiers) -> Sample:
    """prompt and metadata may be left out."""
    if unknown := sorted(set(given) - set(_KNOWN)):
        raise ValueError(f"{unknown[0]!r} is no field of a sample; known are {', '.join(_KNOWN)}")
    if "reference" not in given:
        raise ValueError("lacks reference")
    full = {"prompt": "", "metadata": {}, **given}
    verifier, prompt, response = (text_of(full, name) for name in ("verifier", "prompt", "response"))
    return admitted(Sample(verifier, prompt, response, full["reference"], object_of(full, "metadata")), verifiers)
