"""A model that judges: any OpenAI-compatible endpoint, and votes that are asked at once."""

import http.client
import json
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.error import HTTPError
from urllib.parse import urlsplit

from megatron_qm.errors import UserError
from megatron_qm.rewards.ballot import Ballot
from megatron_qm.rewards.timely import post

T = TypeVar("T")
Ask = Callable[[str], str]  # prompt -> the model's text; raises JudgeError; is called from several threads
KEY = "MEGATRON_QM_JUDGE_KEY"  # environment variable of the endpoint's key
AT_ONCE = 8  # votes
_CUT = ("length", "content_filter")  # finish_reason of an answer that is not whole
_FAILURES = (OSError, ValueError, LookupError, TypeError, RuntimeError, http.client.HTTPException)  # no thread, deep JSON, too
_SOONEST = 1.0  # seconds until an endpoint that is busy is asked again


class JudgeError(Exception):
    """The model could not be asked, or did not answer in the form required."""


@dataclass(frozen=True)
class Endpoint:
    """POST {base}/chat/completions. seconds: from the question to the end of the answer, whatever the endpoint does. Raises
    UserError for a base that is not http or https (nothing else is ever opened), and for a key that no header can carry."""

    base: str
    model: str
    key: str = field(default="", repr=False)
    seconds: float = 30.0
    temperature: float = 0.6

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.base)
            fine = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            fine = False
        if not fine:
            raise UserError(f"a judge's base {self.base!r} must be a URL such as http://127.0.0.1:8080/v1, of http or https")
        if self.key and not (self.key.isascii() and self.key.isprintable()):  # and an error of http.client would tell it
            raise UserError(f"{KEY}: the key of {self.base} holds a line's end, or what is not ASCII")

    def __call__(self, prompt: str) -> str:
        """Busy (429, 5xx) with a Retry-After that is in time is asked again; all else that goes wrong is a JudgeError."""
        deadline = time.monotonic() + self.seconds
        while True:
            try:
                return _content(self._asked(prompt, max(0.0, deadline - time.monotonic())))
            except HTTPError as error:
                wait = _busy_for(error)
                error.close()
                if time.monotonic() + wait >= deadline:
                    raise JudgeError(f"the endpoint failed: HTTP {error.code} {error.reason}") from None
                time.sleep(wait)
            except _FAILURES as error:
                raise JudgeError(f"the endpoint failed: {type(error).__name__}: {error}") from error

    def _asked(self, prompt: str, seconds: float) -> bytes:
        body = {"model": self.model, "temperature": self.temperature, "messages": [{"role": "user", "content": prompt}]}
        return post(f"{self.base.rstrip('/')}/chat/completions", json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
                    {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}, seconds)


def _content(data: bytes) -> str:
    """What the model says, if that is all that it had to say."""
    choice = json.loads(data)["choices"][0]
    text, reason = choice["message"]["content"], choice.get("finish_reason")
    if reason in _CUT:
        raise JudgeError(f"the model did not come to its end: finish_reason {reason!r}")
    if not isinstance(text, str) or not text.strip():
        raise JudgeError("the model said nothing")
    return text


def _busy_for(error: HTTPError) -> float:
    """Seconds after which the endpoint wants to be asked again; no end where it does not."""
    given = (error.headers.get("Retry-After") or "").strip()
    busy = (error.code == 429 or error.code >= 500) and given.isascii() and given.isdecimal()
    return max(_SOONEST, float(given)) if busy else math.inf


@dataclass(frozen=True)
class Judge:
    """A model as the user has named it: whom to ask, how often about an answer, and the share of votes that must agree."""

    ask: Endpoint
    votes: int = 8
    agreement: float = 0.75

    @property
    def longest_wait(self) -> float:
        """Seconds that it may take to answer one question of all its votes."""
        return math.ceil(self.votes / AT_ONCE) * self.ask.seconds


@dataclass(frozen=True)
class Votes:
    """`share`: passes among the valid votes; `agreement`: share of the larger side."""

    passes: int
    valid: int
    asked: int

    @property
    def share(self) -> float:
        return self.passes / self.valid

    @property
    def agreement(self) -> float:
        return max(self.share, 1 - self.share)


def at_once(one: Callable[[int], T], k: int) -> list[T]:
    """`one` of 0 to k - 1, in threads, AT_ONCE together."""
    with ThreadPoolExecutor(min(k, AT_ONCE)) as threads:
        return list(threads.map(one, range(k)))


def vote(ask: Ask, question: str, prompt: str, response: str, k: int = 8) -> Votes:
    """Ask `k` times, some at once. A vote counts only as a line `VERDICT-<nonce>: PASS` or `FAIL` behind the judge's reasoning
    (ballot.py). JudgeError where fewer than half of the votes are valid."""
    def one(_: int) -> bool | JudgeError | None:
        ballot = Ballot()
        try:
            return ballot.verdict(ask(ballot.asks(question, prompt, response)))
        except JudgeError as error:
            return error

    found = at_once(one, k)
    verdicts = [verdict for verdict in found if isinstance(verdict, bool)]
    if 2 * len(verdicts) < k or not verdicts:
        failed = [error for error in found if isinstance(error, JudgeError)]
        raise JudgeError(str(failed[-1]) if failed else f"{len(verdicts)} of {k} votes were valid")
    return Votes(sum(verdicts), len(verdicts), k)
