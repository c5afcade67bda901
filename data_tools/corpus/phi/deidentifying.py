"""The step: a document without what identifies a person, by tags or by surrogates."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal

from data_tools.corpus.document import Document, Step
from data_tools.corpus.phi.find import find_spans
from data_tools.corpus.phi.spans import TYPES, Span
from data_tools.corpus.phi.surrogates import Surrogates
from megatron_qm.errors import UserError


@dataclass(frozen=True)
class PhiConfig:
    mode: Literal["tag", "surrogate"] = "tag"
    """tag: `[NAME]` and the like stand in the place of a value; surrogate: an invented value of the same form."""
    spans: bool = False
    """Whether each document gets `phi`: a list of {start, end, type}, in characters of the text as it came in."""
    types: tuple[str, ...] = TYPES
    """Which types are replaced; the others stay as they are, and are not in `phi`."""
    key: str = ""
    """Hexadecimal secret that surrogates and shifts of dates depend on; at least 32 digits in mode surrogate."""

    def __post_init__(self) -> None:
        if self.mode not in ("tag", "surrogate"):
            raise UserError(f"mode {self.mode!r}: tag or surrogate is meant")
        if strangers := sorted(set(self.types) - set(TYPES)):
            raise UserError(f"types {', '.join(strangers)}: there are {', '.join(TYPES)}")
        if not self.types:
            raise UserError("types is empty: name at least one, or leave the step out")
        try:
            secret = bytes.fromhex(self.key)
        except ValueError:
            raise UserError("key: hexadecimal digits are meant, as `openssl rand -hex 32` writes them") from None
        if self.mode == "surrogate" and len(secret) < 16:
            raise UserError("mode surrogate needs a key of at least 32 hexadecimal digits: make one by `openssl rand -hex 32`")


def deidentifier(config: PhiConfig) -> Step:
    wanted = frozenset(config.types)
    key = bytes.fromhex(config.key)

    def step(document: Document) -> Document:
        text = document.text
        spans = [span for span in find_spans(text) if span.type in wanted]
        if config.spans:
            document.known["phi"] = [{"start": span.start, "end": span.end, "type": span.type} for span in spans]
        if spans:
            document.text = _tagged(text, spans) if config.mode == "tag" else _invented(document, spans, key)
        return document

    return step


def _tagged(text: str, spans: list[Span]) -> str:
    return _replaced(text, [(span, f"[{span.type}]") for span in spans])


def _invented(document: Document, spans: list[Span], key: bytes) -> str:
    text = document.text
    patient = document.known.get("patient")
    owner = str(patient) if patient not in (None, "") else hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    surrogates = Surrogates(key, owner, [text[span.start : span.end] for span in spans if span.type == "DATE"])
    return _replaced(text, [(span, surrogates.of(text, span)) for span in spans])


def _replaced(text: str, values: list[tuple[Span, str]]) -> str:
    pieces, end = [], 0
    for span, value in values:
        pieces += [text[end : span.start], value]
        end = span.end
    return "".join(pieces) + text[end:]
