"""POST /score with {"samples": [{"verifier", "prompt", "response", "reference", "metadata"}]}; loopback and a token."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from http.server import ThreadingHTTPServer

from megatron_qm.json_types import check_names, object_of, objects_of, text_of
from megatron_qm.loopback import Gone, Refused, json_server
from megatron_qm.rewards.formats import format_of
from megatron_qm.rewards.outcome import Outcome, Scored
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.reads import ANY, check_read, keys_of
from megatron_qm.rewards.registry import SHIPPED, Verifiers
from megatron_qm.rewards.samples import Sample, admitted

_KNOWN = ("verifier", "prompt", "response", "reference", "metadata")
PairScorer = Callable[[Sequence[tuple[str, str]]], list[Outcome]]  # of prompts with responses


def as_dict(outcome: Outcome) -> dict[str, object]:
    if isinstance(outcome, Scored):
        return {"scored": True, "value": outcome.value, "parts": dict(outcome.parts), "explanation": outcome.explanation}
    return {"scored": False, "reason": outcome.reason}


def server(
    pool: VerifierPool, token: str, port: int = 0, verifiers: Verifiers = SHIPPED, models: Mapping[str, PairScorer] | None = None,
    unread: Collection[str] = (),
) -> ThreadingHTTPServer:
    """A server on 127.0.0.1 (port 0: any free one). Of `verifiers` and the reward models `models` only: a caller names no code,
    no file and no address. unread: keys that callers' metadata may have though nobody reads them."""
    lock, known = threading.Lock(), models or {}

    def score(body: object, gone: Gone) -> dict[str, object]:
        samples = _samples(body, lambda given: _sample(given, verifiers, known, unread))
        with lock:
            return {"outcomes": [as_dict(one) for one in _judged(samples, pool, known)]}

    return json_server({"POST /score": score}, token, port)


def _judged(samples: Sequence[Sample], pool: VerifierPool, models: Mapping[str, PairScorer]) -> list[Outcome]:
    """In order: those of the models by them, the others by the pool."""
    found: dict[int, Outcome] = {}
    for name, model in models.items():
        asked = [at for at, sample in enumerate(samples) if sample.verifier == name]
        found |= zip(asked, model([(samples[at].prompt, samples[at].response) for at in asked]), strict=True)
    rest = [at for at in range(len(samples)) if at not in found]
    found |= zip(rest, pool.score([samples[at] for at in rest]), strict=True)
    return [found[at] for at in range(len(samples))]


def _samples(body: object, sample_of: Callable[[dict[str, object]], Sample]) -> list[Sample]:
    if not isinstance(body, dict) or set(body) != {"samples"}:
        raise Refused('the body must be an object with "samples" and nothing else')
    samples: list[Sample] = []
    try:
        for sample in objects_of(body, "samples"):
            samples.append(sample_of(sample))
    except ValueError as error:
        raise Refused(f"sample {len(samples)}: {error}") from None
    return samples


def _sample(given: dict[str, object], verifiers: Verifiers, models: Mapping[str, PairScorer], unread: Collection[str]) -> Sample:
    """prompt and metadata may be left out. A reward model reads neither reference nor metadata, and may be sent of an
    item what any verifier reads."""
    check_names(given, _KNOWN, "a sample")
    if "reference" not in given:
        raise ValueError("lacks reference")
    full = {"prompt": "", "metadata": {}, **given}
    verifier, prompt, response = (text_of(full, name) for name in ("verifier", "prompt", "response"))
    metadata = object_of(full, "metadata")
    sample = Sample(verifier, prompt, response, full["reference"], metadata)
    if verifier in models:
        format_of(metadata)
        keys: tuple[str, ...] | None = ANY
    else:
        sample, keys = admitted(sample, verifiers), keys_of(verifier, metadata)
    check_read(verifier, metadata, keys, unread)
    return sample
