"""One message of a sample: what it says, what else it holds for the template, and whether it is learnt."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from megatron_qm.align.sft.conversations import ROLES, Message, UnusableError
from megatron_qm.align.sft.fields import Fields, as_text, in_json, listed, shown, wrong_type
from megatron_qm.json_lines import parse_line
from megatron_qm.json_types import JsonObject

_MAY_HOLD = {
    "system": ("name",), "user": ("name",), "tool": ("name", "tool_call_id"),
    "assistant": ("name", "tool_calls"),
}
_REASONING = ("reasoning_content", "thinking", "reasoning")  # names of one thing


def openai_message(turn: object, where: str, ignore: frozenset[str], *, learn: bool) -> Message:
    """As OpenAI and transformers have it. learn: whether an answer that says nothing of it is learnt."""
    fields = Fields(turn, where, ignore)
    role = fields.text("role")
    if role not in ROLES:
        raise UnusableError("an unknown role", f"{fields.place('role')} = {shown(role)} is not one of {', '.join(ROLES)}")
    content = fields.take("content")
    said = None if content is None else _joined(content, fields.place("content"))
    message = finished(fields, role, said, learn=learn)
    if said is None and not message.calls:
        raise UnusableError("a key is missing", f"{where}.content")
    return message


def finished(fields: Fields, role: str, content: str | None, *, learn: bool, calls: object = None) -> Message:
    """With what is left of `fields` beside role and content. calls: of tools, where another key than tool_calls holds them."""
    given: JsonObject = {} if calls is None else {"tool_calls": tool_calls(calls, fields.where)}
    for key in _MAY_HOLD[role]:
        if key not in given and (value := fields.take(key)) is not None:
            given[key] = _READ[key](value, fields.place(key))
    if role == "assistant":
        given["reasoning_content"] = _reasoning(fields)
    learnt = _learnt(fields, role, learn)
    fields.done()
    return Message(role, content, learnt, {key: value for key, value in given.items() if value})


def tool_calls(value: object, place: str) -> list[JsonObject]:
    """Each as transformers has it, {"type": "function", "function": {"name", "arguments"}} with its id if it has one, from that
    or from {"name", "arguments"} alone; arguments become an object, which is what templates want."""
    return [_call(call, f"{place}[{at}]") for at, call in enumerate(listed(value, place))]


def tools(value: object, place: str) -> tuple[JsonObject, ...]:
    """What may be called: a list, or the JSON text of one. A function without its {"type": "function"} gets it."""
    found = _from_text(value, place) if isinstance(value, str) and value.strip() else value
    if isinstance(found, str):  # blank: no tools
        return ()
    return tuple(_tool(tool, f"{place}[{at}]") for at, tool in enumerate(listed(found, place)))


def calls_in_text(text: str, place: str) -> list[object]:
    """The calls that a text holds as JSON: one or a list."""
    found = _from_text(text, place)
    return found if isinstance(found, list) else [found]


def _call(value: object, place: str) -> JsonObject:
    fields = Fields(value, place)
    inner = Fields(fields.take("function"), f"{place}.function") if "function" in fields else fields
    arguments, name, call_id = inner.needed("arguments"), inner.text("name"), fields.text_or("id", "")
    _only_functions(fields)
    inner.done()
    fields.done()
    if isinstance(arguments, str):
        arguments = _from_text(arguments, inner.place("arguments"))
    if not isinstance(arguments, dict):
        raise wrong_type(inner.place("arguments"), arguments, "an object")
    call: JsonObject = {"type": "function", "function": {"name": name, "arguments": in_json(arguments, inner.place("arguments"))}}
    return {"id": call_id, **call} if call_id else call


def _tool(value: object, place: str) -> JsonObject:
    """Its schema is the template's to read, whole."""
    if not isinstance(value, dict):
        raise wrong_type(place, value, "an object")
    tool: JsonObject = value
    if "function" not in tool:
        bare = {key: each for key, each in value.items() if (key, each) != ("type", "function")}
        tool = {"type": "function", "function": bare}
    in_json(tool, place)
    fields = Fields(tool, place)
    _only_functions(fields)
    Fields(fields.needed("function"), f"{place}.function").text("name")
    return tool


def _only_functions(fields: Fields) -> None:
    kind = fields.text_or("type", "function")
    if kind != "function":
        raise UnusableError("a tool that is no function", f"{fields.place('type')} = {shown(kind)}")


def _joined(content: object, place: str) -> str:
    """Text, or a list of text parts."""
    if not isinstance(content, list):
        return as_text(content, place)
    return "".join(_part(part, f"{place}[{at}]") for at, part in enumerate(content))


def _part(part: object, place: str) -> str:
    fields = Fields(part, place)
    kind = fields.text("type")
    if kind != "text":
        raise UnusableError("content that is not text", f"{place}.type = {shown(kind)}")
    text = fields.text("text")
    fields.done()
    return text


def _reasoning(fields: Fields) -> str:
    said = {key: text for key in _REASONING if (text := fields.text_or(key, ""))}
    if len(said) > 1:
        raise UnusableError("reasoning is given twice", f"{fields.where}: as {' and as '.join(said)}")
    return next(iter(said.values()), "")


def _learnt(fields: Fields, role: str, default: bool) -> bool:
    said = {"weight": _weight(fields), **{key: fields.flag(key) for key in ("loss", "train", "training")}}
    stated = {key: value for key, value in said.items() if value is not None}
    if len(stated) > 1:
        raise UnusableError("whether to learn is said twice", f"{fields.where}: {' and '.join(stated)}")
    if role != "assistant":
        if any(stated.values()):
            raise UnusableError("a turn to learn that is no answer", f"{fields.place(*stated)} of a turn of {role}")
        return False
    return next(iter(stated.values()), default)


def _weight(fields: Fields) -> bool | None:
    value = fields.take("weight")
    if value is None:
        return None
    if isinstance(value, bool) or value not in (0, 1):
        raise UnusableError("a weight that is not 0 or 1", fields.place("weight"))
    return value == 1


def _from_text(text: str, place: str) -> object:
    try:
        return parse_line(text.encode())
    except (ValueError, RecursionError) as error:
        raise UnusableError("a value that is no JSON", f"{place}: {error}") from None


_READ = cast(dict[str, Callable[[object, str], object]], {
    "name": as_text, "tool_call_id": as_text, "tool_calls": tool_calls,
})
