"""The format that a prompt asks for, as its item states it (`metadata.format`), and the answer alone where a response keeps it.

    json    one JSON object with the keys `metadata.keys` (default: answer), and nothing around it but a fence
    box     exactly one \\boxed{...}
    line    one line `Answer: ...` or `答案：...`, which is the last
    tags    exactly one <answer>...</answer>

Around a box and tags, and before the line, there may be text, which is not the answer.
"""

import json
import re
from collections.abc import Sequence

from megatron_qm.rewards.metadata import Metadata, word_of, words_of
from megatron_qm.rewards.reading.clean import MOST_CHARACTERS, visible

FORMATS = {  # name: what keeps it
    "json": "one JSON object with the keys asked for, and nothing around it",
    "box": r"exactly one \boxed{...}",
    "line": "one line `Answer: ...`, which is the last",
    "tags": "exactly one <answer>...</answer>",
}
_THINKING = ((0, 0), (1, 1), (0, 1))  # opened and closed; the prompt may have opened it
_LINE = re.compile(r"(?:Answer|答案)[:：]\s*(\S.*)")
_BRACE = re.compile(r"\\.|[{}]", re.S)


def format_of(metadata: Metadata) -> str | None:
    """What `metadata.format` says; None where the item does not say. Raises ValueError for what is no format, and for keys that
    are none."""
    if metadata.get("format") is None:
        return None
    name = word_of(metadata, "format", "")
    if name not in FORMATS:
        raise ValueError(f"metadata.format = {name!r} is no format of an answer: there are {', '.join(FORMATS)}")
    _keys_of(metadata)
    return name


def not_kept(metadata: Metadata) -> str:
    """What a response must be that keeps the format, in words."""
    return f"not {FORMATS[format_of(metadata) or 'json']}, behind at most one block of thinking"


def answer_alone(response: str, metadata: Metadata) -> str | None:
    """The JSON object, or what stands in the box, on the line or in the tags; None where the format was not kept. An item that
    states no format is taken to ask for JSON. Raises ValueError as `format_of`."""
    name, text = format_of(metadata) or "json", _behind_thinking(response)
    if len(text) > MOST_CHARACTERS:
        return None
    if name == "json":
        return _json(text.strip(), _keys_of(metadata))
    find = {"box": _boxed, "line": _last_line, "tags": _tagged}[name]
    return find(visible(text)).strip() or None


def _behind_thinking(response: str) -> str:
    """Empty where the thinking is not one block at the start, or never ends."""
    opened, closed = response.count("<think>"), response.count("</think>")
    if (opened, closed) not in _THINKING or opened and not response.lstrip().startswith("<think>"):
        return ""
    return response.rpartition("</think>")[2]


def _keys_of(metadata: Metadata) -> Sequence[str]:
    keys = tuple(words_of(metadata, "keys", ("answer",)))
    if not keys or not all(isinstance(key, str) for key in keys):
        raise ValueError(f"metadata.keys = {metadata.get('keys')!r} is not a list of at least one text")
    return keys


def _json(text: str, keys: Sequence[str]) -> str | None:
    """As JSON is defined: what a reader forgives, such as a comma too many, is no JSON."""
    text = _unfenced(text)
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return text if isinstance(value, dict) and all(value.get(key) not in (None, "", [], {}) for key in keys) else None


def _unfenced(text: str) -> str:
    language, _, body = text.removeprefix("```").removesuffix("```").partition("\n")
    fenced = text.startswith("```") and text.endswith("```") and language.strip().lower() in ("", "json")
    return body.strip() if fenced else text


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _boxed(text: str) -> str:
    start, depth = text.find(r"\boxed{"), 0
    if start < 0 or text.count(r"\boxed") != 1:
        return ""
    for mark in _BRACE.finditer(text, start + len(r"\boxed")):
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if not depth:
            return text[start + len(r"\boxed{") : mark.start()]
    return ""


def _last_line(text: str) -> str:
    found = [_LINE.fullmatch(line.strip()) for line in text.strip().split("\n")]
    return found[-1][1] if found[-1] and sum(map(bool, found)) == 1 else ""


def _tagged(text: str) -> str:
    once = (text.count("<answer>"), text.count("</answer>")) == (1, 1)
    return text[text.find("<answer>") + len("<answer>") : text.find("</answer>")] if once else ""
