"""The part of a response that counts as its answer, and the JSON in it. Every function is linear in the text."""
# ruff: noqa: E501  Chinese characters count twice

import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import TypeVar

MAX_ANSWER_CHARACTERS = 20_000
_DEPTH = 64
_OBJECTS = 64
_TRAILING_COMMA = re.compile(r",(?=[ \t\r\n]{0,64}[}\]])")
_CHINESE = re.compile("[\u4e00-\u9fff]")
_SEGMENT = re.compile(r"[\n。；;!?！？]|(?<![A-J])\.(?=\s|$)")
NEGATION = re.compile(
    r"\b(?:not|no|never|isn't|isnt|wrong|incorrect|false|without|except|exclude[sd]?|excluding|unlikely|neither|nor|against|rather than"
    r"|cannot|can't|rule[sd]? out|ruling out|avoid|stop|contraindicated|den(?:y|ies|ied)|instead of|refuse|withhold|don't|do not)\b"
    r"|不|非(?=[A-J])|错|排除|除外|除了|无(?!菌|线|创|痛)|没有|并非|未见|避免|停用|禁用|禁忌|勿|否认", re.I)

_CLAUSE = re.compile(r"([,，、+]|\band\b|和|\bbut\b|但)")
_ANDS = ("and", "和", "、")
_OF_ALL = re.compile(r"\b(?:are|were)\b|[都均]")
_TURN = re.compile(r"\b(?:give|use|take|start|prescribe|order|recommend|suggest|choose|diagnos\w{1,6}|consider|likely|is|answer)\b"
                   r"|建议|应|用|给予|服|选|考虑|诊断|查|推荐|答案", re.I)

_Found = TypeVar("_Found")


class Duplicates(dict[str, object]):
    """A JSON object that names a key twice; `twice` has the keys whose values differ."""

    twice: frozenset[str] = frozenset()


def answer_part(response: str) -> str | None:
    """What follows the reasoning, without HTML comments and without code; None where there is no answer to read.

    Compatibility forms (full-width letters and digits) become the letters they stand for; Cyrillic and Greek look-alikes
    stay what they are. A reasoning that was never closed has no answer, and one of 20,000 characters is not an answer.
    """
    tail = response.rpartition("</think>")[2]
    if "<think>" in tail or len(tail) > MAX_ANSWER_CHARACTERS:
        return None
    return _without_code(_without_comments(unicodedata.normalize("NFKC", tail.lstrip("\ufeff")))).strip()


def _without_comments(text: str) -> str:
    pieces = text.split("<!--")
    return pieces[0] + "".join(piece.partition("-->")[2] for piece in pieces[1:])


def _without_code(text: str) -> str:
    """Fences stay if they hold JSON (or bare text of one line); a program that prints the answer is not the answer."""
    pieces = text.split("```")
    for at in range(1, len(pieces), 2):
        language, _, body = pieces[at].partition("\n")
        known = language.strip().lower() in ("", "json", "json5", "text")
        pieces[at] = body if known and body.strip()[:1] in ("{", "[") else (
            body if known and body.strip().count("\n") == 0 else "\n")
    return "".join(pieces)


def segments(text: str) -> list[str]:
    """Sentences and lines."""
    return [piece.strip() for piece in _SEGMENT.split(text) if piece.strip()]


def json_values(text: str) -> tuple[list[object], str]:
    """Each outermost JSON object or list in `text`, trailing commas forgiven, and the text around them. Objects are
    `Duplicates`."""
    values: list[object] = []
    around, last = [], 0
    for start, end in _spans(text):
        value = _parse(text[start:end])
        if value is not None and len(values) < _OBJECTS:
            values.append(value)
            around.append(text[last:start])
            last = end
    return values, "\n".join([*around, text[last:]])


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where brackets balance outside strings: one pass, no going back."""
    stack: list[str] = []
    start, quoted, escaped = 0, False, False
    for at, mark in enumerate(text):
        if quoted:
            quoted, escaped = escaped or mark != '"', mark == "\\" and not escaped
        elif mark in "{[":
            if not stack:
                start = at
            stack.append("}" if mark == "{" else "]")
            if len(stack) > _DEPTH:
                return
        elif stack and mark == '"':
            quoted = True
        elif stack and mark == stack[-1]:
            stack.pop()
            if not stack:
                yield start, at + 1
        elif stack and mark in "}]":
            stack.clear()


def _parse(text: str) -> object:
    """None for what is no JSON."""
    for candidate in (text, _TRAILING_COMMA.sub("", text)):
        try:
            value: object = json.loads(candidate, object_pairs_hook=_object, parse_int=str, parse_float=str)
        except (ValueError, RecursionError):
            continue
        return value
    return None


def _object(pairs: list[tuple[str, object]]) -> Duplicates:
    result = Duplicates(pairs)
    result.twice = frozenset(key for key, value in pairs if result[key] != value)
    return result


def normal(name: str) -> str:
    """A name for comparison: NFKC, lower case, punctuation and spaces of no weight."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join("".join(c if c.isalnum() or c in "%+" else " " for c in folded).split())


def affirmed(sentence: str, denial: re.Pattern[str] = NEGATION) -> Iterator[str]:
    """The clauses of a sentence that are not denied. A denial reaches over a list ("not a, b") up to a word that turns, and
    one of all reaches back ("a, b and c are not needed")."""
    pieces = _CLAUSE.split(sentence)
    clauses, joints = pieces[::2], pieces[1::2]
    denied, inside = [], False
    for clause in clauses:
        inside = bool(denial.search(clause)) or inside and not _TURN.search(clause)
        denied.append(inside)
    reach = len(clauses)  # a denial of all, met already, goes back to here
    starts = _starts(clauses, joints)
    for at in reversed(range(len(clauses))):
        if denied[at] and _OF_ALL.search(clauses[at]):
            reach = min(reach, starts[at])
        denied[at] = denied[at] or at >= reach
    yield from (clause for clause, no in zip(clauses, denied, strict=True) if not no)


def _starts(clauses: list[str], joints: list[str]) -> list[int]:
    """Where the list that ends with each clause begins: at the start of the sentence where nothing turns on the way, else as
    far back as "and" joins."""
    starts, begun, turned = [], 0, False
    for at in range(len(clauses)):
        if at and turned and (joints[at - 1].strip().casefold() not in _ANDS or _TURN.search(clauses[at - 1])):
            begun = at
        starts.append(begun if turned else 0)
        turned = turned or bool(_TURN.search(clauses[at]))
    return starts


def longest_names(clause: str, look_up: Callable[[str], _Found | None], words: int, characters: int) -> Iterator[_Found]:
    """What `look_up` finds for the longest names in a clause, left to right, none inside another.

    `look_up` gets a normalised name of 2 characters or more. Windows of at most `words` words, or `characters` characters
    where the clause has Chinese in it, keep this linear.
    """
    text = normal(clause)
    units, glue, widest = (list(text.replace(" ", "")), "", characters) if _CHINESE.search(text) else (text.split(), " ", words)
    at = 0
    while at < len(units):
        for width in range(min(widest, len(units) - at), 0, -1):
            name = glue.join(units[at:at + width])
            if len(name) > 1 and (found := look_up(name)) is not None:
                yield found
                at += width - 1
                break
        at += 1
