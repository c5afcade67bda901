"""The step: a document without what identifies a person, by tags or by surrogates."""

import hashlib
import hmac
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from data_tools.corpus.document import Document, Step
from data_tools.corpus.phi.spans import TYPES, Span
from megatron_qm.errors import UserError

KEY_VARIABLE = "MEGATRON_QM_PHI_KEY"


@dataclass(frozen=True)
class PhiConfig:
    mode: Literal["tag", "surrogate"] = "tag"
    """tag: `[NAME]` and the like stand in the place of a value; surrogate: an invented value of the same form."""
    spans: bool = False
    """Whether each document gets `phi`: a list of {start, end, type}, in characters of the text as it came in. `phi_counts`, how
    many of each type, it gets if it has any."""
    types: tuple[str, ...] = TYPES
    """Which types are replaced; the others stay as they are, and are not in `phi`."""
    key_file: str = ""
    """File with the secret that surrogates and shifts of dates depend on, 32 or more hexadecimal digits; else the variable
    MEGATRON_QM_PHI_KEY of the environment has it."""

    def __post_init__(self) -> None:
        if self.mode not in ("tag", "surrogate"):
            raise UserError(f"mode {self.mode!r}: tag or surrogate is meant")
        if strangers := sorted(set(self.types) - set(TYPES)):
            raise UserError(f"types {', '.join(strangers)}: there are {', '.join(TYPES)}")
        if not self.types:
            raise UserError("types is empty: name at least one, or leave the step out")


def secret(config: PhiConfig) -> bytes:
    """Never in a report or an output. Raises UserError where there is none, or a short one."""
    said = f"key_file {config.key_file}" if config.key_file else KEY_VARIABLE
    try:
        written = Path(config.key_file).read_text(encoding="ascii") if config.key_file else os.environ.get(KEY_VARIABLE, "")
        key = bytes.fromhex(written)
    except OSError as error:
        raise UserError(f"{said}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise UserError(f"{said}: hexadecimal digits are meant, as `openssl rand -hex 32` writes them") from None
    if len(key) < 16:
        raise UserError(
            f"{said}: mode surrogate needs a secret of 32 or more hexadecimal digits; `openssl rand -hex 32` makes one"
        )
    return key


def deidentifier(config: PhiConfig) -> Step:
    from data_tools.corpus.phi.find import find_spans  # a second of compiled patterns, for who de-identifies only

    wanted = frozenset(config.types)
    key = secret(config) if config.mode == "surrogate" else b""

    def step(document: Document) -> Document:
        text = document.text
        spans = [span for span in find_spans(text) if span.type in wanted]
        if config.spans:
            document.known["phi"] = [{"start": span.start, "end": span.end, "type": span.type} for span in spans]
        if spans:
            document.known["phi_counts"] = dict(sorted(Counter(span.type for span in spans).items()))
            document.text = _tagged(text, spans) if config.mode == "tag" else _invented(document, spans, key)
        return document

    return step


def _tagged(text: str, spans: list[Span]) -> str:
    return _replaced(text, [(span, f"[{span.type}]") for span in spans])


def _invented(document: Document, spans: list[Span], key: bytes) -> str:
    from data_tools.corpus.phi.surrogates import Surrogates

    text = document.text
    patient = document.known.get("patient")
    owner = (
        str(patient)
        if patient not in (None, "")
        else hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    )
    surrogates = Surrogates(key, owner, [text[span.start : span.end] for span in spans if span.type == "DATE"])
    return _replaced(text, [(span, surrogates.of(text, span)) for span in spans])


def _replaced(text: str, values: list[tuple[Span, str]]) -> str:
    pieces, end = [], 0
    for span, value in values:
        pieces += [text[end : span.start], value]
        end = span.end
    return "".join(pieces) + text[end:]
