"""A fact as files state it, and its place in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from megatron_qm.json_types import JsonObject, check_names, flag_of, object_of, text_of

LONGEST = 1000  # characters of a subject, an object or a qualifier: more is no part of one sentence
LANGUAGES = ("en", "zh")
_KEYS = ("subject", "predicate", "object", "negated", "qualifiers", "source", "licence", "language")
_ENDS = " 。；;，,、"  # punctuation around a value is the sentence's, not the value's


@dataclass(frozen=True, slots=True)
class Triple:
    """qualifiers: what limits the fact, by name; file, line: where it stands."""

    subject: str
    predicate: str
    object: str
    language: str
    negated: bool = False
    qualifiers: tuple[tuple[str, str], ...] = ()
    source: str = ""
    licence: str = ""
    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)

    def record(self) -> JsonObject:
        """As JSON, without what is empty."""
        row: JsonObject = {"subject": self.subject, "predicate": self.predicate, "object": self.object}
        more = {"negated": self.negated, "qualifiers": dict(self.qualifiers), "file": self.file, "line": self.line}
        return row | {key: value for key, value in more.items() if value}


class BadTriple(NamedTuple):
    """A row that is none, and why; line counts from 1."""

    file: str
    line: int
    reason: str
    detail: str = ""  # as other lists of rejected lines have it


def triple_of(row: Mapping[str, object], file: str, line: int) -> Triple:
    """Raises ValueError in words for a user."""
    check_names(row, _KEYS, "a triple")
    parts = {key: value_of(text_of(row, key), key) for key in ("subject", "predicate", "object")}
    named = object_of(row, "qualifiers") if row.get("qualifiers") is not None else {}
    qualifiers = tuple(sorted((_name(key), value_of(text_of(named, key), f"the qualifier {key}")) for key in named))
    return Triple(
        **parts,
        qualifiers=qualifiers,
        negated=flag_of(row, "negated") if "negated" in row else False,
        language=_language(row, parts),
        source=_text_or_none(row, "source"),
        licence=_text_or_none(row, "licence"),
        file=file,
        line=line,
    )


def value_of(text: str, what: str) -> str:
    """With single spaces, and without punctuation at its ends. Raises ValueError for one that is empty or far too long."""
    value = " ".join(text.split()).strip(_ENDS)
    if not value:
        raise ValueError(f"{what} is empty")
    if len(value) > LONGEST:
        raise ValueError(f"{what} has {len(value):,} characters, and a sentence holds at most {LONGEST:,}")
    unseen = next((one for one in value if not one.isprintable()), None)
    if unseen is not None:
        raise ValueError(f"{what} holds the character {ascii(unseen)}, which no sentence does")
    return value


def has_han(text: str) -> bool:
    return any("\u3400" <= one <= "\u9fff" for one in text)


def _name(key: str) -> str:
    name = value_of(key, "a qualifier's name")
    if set(name) & set(":：;；()（）"):
        raise ValueError(f"a qualifier's name, {name!r:.60}, holds a colon, semicolon or bracket")
    return name


def _language(row: Mapping[str, object], parts: Mapping[str, str]) -> str:
    if row.get("language") is None:
        return "zh" if has_han(parts["subject"]) or has_han(parts["object"]) else "en"
    language = text_of(row, "language")
    if language not in LANGUAGES:
        raise ValueError(f"language = {language!r:.60} is not one of {', '.join(LANGUAGES)}")
    return language


def _text_or_none(row: Mapping[str, object], key: str) -> str:
    return text_of(row, key) if row.get(key) is not None else ""
