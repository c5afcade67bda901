"""Whether all that a conversation says stands in its rendering. A chat template is a program: one with a typo drops a field of
every message, and says nothing."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from megatron_qm.align.sft.conversations import Conversation, Message, UnusableError
from megatron_qm.align.sft.fields import shown
from megatron_qm.json_types import JsonObject

# What a template may do by design, in words to count.
TRIMMED, REWRITTEN, EARLIER = "blanks trimmed", "marks of thoughts rewritten", "reasoning of earlier turns not shown"
_THINK = re.compile(r"</?think>")
_SPELT_OTHERWISE = ("type", "required")  # keys of a schema whose values templates may turn into words of their own


@dataclass(frozen=True)
class Rendering:
    """answers: [first, last) in `text` of each message that is learnt, by its place."""

    text: str
    answers: Mapping[int, tuple[int, int]]


class Ends:
    """The tokens that may end an answer: any that was added to the vocabulary. After calls, which are often written between
    added tokens, only a special one."""

    def __init__(self, special: Collection[str], added: Collection[str]) -> None:
        self._special, self._any = _one_of(special), _one_of({*special, *added})

    def within(self, message: Message, text: str, first: int, last: int) -> bool:
        return (self._special if message.calls else self._any).search(text, first, last) is not None


def check(conversation: Conversation, rendering: Rendering, ends: Ends) -> frozenset[str]:
    """What the template does otherwise by design. Raises UnusableError for what is lost: a message's text, an answer's outside
    of what is learnt, a tool, an answer's end."""
    notes: set[str] = set()
    for place, message in enumerate(conversation.messages):
        span = rendering.answers.get(place)
        if span is None:
            notes |= _check_context(message, rendering.text, place)
        else:
            end, found = _check_answer(message, rendering.text, *span, place)
            notes |= found
            if not ends.within(message, rendering.text, end, span[1]):
                raise UnusableError("no end after the answer in what the template makes of it",
                                    f"turn {place + 1}: {shown(rendering.text[end : span[1]])} holds no special token")
    for leaf in _schema_leaves(conversation.tools):
        if _end_of_leaf(leaf, rendering.text, 0, len(rendering.text)) is None:
            raise UnusableError("the template leaves out tools", f"{shown(str(leaf))} is not in the rendering")
    return frozenset(notes)


def _check_context(message: Message, whole: str, place: int) -> set[str]:
    notes: set[str] = set()
    for what, text in _texts(message):
        found = _find(text, whole, 0, len(whole)) or _without_thought(what, text, message, whole)
        if found is None:
            raise _lost(what, message, place, text, "the rendering")
        notes |= found.notes
    _end_of_calls(message, whole, 0, len(whole), place, "the rendering")
    return notes


def _check_answer(message: Message, whole: str, first: int, last: int, place: int) -> tuple[int, set[str]]:
    """Where in what is learnt of it the answer has been said, and the notes."""
    notes: set[str] = set()
    at = first
    for what, text in _texts(message):
        found = _find(text, whole, at, last)
        if found is None:
            raise _lost(what, message, place, text, "what is learnt")
        at, notes = found.end, notes | found.notes
    return max(at, _end_of_calls(message, whole, first, last, place, "what is learnt")), notes


def _texts(message: Message) -> Iterator[tuple[str, str]]:
    """In the order that they are rendered in. The name and id of a result say which call it is of, as its place does."""
    for what, key in (("name", "name"), ("reasoning", "reasoning_content")):
        if key in message.given and message.role != "tool":
            yield what, str(message.given[key])
    yield "text", message.content or ""


@dataclass(frozen=True)
class _Found:
    end: int
    notes: frozenset[str] = frozenset()


def _find(text: str, whole: str, first: int, last: int) -> _Found | None:
    """The first place of `text` in whole[first:last): as it is, trimmed, as JSON writes it, or in parts, where the template
    writes the marks of thoughts its own way."""
    core = text.strip()
    at = whole.find(core, first, last)
    if at >= 0:
        trimmed = core != text and whole.find(text, first, last) < 0
        return _Found(at + len(core), frozenset({TRIMMED} if trimmed else ()))
    end = _end_of_leaf(text, whole, first, last)
    return _Found(end) if end is not None else _in_parts(text, whole, first, last)


def _in_parts(text: str, whole: str, first: int, last: int) -> _Found | None:
    parts = _THINK.split(text)
    for part in parts:
        at = whole.find(part.strip(), first, last)
        if at < 0:
            return None
        first = at + len(part.strip())
    return _Found(first, frozenset({REWRITTEN}))


def _without_thought(what: str, text: str, message: Message, whole: str) -> _Found | None:
    """Of an earlier answer, whose thoughts many templates leave out: the reasoning may be gone, or what its text thinks."""
    if message.role != "assistant" or what not in ("reasoning", "text") or (what == "text" and "</think>" not in text):
        return None
    said = text.rpartition("</think>")[2].strip() if what == "text" else ""
    return _Found(0, frozenset({EARLIER})) if said in whole else None


def _end_of_calls(message: Message, whole: str, first: int, last: int, place: int, where: str) -> int:
    """Where the last of the names and arguments of its calls ends."""
    furthest = first
    for leaf in (leaf for call in message.calls for leaf in _leaves(call["function"])):
        end = _end_of_leaf(leaf, whole, first, last)
        if end is None:
            raise _lost("tool call", message, place, str(leaf), where)
        furthest = max(furthest, end)
    return furthest


def _end_of_leaf(leaf: object, whole: str, first: int, last: int) -> int | None:
    """After its first place, written JSON's way or as a template prints it."""
    for form in _spellings(leaf):
        at = whole.find(form, first, last)
        if at >= 0:
            return at + len(form)
    return None


def _spellings(leaf: object) -> Iterator[str]:
    """JSON's first: a line break as it is may be one of the template's own."""
    for ascii_only in (False, True):
        written = json.dumps(leaf, ensure_ascii=ascii_only)
        yield written[1:-1] if isinstance(leaf, str) else written
    yield str(leaf)


def _leaves(call: object) -> Iterator[object]:
    """Name, keys and values of a call."""
    waiting = [call]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
            yield from (key for key in value if value is not call)
        elif isinstance(value, list):
            waiting += value
        elif value is not None:
            yield value


def _schema_leaves(tools: Sequence[JsonObject]) -> Iterator[object]:
    """Names of functions and parameters, descriptions, choices and numbers."""
    waiting: list[tuple[object, bool]] = [(tool, False) for tool in tools]  # with whether its keys are names of parameters
    while waiting:
        value, named = waiting.pop()
        if isinstance(value, dict):
            waiting += [(each, key == "properties" and not named) for key, each in value.items()
                        if named or key not in _SPELT_OTHERWISE]
            yield from (value if named else ())
        elif isinstance(value, list):
            waiting += [(each, False) for each in value]
        elif value is not None and not isinstance(value, bool):
            yield value


def _lost(what: str, message: Message, place: int, text: str, where: str) -> UnusableError:
    who = "answer" if message.role == "assistant" else f"{message.role} message"
    return UnusableError(f"the template leaves out the {what} of the {who}", f"turn {place + 1}: {shown(text)} is not in {where}")


def _one_of(texts: Collection[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(texts))) or "(?!)")
