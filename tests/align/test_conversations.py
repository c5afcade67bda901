"""Every format says the same; what is read is used, and what is not is refused by file and line."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megatron_qm.align.sft.conversations import Conversation, UnusableError
from megatron_qm.align.sft.formats import FORMATS, parse
from megatron_qm.align.sft.reading import Rejected, read_lines
from megatron_qm.align.sft.rendering import Renderer
from megatron_qm.errors import UserError
from tests.align.templates import EVERYTHING, tokenizer

OPENAI = {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"},
                       {"role": "assistant", "content": "a"}]}
NEMO = {"system": "s", "mask": "User",
        "conversations": [{"from": "User", "value": "q"}, {"from": "Assistant", "value": "a"}]}
SHAREGPT = {"system": "s", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}
CALL = {"id": "c1", "type": "function", "function": {"name": "dose", "arguments": {"mg": 1}}}
ASKED = {"role": "user", "content": "q"}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
ANSWER = {"role": "assistant", "content": "a"}
SAME = {
    "openai": OPENAI,
    "openai, the system beside": {"system": "s", "messages": OPENAI["messages"][1:]},
    "openai, in parts": {"messages": [OPENAI["messages"][0], {"role": "user", "content": [
        {"type": "text", "text": "q"}, {"type": "text", "text": ""}]}, ANSWER]},
    "openai, full of nulls": {
        "messages": [{**turn, "tool_calls": None, "name": None, "weight": None} for turn in OPENAI["messages"]],
        "tools": None, "prompt": None, "source": None},
    "nemo-aligner": NEMO,
    "sharegpt": SHAREGPT,
    "sharegpt, the system within": {"conversations": [{"from": "system", "value": "s"}, *SHAREGPT["conversations"]]},
    "sharegpt, by other names": {"system": "s", "conversations": NEMO["conversations"]},
    "alpaca": {"instruction": "q", "input": "", "output": "a", "system": "s", "history": []},
    "alpaca without input": {"instruction": "q", "output": "a", "system": "s"},
    "prompt-completion": {"prompt": "q", "completion": "a", "system": "s"},
    "prompt-completion, as messages": {"prompt": OPENAI["messages"][:2], "completion": [ANSWER]},
    "input-output": {"input": "q", "output": "a", "system": "s"},
}


@pytest.mark.parametrize("name", SAME)
def test_the_formats_say_the_same(name: str) -> None:
    found = parse(SAME[name])
    assert found.messages == parse(OPENAI).messages and not found.tools
    assert [message.learn for message in found.messages] == [False, False, True]
    assert found.format == name.partition(",")[0].partition(" ")[0] in {one.name for one in FORMATS}


def said(sample: dict, **options) -> list[tuple[str, str | None]]:
    return [(message.role, message.content) for message in parse(sample, **options).messages]


def test_alpaca_keeps_instruction_input_and_history() -> None:
    sample = {"instruction": "Translate.", "input": "头痛", "output": "headache", "history": [["Hi?", "Yes."], ["So?", "So."]]}
    assert said(sample) == [("user", "Hi?"), ("assistant", "Yes."), ("user", "So?"), ("assistant", "So."),
                            ("user", "Translate.\n头痛"), ("assistant", "headache")]
    assert [message.learn for message in parse(sample).messages] == [False, True] * 3


def test_answers_within_a_prompt_are_not_learnt() -> None:
    sample = {"prompt": [ASKED, ANSWER, ASKED], "completion": [ANSWER]}
    assert [message.learn for message in parse(sample).messages] == [False, False, False, True]


@pytest.mark.parametrize(("flag", "learnt"), [
    ({"weight": 0}, False), ({"weight": 1}, True), ({"weight": 0.0}, False), ({"loss": False}, False), ({"train": False}, False),
    ({"training": False}, False), ({"loss": True}, True), ({}, True)])
def test_a_message_says_whether_it_is_learnt(flag: dict, learnt: bool) -> None:
    sample = answered(**flag)
    assert [message.learn for message in parse(sample).messages] == [False, learnt]
    in_sharegpt = {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a", **flag}]}
    assert parse(in_sharegpt).messages == parse(sample).messages


def test_sharegpt_calls_tools() -> None:
    call = {"name": "dose", "arguments": {"mg": 1}}
    sample = {"tools": json.dumps([{"name": "dose", "parameters": {}}]), "conversations": [
        {"from": "human", "value": "q"}, {"from": "function_call", "value": json.dumps(call)},
        {"from": "observation", "value": "4 g"}, {"from": "gpt", "value": "a"}]}
    plain = {key: each for key, each in CALL.items() if key != "id"}
    same = {"tools": [{"type": "function", "function": {"name": "dose", "parameters": {}}}],
            "messages": [ASKED, {"role": "assistant", "tool_calls": [plain]}, {"role": "tool", "content": "4 g"}, ANSWER]}
    assert (parse(sample).messages, parse(sample).tools) == (parse(same).messages, parse(same).tools)


def test_the_template_gets_calls_as_transformers_documents_them() -> None:
    result = {"role": "tool", "tool_call_id": "c1", "name": "dose", "content": "4 g"}
    in_text = {**CALL, "function": {"name": "dose", "arguments": '{"mg": 1}'}}
    found = parse(turns({**CALLING, "tool_calls": [in_text]}, result, ANSWER))
    assert [message.for_template() for message in found.messages] == [
        ASKED, {"role": "assistant", "tool_calls": [CALL]}, result, ANSWER]


def turns(*after_the_question: dict) -> dict:
    return {"messages": [ASKED, *after_the_question]}


def answered(**beside: object) -> dict:
    return turns({**ANSWER, **beside})


def called(arguments: object) -> dict:
    return turns({**CALLING, "tool_calls": [{"name": "f", "arguments": arguments}]})


REFUSED = {
    "an unknown key": ({**OPENAI, "source": "web"}, "the key 'source' is not read"),
    "a misspelt key": ({**SHAREGPT, "sytem": "s"}, "did you mean 'system'"),
    "a misspelt key of a message": (answered(wieght=0), "in messages.1., .*did you mean 'weight'"),
    "two formats": ({**OPENAI, "prompt": "q"}, "the key 'prompt' is not read: beside messages"),
    "a completion beside input": ({"input": "q", "output": "a", "completion": "b"}, "the key 'completion' is not read"),
    "two system messages": ({**OPENAI, "system": "t"}, "a system message is given twice"),
    "no format": ({"question": "q", "answer": "a"}, "no known format: it has 'question', 'answer', and none of: messages; "),
    "nothing": ({}, "it has no keys"),
    "an instruction alone": ({"instruction": "q"}, "no known format.*instruction with output"),
    "a list": ([], "the line is a list, not an object"),
    "a number for text": ({"prompt": 1, "completion": "a"}, "prompt is a number, not text"),
    "an unknown role": ({"messages": [{"role": "doctor", "content": "a"}]}, "role = 'doctor' is not one of"),
    "an unknown speaker": ({"conversations": [{"from": "doctor", "value": "a"}]}, "'doctor' is not one of human, .*mask"),
    "labels": (NEMO | {"type": "VALUE_TO_TEXT"}, "labels are not supported: type = 'VALUE_TO_TEXT'"),
    "a label": (NEMO | {"conversations": [NEMO["conversations"][0], {"from": "A", "value": "a", "label": "x"}]},
                "the key 'label' is not read"),
    "labels without a mask": (SHAREGPT | {"type": "TEXT_TO_VALUE"}, "the key 'type' is not read"),
    "three speakers": (NEMO | {"conversations": [*NEMO["conversations"], NEMO["conversations"][0], {"from": "B", "value": "b"}]},
                       "more than two speakers"),
    "an empty answer": ({"prompt": "q", "completion": " "}, "an empty turn"),
    "an answer to nobody": ({"messages": [ANSWER]}, "turn 1 is assistant's"),
    "no answer": (turns(), "no answer at the end"),
    "no turns": ({"messages": []}, "there is no turn"),
    "no content": (turns({"role": "assistant"}), "a key is missing: messages\\[1\\].content"),
    "a picture": ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}, ANSWER]},
                  "not text.*image_url"),
    "half a weight": (answered(weight=0.5), "a weight that is not 0 or 1"),
    "a weight of true": (answered(weight=True), "a weight that is not 0 or 1"),
    "a loss of 0": (answered(loss=0), "loss is a number, not true or false"),
    "a weight and a loss": (answered(loss=True, weight=1), "said twice"),
    "a question to learn": ({"messages": [{**ASKED, "weight": 1}, ANSWER]}, "a turn to learn that is no answer"),
    "reasoning twice": (answered(reasoning_content="x", thinking="y"), "reasoning is given twice"),
    "reasoning of a user": ({"messages": [{**ASKED, "reasoning_content": "x"}, ANSWER]},
                            "the key 'reasoning_content' is not read"),
    "a call of a user": ({"messages": [{**ASKED, "tool_calls": [CALL]}, ANSWER]}, "the key 'tool_calls' is not read"),
    "arguments that are no JSON": (called("{"), "is no JSON"),
    "arguments that are a list": (called("[1]"), "a list, not an object"),
    "an argument that is given twice": (called('{"a": 1, "a": 2}'), "the key 'a' is given twice"),
    "an infinite argument": (called({"a": 1e999}), "is no JSON"),
    "a tool that is no function": ({**OPENAI, "tools": [{"type": "web_search", "function": {"name": "f"}}]},
                                   "a tool that is no function"),
    "a tool without a name": ({**OPENAI, "tools": [{"description": "f"}]}, "a key is missing: tools\\[0\\].function.name"),
    "tools that are a number": ({**OPENAI, "tools": 3}, "tools is a number, not a list"),
    "a result without a call": (turns(ANSWER, {"role": "tool", "tool_call_id": "c1", "content": "r"}, ANSWER),
                                "results without calls"),
    "two results of a call": (turns(CALLING, *[{"role": "tool", "content": "r"}] * 2, ANSWER), "results without calls"),
    "a result of another call": (turns(CALLING, {"role": "tool", "tool_call_id": "c2", "content": "r"}, ANSWER), "another order"),
    "a call without a result": (turns(CALLING, ANSWER), "turn 3 is assistant's where tool's is expected"),
    "half a pair": ({"instruction": "q", "output": "a", "history": [["q"]]}, "history that is no pairs"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_read_is_refused_with_its_place(what: str) -> None:
    sample, reason = REFUSED[what]
    with pytest.raises(UnusableError, match=reason) as caught:
        parse(sample)
    assert str(caught.value).startswith(caught.value.kind)


def test_keys_that_are_known_to_say_nothing_may_stand_beside() -> None:
    sample = {**OPENAI, "id": 7, "source": "web", "messages": [{**turn, "source": "x"} for turn in OPENAI["messages"]]}
    assert said(sample, ignore=frozenset({"id", "source"})) == said(OPENAI)
    with pytest.raises(UnusableError, match="the key 'source' is not read"):
        parse(sample, ignore=frozenset({"id"}))


@pytest.mark.parametrize(("line", "reason"), [
    (b"{", "no line of JSON: Expecting"), (b"\xff", "utf-8"), (b'{"prompt": "\\ud800", "completion": "a"}', "surrogate"),
    (b'{"prompt": "q", "prompt": "r", "completion": "a"}', "the key 'prompt' is given twice"),
    (b'{"instruction": "q"}', "no known format"),
    (b"[" * 3000 + b"]" * 3000, ""), (b'{"messages": ' + b"[" * 3000 + b"]" * 3000 + b"}", ""),
    (b'{"messages": [{"role": "user", "content": ' + b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"}]}", ""),
    (b'{"instruction": "q", "output": "a", "tools": [' + b'{"name":' * 3000 + b"1" + b"}" * 3000 + b"]}", ""),
    (b'{"prompt": 1' + b"0" * 400 + b', "completion": "a"}', "a number, not text"),
    (b'{"prompt": 1' + b"0" * 9000 + b', "completion": "a"}', "digits"),
])
def test_a_bad_line_is_rejected_by_number_and_the_next_is_read(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n" + line + b"\n" + json.dumps(OPENAI).encode())
    bad, good = read_lines(path, frozenset(), parse)
    assert isinstance(bad, Rejected) and bad.line == 2 and reason in bad.reason and bad.reason.startswith(bad.kind)
    assert isinstance(good, Conversation) and good.line == 3


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none.jsonl"):
        list(read_lines(tmp_path / "none.jsonl", frozenset(), parse))


FULL = [
    {**OPENAI, "tools": [{"type": "function", "function": {"name": "dose", "parameters": {"type": "object"}}}], "messages": [
        {"role": "system", "content": "s"}, {**ASKED, "name": "Ann"}, CALLING,
        {"role": "tool", "content": [{"type": "text", "text": "r"}], "tool_call_id": "c1"},
        {**ANSWER, "reasoning_content": "x", "weight": 1}]},
    {**SHAREGPT, "tools": "[]"}, NEMO, {"prompt": [ASKED], "completion": [ANSWER]}, {"input": "q", "output": "a"},
    {"instruction": "q", "input": "i", "output": "a", "history": [["q", "a"]], "system": "s"},
]
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=5) | st.sampled_from(
        ["user", "assistant", "tool", "function_call", "[]", "{}", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.text(max_size=5) | st.sampled_from(["role", "content", "name", "type", "function", "arguments"]), inner, max_size=3),
    max_leaves=5)


def places(value: object) -> list[tuple]:
    """The path of every field and item within a JSON value."""
    pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    return [(key, *rest) for key, each in pairs for rest in [(), *places(each)]]


@pytest.mark.parametrize("sample", FULL, ids=lambda sample: next(iter(sample)))
def test_each_field_with_any_value_is_read_or_rejected_and_never_a_traceback(sample: dict, tmp_path: Path) -> None:
    path, renderer = tmp_path / "odd.jsonl", Renderer(tokenizer(EVERYTHING), "t")
    assert isinstance(parse(sample), Conversation)

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def read(data: st.DataObject) -> None:
        odd = json.loads(json.dumps(sample))
        *way, last = data.draw(st.sampled_from(places(odd)))
        holder = odd
        for key in way:
            holder = holder[key]
        action = data.draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "remove":
            del holder[last]
        elif action == "replace" or not isinstance(holder, dict):
            holder[last] = data.draw(ODD)
        else:
            holder[data.draw(st.text(min_size=1, max_size=8))] = data.draw(ODD)
        path.write_bytes(json.dumps(odd).encode() + b"\n")
        (found,) = read_lines(path, frozenset(), parse)
        assert isinstance(found, Conversation) or (isinstance(found, Rejected) and found.reason)
        if isinstance(found, Conversation):
            with suppress(UnusableError):
                assert renderer.render(found).learn.any()

    read()


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(FULL), st.text(min_size=1, max_size=10), st.text(min_size=1, max_size=5) | st.integers() | st.booleans())
def test_no_unknown_key_is_passed_over(sample: dict, key: str, value: object) -> None:
    """In the sample or in any object of a message."""
    for place in [(), *places(sample)]:
        odd = json.loads(json.dumps(sample))
        holder = odd
        for step in place:
            holder = holder[step]
        if not isinstance(holder, dict) or key in holder or place[:1] == ("tools",) or place[-1:] == ("arguments",):
            continue
        holder[key] = value
        with pytest.raises(UnusableError):
            parse(odd)


@pytest.mark.parametrize("value", [{}, 0, 0.0, False], ids=repr)
@pytest.mark.parametrize("key", ["tools", "history"])
def test_what_is_empty_of_the_wrong_type_is_no_absence(key: str, value: object) -> None:
    with pytest.raises(UnusableError, match=f"{key} is .*, not a list"):
        parse({"instruction": "Which code?", "output": "M10", key: value})


def test_blank_tools_are_none() -> None:
    assert parse({"input": "Which code?", "output": "M10", "tools": " "}).tools == ()


@pytest.mark.parametrize(("key", "meant"), [("mesages", "messages"), ("conversation", "conversations"), ("promt", "prompt")])
def test_a_misspelt_key_of_no_format_is_told_the_nearest(key: str, meant: str) -> None:
    with pytest.raises(UnusableError, match=f"by '{key}', did you mean '{meant}'"):
        parse({key: [], "output": "M10"})


def test_a_key_that_is_known_is_not_called_misspelt() -> None:
    with pytest.raises(UnusableError, match="no known format") as refused:
        parse({"instruction": "Which code?"})
    assert "did you mean" not in str(refused.value)
