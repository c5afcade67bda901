"""Whether all that a conversation says stands in its rendering. A chat template is a program: one with a typo drops a field of
every message, and says nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from megatron_qm.align.sft.conversations import Conversation, Message, UnusableError
from megatron_qm.align.sft.fields import shown
from megatron_qm.control_tokens import ControlTokens, one_of
from megatron_qm.json_types import JsonObject
from megatron_qm.said import EARLIER, Found, advice, end_of_leaf, find, find_without_thought

SPECIAL = "special tokens stand in its texts"  # in words to count
_SPELT_OTHERWISE = ("type", "required")  # keys of a schema whose values templates may turn into words of their own


@dataclass(frozen=True)
class Rendering:
    """answers: [first, last) in `text` of each message that is learnt, by its place."""

    text: str
    answers: Mapping[int, tuple[int, int]]


class Ends:
    """The tokens that may end an answer: any that was added to the vocabulary. After calls, which are often written between
    added tokens, only a special one."""

    def __init__(self, special: set[str], added: set[str]) -> None:
        self._special, self._any = one_of(special), one_of(special | added)

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
        if end_of_leaf(leaf, rendering.text, 0, len(rendering.text)) is None:
            raise UnusableError("the template leaves out tools", f"{shown(str(leaf))} is not in the rendering")
    return frozenset(notes)


def check_once(conversation: Conversation, text: str) -> None:
    """Of a conversation of words that stand nowhere else. Raises UnusableError for one that the template writes again."""
    for place, message in enumerate(conversation.messages):
        for what, word in _texts(message):
            times = text.count(word.strip()) if word.strip() and what != "name" else 1
            if times > 1:
                raise UnusableError(f"the template writes the {what} of the {_who(message)} more than once",
                                    f"turn {place + 1}: {shown(word)} stands {times} times in the rendering; mend the template")


def check_control(conversation: Conversation, control: ControlTokens) -> frozenset[str]:
    """A note of special tokens that are no part of the template. Raises UnusableError for a text that holds one that is: to the
    model it would end its turn, and what follows would be somebody else's."""
    parts = [(f"turn {place + 1}", message.for_template()) for place, message in enumerate(conversation.messages)]
    for where, value in (*parts, ("tools", conversation.tools)):
        if token := control.within(value):
            raise UnusableError("a control token in a text", f"{where} holds {shown(token)}, which ends a turn or begins one; "
                                                             "write it otherwise, or split the text into messages")
    return frozenset({SPECIAL} if control.other_within([value for _, value in parts]) else ())


def _check_context(message: Message, whole: str, place: int) -> set[str]:
    notes: set[str] = set()
    for what, text in _texts(message):
        found = find(text, whole, 0, len(whole)) or _without_thought(what, text, message, whole)
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
        found = find(text, whole, at, last)
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


def _without_thought(what: str, text: str, message: Message, whole: str) -> Found | None:
    """Of an earlier answer, whose thoughts many templates leave out: the reasoning may be gone, or what its text thinks."""
    if what == "reasoning" and message.role == "assistant":
        return Found(0, frozenset({EARLIER}))
    return find_without_thought(text, message.role, whole) if what == "text" else None


def _end_of_calls(message: Message, whole: str, first: int, last: int, place: int, where: str) -> int:
    """Where the last of the names and arguments of its calls ends."""
    furthest = first
    for leaf in (leaf for call in message.calls for leaf in _leaves(call["function"])):
        end = end_of_leaf(leaf, whole, first, last)
        if end is None:
            raise _lost("tool call", message, place, str(leaf), where)
        furthest = max(furthest, end)
    return furthest


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
    return UnusableError(f"the template leaves out the {what} of the {_who(message)}",
                         f"turn {place + 1}: {shown(text)} is not in {where}{advice(text)}")


def _who(message: Message) -> str:
    return "answer" if message.role == "assistant" else f"{message.role} message"
