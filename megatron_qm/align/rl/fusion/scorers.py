"""Who scores responses outside of the pool of verifiers: reward models, wherever they are, and verifiers behind an endpoint."""

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.error import HTTPError

from megatron_qm.align.rl.fusion.sources import Source
from megatron_qm.errors import UserError
from megatron_qm.json_lines import parse_line
from megatron_qm.json_types import flag_of, number_of, object_of, objects_of, text_of
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from megatron_qm.rewards.reads import only_read
from megatron_qm.rewards.timely import post

_TOGETHER = 16  # samples of one request
_WAITS = (1.0, 2.0, 4.0, 8.0)  # seconds between attempts: a server that is started again is back by then
_FAILURES = (OSError, ValueError, RuntimeError, http.client.HTTPException)


class Scorer(Protocol):
    """Asked beside the pool, in a thread of the first rank, once for each batch."""

    def scores(self, items: Sequence[Item], texts: Sequence[str]) -> list[Outcome]:
        """One outcome for each response, in order; Unscored where there is no score. A number outside of [0, 1] goes into the
        parts of a Scored, and `part` names it. Raises UserError for what the user must mend."""
        ...


@dataclass(frozen=True)
class EndpointScorer:
    """POST {endpoint}/score of `megatron-qm serve-rewards`. seconds: for one sample, of which a request holds up to 16. A server
    that is gone is asked again for 15 seconds; what it has not said by then is Unscored, as is the rest of the batch."""

    source: Source
    token: str = field(repr=False)
    seconds: float = 10.0
    waits: Sequence[float] = _WAITS

    def scores(self, items: Sequence[Item], texts: Sequence[str]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for first in range(0, len(items), _TOGETHER):
            some = self._asked(items[first : first + _TOGETHER], texts[first : first + _TOGETHER])
            if isinstance(some, Unscored):
                return outcomes + [some] * (len(items) - first)
            outcomes += some
        return outcomes

    def _asked(self, items: Sequence[Item], texts: Sequence[str]) -> list[Outcome] | Unscored:
        body = json.dumps({"samples": [self._sample(*pair) for pair in zip(items, texts, strict=True)]}).encode()
        said = ""
        for wait in (*self.waits, None):
            try:
                return _outcomes(self._posted(body, len(items)), len(items))
            except _FAILURES as error:
                said = f"{type(error).__name__}: {error}"
            if wait is not None:
                time.sleep(wait)
        return Unscored(f"endpoint: {self.source.endpoint} failed {len(self.waits) + 1} times, the last: {said}")

    def _posted(self, body: bytes, samples: int) -> bytes:
        """Raises UserError for a request that the server refuses: it would refuse it again."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        try:
            return post(f"{str(self.source.endpoint).rstrip('/')}/score", body, headers, self.seconds * samples)
        except HTTPError as error:
            said, code = error.read(500).decode(errors="replace"), error.code
            error.close()
            if code == 429 or code >= 500:
                raise RuntimeError(f"HTTP {code} {said}") from None
            label = self.source.label
            raise UserError(f"rl.rewards: {self.source.endpoint} refuses to judge by {label!r}: HTTP {code} {said}") from None

    def _sample(self, item: Item, text: str) -> Mapping[str, object]:
        verifier = self.source.verifier or item.task
        return {"verifier": verifier, "prompt": item.question, "response": text, "reference": item.reference,
                "metadata": only_read(verifier, item.metadata)}


def _outcomes(body: bytes, count: int) -> list[Outcome]:
    """Raises ValueError for what is no answer to `count` samples."""
    reply = parse_line(body)
    if not isinstance(reply, dict):
        raise ValueError("the reply is no JSON object")
    found = objects_of(reply, "outcomes")
    if len(found) != count:
        raise ValueError(f"{len(found)} outcomes of {count} samples")
    return [_outcome(one) for one in found]


def _outcome(said: Mapping[str, object]) -> Outcome:
    if not flag_of(said, "scored"):
        return Unscored(text_of(said, "reason"))
    parts = object_of(said, "parts")
    return Scored(number_of(said, "value"), {name: number_of(parts, name) for name in parts}, text_of(said, "explanation"))
