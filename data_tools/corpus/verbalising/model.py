"""A model that writes the text of a document, behind any OpenAI-compatible endpoint, and what its text must stand to be kept.

A text is kept if every value of the facts stands in it as it is, no number stands in it that no fact holds, and the facts that
the model reads out of it, asked anew and without the facts, are those that it was given: none less, none more.
"""

import http.client
import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from data_tools.corpus.verbalising.reader import Fact, same
from megatron_qm.errors import UserError

KEY = "MEGATRON_QM_WRITER_KEY"  # environment variable of the endpoint's key
_MOST_BYTES = 4 << 20  # of an answer
_FAILURES = (OSError, ValueError, LookupError, TypeError, http.client.HTTPException)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_LANGUAGES = {"en": "English", "zh": "Chinese"}
_WRITE = """Write one paragraph in {language} that states each of the facts below once, and states nothing else. Facts are JSON:
"negated": true means that the fact does not hold; "qualifiers" limit it. Write every subject, object and qualifier exactly as it
stands. Answer with the paragraph alone.

{facts}"""
_READ = """List every fact that the text below states about {subject}. Answer with a JSON array alone, of objects
{{"predicate": ..., "object": ..., "negated": true or false, "qualifiers": {{...}}}}; predicate is one of {relations}; objects and
qualifiers exactly as they stand in the text, one object to a fact; names of qualifiers are among {qualifiers}.

{text}"""


class ModelError(Exception):
    """The model could not be asked, or its answer is not what was asked for: a few words that are counted."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key goes to the base that the user has named and nowhere else."""

    def redirect_request(self, *_: object) -> None:
        return None


@dataclass(frozen=True)
class Model:
    """POST {base}/chat/completions."""

    name: str
    base: str
    key: str = field(default="", repr=False)
    seconds: float = 120.0

    def __call__(self, prompt: str) -> str:
        """Raises ModelError."""
        body = {"model": self.name, "temperature": 0.7, "messages": [{"role": "user", "content": prompt}]}
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
        request = urllib.request.Request(f"{self.base.rstrip('/')}/chat/completions", json.dumps(body).encode(), headers)
        try:
            with urllib.request.build_opener(_NoRedirects).open(request, timeout=self.seconds) as reply:
                choice = json.loads(reply.read(_MOST_BYTES))["choices"][0]
                text = choice["message"]["content"].strip()
        except urllib.error.HTTPError as error:
            error.close()
            raise ModelError(f"the endpoint answered HTTP {error.code}") from None
        except _FAILURES as error:
            raise ModelError(f"the endpoint failed: {type(error).__name__}") from None
        if not text or choice.get("finish_reason") == "length":
            raise ModelError("the answer is empty or cut")
        return str(text)


def model_of(said: str) -> Model:
    """Of NAME=BASE. Raises UserError for what is none, and where it cannot be asked."""
    name, _, base = said.partition("=")
    try:
        parts = urlsplit(base)
        fine = bool(name) and parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        fine = False
    if not fine:
        raise UserError(f"--model {said}: NAME=BASE is meant, as in qwen3=http://127.0.0.1:8080/v1")
    key = os.environ.get(KEY, "")
    if key and not (key.isascii() and key.isprintable()):
        raise UserError(f"{KEY}: the key holds a line's end, or what is not ASCII")
    model = Model(name, base, key)
    try:
        model("Answer with one word.")
    except ModelError as error:
        raise UserError(f"--model {said}: cannot be asked: {error}; is it served there, and does {KEY} hold its key?") from None
    return model


def written_by(model: Model, facts: Sequence[Fact], language: str) -> str:
    """The model's text. Raises ModelError where there is none that says these facts and no others."""
    rows = "\n".join(json.dumps(_record(fact), ensure_ascii=False) for fact in facts)
    text = " ".join(model(_WRITE.format(language=_LANGUAGES[language], facts=rows)).split())
    check_values(text, facts)
    read = model(
        _READ.format(
            subject=facts[0].subject,
            text=text,
            relations=", ".join(sorted({fact.relation for fact in facts})),
            qualifiers=sorted({name for fact in facts for name, _ in fact.qualifiers}) or "none",
        )
    )
    if not same(_facts_of(read, facts[0].subject), facts):
        raise ModelError("read back otherwise")
    return text


def check_values(text: str, facts: Sequence[Fact]) -> None:
    """Raises ModelError for a value that is not in the text, and for a number that is in no value."""
    folded = text.casefold()
    values = {facts[0].subject, *(fact.object for fact in facts), *(value for fact in facts for _, value in fact.qualifiers)}
    if any(value.casefold() not in folded for value in values):
        raise ModelError("a value is missing")
    known = set(_NUMBER.findall(" ".join(values)))
    if not set(_NUMBER.findall(text)) <= known:
        raise ModelError("a number that no fact holds")


def _record(fact: Fact) -> dict[str, object]:
    return {
        "subject": fact.subject,
        "predicate": fact.relation,
        "object": fact.object,
        "negated": fact.negated,
        "qualifiers": dict(fact.qualifiers),
    }


def _facts_of(answer: str, subject: str) -> list[Fact]:
    """Raises ModelError where the answer is no list of facts."""
    begin, end = answer.find("["), answer.rfind("]")
    try:
        return [_fact(row, subject) for row in json.loads(answer[begin : end + 1])]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ModelError("no list of facts when asked to read back") from None


def _fact(row: Mapping[str, object], subject: str) -> Fact:
    qualifiers = row.get("qualifiers") or {}
    if not isinstance(qualifiers, dict):
        raise TypeError
    return Fact(
        subject,
        str(row["predicate"]),
        str(row["object"]),
        row.get("negated") is True,
        tuple(sorted((str(name), str(value)) for name, value in qualifiers.items())),
    )
