"""Whether what messages say stands in what a chat template makes of them. It is a program: one that knows no such role drops the
message, and says nothing."""

import json
import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

from megatron_qm.chat import ChatTemplate, Messages, TemplateError, Tools
from megatron_qm.control_tokens import ControlTokens

# What a template may do by design, in words to count.
TRIMMED, REWRITTEN, EARLIER = "blanks trimmed", "marks of thoughts rewritten", "reasoning of earlier turns not shown"
_THINK, _CLOSED = re.compile(r"</?think>"), re.compile(r"^[ \t]*</think>[ \t]*$", re.M)
_MOVED = ("system", "developer")  # roles whose text some templates write into a question, which may be the last
_RARE = 0x20000  # Chinese characters that nobody writes
_MOST_SHAPES = 4096  # remembered: callers of a server may send any


@dataclass(frozen=True)
class Found:
    end: int
    notes: frozenset[str] = frozenset()


def find(text: str, whole: str, first: int, last: int) -> Found | None:
    """The first place of `text` in whole[first:last): as it is, trimmed, as JSON writes it, or in parts, where the template
    writes the marks of thoughts its own way."""
    core = text.strip()
    at = whole.find(core, first, last)
    if at >= 0:
        trimmed = core != text and whole.find(text, first, last) < 0
        return Found(at + len(core), frozenset({TRIMMED} if trimmed else ()))
    end = end_of_leaf(text, whole, first, last)
    return Found(end) if end is not None else _in_parts(text, whole, first, last)


def thought_in(text: str) -> tuple[str, str] | None:
    """(what it thinks, what it says) of a text that begins with a thought: opened at its very beginning, or closed on a line of
    its own where the prompt has opened it. None where marks of thoughts stand within what is said, or thought."""
    thought, closed, said = text.partition("</think>")
    before, opened, inner = thought.partition("<think>")
    begins = not before.strip() if opened else _CLOSED.search(text) is not None
    if not closed or not begins or _THINK.search(inner) or _THINK.search(said):
        return None
    return inner if opened else thought, said


def advice(text: str) -> str:
    """Why a template may lose a text."""
    if not _THINK.search(text) or thought_in(text):
        return ""
    return ("; the template takes <think> and </think> for the marks of a thought, and cuts the text there: put the thought at "
            "its beginning, or apart as reasoning_content, or write the marks otherwise")


def _in_parts(text: str, whole: str, first: int, last: int) -> Found | None:
    parts = thought_in(text)
    if parts is None:
        return None
    for part in parts:
        at = whole.find(part.strip(), first, last)
        if at < 0:
            return None
        first = at + len(part.strip())
    return Found(first, frozenset({REWRITTEN}))


def find_without_thought(text: str, role: str, whole: str) -> Found | None:
    """Of an earlier answer, of whose text many templates leave out what it thinks."""
    parts = thought_in(text) if role == "assistant" else None
    return Found(0, frozenset({EARLIER})) if parts and parts[1].strip() in whole else None


def end_of_leaf(leaf: object, whole: str, first: int, last: int) -> int | None:
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
    if isinstance(leaf, float) and leaf.is_integer():  # 1.0 is 1
        yield str(int(leaf))


SHORT = 3  # letters: a template that does something else to one or two is tried with as many


def word_of(number: int, letters: int) -> str:
    """A text of our own that no template holds, as short as what it stands for where that is shorter than SHORT."""
    return f"zq{number}qz" if letters >= SHORT else chr(_RARE + number) * letters


@dataclass(frozen=True)
class Fault:
    """Of a template: times that it writes the text of the message at `place`; 0 where that is not where it belongs either."""

    place: int
    times: int

    def about(self, message: Mapping[str, object]) -> str:
        text, role = _text(message), message.get("role")
        what = (f"messages[{self.place}], {text if len(text) <= 40 else text[:37] + '...'!r}, whose role is {role!r}")
        if self.times:
            return f"the chat template writes {self.times} times {what}; mend it, or use another template"
        return f"the chat template leaves out {what}" + (
            advice(text) or "; put it into a message of a role that the template writes there, or use another template")


class WholeText:
    """Messages through a chat template that has to write the text of each, and of which none ends its own turn."""

    def __init__(self) -> None:
        self._tried: dict[Hashable, Fault | None] = {}
        self._control: ControlTokens | None = None

    def render(
        self, template: ChatTemplate, messages: Messages, *, asked: bool = False, tools: Tools | None = None,
        said: Mapping[str, object] | None = None,
    ) -> str:
        """As ChatTemplate.render does. said: of the template's arguments those that are a caller's. Raises TemplateError for a
        text that is left out, or holds a control token, too."""
        self._refuse_control(template, messages, {"tools": tools, "an argument of the chat template": said})
        whole = template.render(messages, asked=asked, tools=tools)
        lost = next((Fault(at, 0) for at, one in enumerate(messages) if not _stands(one, whole)), None)
        fault = lost or self._fault_of_shape(template, messages, asked, tools)
        if fault is not None:
            raise TemplateError(fault.about(messages[fault.place]))
        return whole

    def _refuse_control(self, template: ChatTemplate, messages: Messages, beside: Mapping[str, object]) -> None:
        if self._control is None:
            self._control = ControlTokens(template)
        for where, value in {**{f"messages[{at}]": one for at, one in enumerate(messages)}, **beside}.items():
            if token := self._control.within(value):
                raise TemplateError(f"{where} holds {token!r}, which is no text to the model: it ends a turn, or begins one; "
                                    "write it otherwise")

    def _fault_of_shape(self, template: ChatTemplate, messages: Messages, asked: bool, tools: Tools | None) -> Fault | None:
        """Which message the template loses, puts elsewhere, or writes again, of any conversation with such roles: a short text
        ("yes") may be found in another by chance."""
        shape = (tuple((str(one.get("role")), min(len(_text(one).strip()), SHORT)) for one in messages), asked, bool(tools),
                 repr(template.arguments))
        if shape not in self._tried:
            if len(self._tried) >= _MOST_SHAPES:
                self._tried.clear()
            self._tried[shape] = _fault_of(template, [_probe(one, at) for at, one in enumerate(messages)], asked, tools)
        return self._tried[shape]


def _fault_of(template: ChatTemplate, probe: Messages, asked: bool, tools: Tools | None) -> Fault | None:
    try:
        whole = template.render(probe, asked=asked, tools=tools)
    except TemplateError:  # it is particular about texts, and has taken those that were given
        return None
    behind = 0
    for at, message in enumerate(probe):
        moved = message.get("role") in _MOVED
        found = find(_text(message), whole, 0 if moved else behind, len(whole))
        times = whole.count(_text(message).strip()) if _text(message).strip() else 1
        if found is None or times > 1:
            return Fault(at, 0 if found is None else times)
        behind = behind if moved else found.end
    return None


def _probe(message: Mapping[str, object], at: int) -> Mapping[str, object]:
    core = _text(message).strip()
    return {**message, "content": word_of(at, len(core))} if core else message


def _stands(message: Mapping[str, object], whole: str) -> bool:
    text, role = _text(message), str(message.get("role"))
    return bool(find(text, whole, 0, len(whole)) or find_without_thought(text, role, whole))


def _text(message: Mapping[str, object]) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else ""
