"""What callers may ask, and what is said to the rest."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megatron_qm.loopback import Refused
from megatron_qm.serving.asked import _HARMLESS, _READ, read

HELLO = [{"role": "user", "content": "hello"}]


class Letters:
    """A tokenizer of one letter a token; messages are joined."""

    chats, stops = True, (0,)

    def encode(self, prompt, *, arguments=None):
        text = prompt if isinstance(prompt, str) else "".join(message["content"] for message in prompt)
        return [ord(letter) for letter in "".join(arguments or ()) + text]

    def decode(self, tokens, *, special=True):
        return "".join(map(chr, tokens))


def asked(body, chat=True):
    return read(body, Letters(), longest=20, tokens=16, chat=chat)


def requests(body, chat=True):
    return asked(body, chat).requests


def test_a_request_takes_over_what_is_asked() -> None:
    body = {"messages": HELLO, "n": 2, "temperature": 0.5, "top_p": 0.9, "top_k": 3, "max_tokens": 4, "stop": "x", "seed": 7,
            "stream": False, "model": "any"}
    one, other = requests(body)
    assert (one.prompt, one.seed, one.sampling) == (tuple(b"hello"), 7, other.sampling) and one.key != other.key
    drawn = one.sampling
    assert (drawn.temperature, drawn.top_p, drawn.top_k, drawn.max_new_tokens) == (0.5, 0.9, 3, 4)
    assert (drawn.stop_tokens, drawn.stop_strings) == ((0,), ("x",))
    assert requests(body) == [one, other]  # the seed makes it so
    assert requests({"messages": HELLO})[0].seed != requests({"messages": HELLO})[0].seed
    assert requests({"messages": HELLO})[0].sampling.max_new_tokens == 15  # what is left of the model's 20


def test_what_the_chat_template_reads_beside_the_messages_reaches_it() -> None:
    assert requests({"messages": HELLO, "chat_template_kwargs": {"ab": False}})[0].prompt == tuple(b"abhello")
    with pytest.raises(Refused, match="chat_template_kwargs"):
        requests({"prompt": "hello", "chat_template_kwargs": {"ab": False}}, chat=False)


@pytest.mark.parametrize(("body", "why"), [
    ([], "JSON object"), ({}, "messages"), ({"messages": []}, "messages"),
    ({"messages": [{"role": "user"}]}, "messages"), ({"messages": ["hi"]}, r"messages\[0\]: "),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, r"messages\[0\].content: a part 'image_url'"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "cache": {}}]}]}, "cache of a part"),
    ({"messages": [{"role": "user", "content": []}]}, "list of parts"),
    ({"messages": [{"role": "assistant", "content": "a", "tool_calls": [{}]}]}, r"messages\[0\].tool_calls is not served"),
    *(({"messages": [*HELLO, {"role": role, "content": "a"}]}, rf"messages\[1\]\.role = {re.escape(repr(role))} is n")
      for role in ("docter", "USER", "", " user", "function", "system\n", 1, None, ["user"])),
    ({"messages": [{"role": "assistent", "content": "a"}]}, "is none of system, .*; did you mean 'assistant'"),
    ({"messages": HELLO, "chat_template_kwargs": ["a"]}, "chat_template_kwargs"),
    ({"messages": HELLO, "chat_template_kwargs": {"a": {}}}, "chat_template_kwargs"),
    ({"messages": HELLO, "stream": 1}, "stream = 1"), ({"messages": HELLO, "tools": [{}]}, r"tools = \[\{\}\] is not served"),
    ({"messages": HELLO, "stream_options": {"include_usage": True}}, "needs stream"),
    ({"messages": HELLO, "stream": True, "stream_options": {"include_usag": True}}, "stream_options = "),
    ({"messages": HELLO, "n": 0}, "n = 0"), ({"messages": HELLO, "n": 65}, "n = 65"), ({"messages": HELLO, "n": 1.5}, "n = 1.5"),
    ({"messages": HELLO, "temperature": "hot"}, "temperature = 'hot'"), ({"messages": HELLO, "temperature": -1}, "temperature"),
    ({"messages": HELLO, "temperature": float("nan")}, "temperature = nan"), ({"messages": HELLO, "seed": True}, "seed = True"),
    ({"messages": HELLO, "top_p": 0}, "top_p"), ({"messages": HELLO, "max_tokens": 0}, "max_new_tokens"),
    *(({"messages": HELLO, name: wrong}, re.escape(f"{name} = {wrong!r}: must be a whole number"))
      for name in ("max_tokens", "max_completion_tokens", "n", "seed") for wrong in ("16", "", True, 1.5, -1, [4], {}, 1e400)),
    ({"messages": HELLO, "max_tokens": 16}, "a prompt of 5 tokens"), ({"messages": HELLO, "stop": [1]}, "stop"),
    ({"messages": HELLO, "stop": ""}, "stop_strings"), ({"messages": HELLO, "stop": "\ud800"}, "stop_strings"),
    ({"messages": [{"role": "user", "content": "x" * 99}]}, "99 tokens"),
    ({"messages": [{"role": "user", "content": ""}]}, "0 tokens"),
    *(({"messages": HELLO, **field}, f"{next(iter(field))} = .* is not served here") for field in (
        {"response_format": {"type": "json_object"}}, {"tool_choice": "required"}, {"best_of": 2}, {"logprobs": True},
        {"logprobs": 0}, {"frequency_penalty": 0.1}, {"store": True}, {"logit_bias": {"5": 1}}, {"top_logprobs": 2},
        {"frequency_penalty": False}, {"echo": True}, {"prompt": "x"}, {"unknown": False}, {"unknown": 0}, {"min_tokens": 1},
        {"skip_special_tokens": True})),
])
def test_what_is_wrong_is_named(body, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        asked(body)
    assert refused.value.status == 400


@pytest.mark.parametrize("field", [
    {"response_format": {"type": "text"}}, {"tool_choice": "none"}, {"best_of": 1}, {"logprobs": False},
    {"stream_options": None},
    {"frequency_penalty": 0}, {"presence_penalty": 0.0}, {"store": False}, {"metadata": {"a": "b"}}, {"user": "me"},
    {"tools": []},
    {"parallel_tool_calls": True}, {"parallel_tool_calls": False}, {"unknown": None},
    {"logit_bias": {}}, {"modalities": ["text"]},
])
def test_what_changes_nothing_is_taken(field: dict[str, object]) -> None:
    plain = {"messages": HELLO, "seed": 1}
    assert asked({**plain, **field}) == asked(plain)


@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool", "developer"])
def test_every_role_that_is_known_is_handed_to_the_template(role: str) -> None:
    assert requests({"messages": [{"role": role, "content": "hello"}]})[0].prompt == requests({"messages": HELLO})[0].prompt


def test_streams_are_asked_for() -> None:
    assert (asked({"messages": HELLO}).stream, asked({"messages": HELLO, "stream": True}).stream) == (False, True)
    told = asked({"messages": HELLO, "stream": True, "stream_options": {"include_usage": True}})
    assert told.usage and not asked({"messages": HELLO, "stream": True, "stream_options": {}}).usage


def test_contents_in_parts_are_put_together_as_they_are() -> None:
    parts = [{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}]
    message = {"role": "user", "content": parts, "tool_calls": None}
    assert requests({"messages": [message]})[0].prompt == requests({"messages": HELLO})[0].prompt


def test_plain_text_and_its_mistakes() -> None:
    for prompt in ("abc", ["abc"]):
        assert requests({"prompt": prompt}, chat=False)[0].prompt == tuple(b"abc")
    for body in ({"prompt": ["a", "b"]}, {"prompt": [1, 2]}, {}):
        with pytest.raises(Refused, match="prompt: one text"):
            asked(body, chat=False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.text(max_size=5) | st.sampled_from(["role", "content", "type", "text"]), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from([*_READ, *_HARMLESS, "messages", "prompt", "x"]), JSON, max_size=4), st.booleans(),
       st.booleans())
def test_any_json_is_asked_or_refused(body: dict[str, object], chat: bool, whole: bool) -> None:
    base = ({"messages": HELLO} if chat else {"prompt": "hello"}) if whole else {}
    try:
        assert asked({**base, **body}, chat).requests
    except Refused as refused:
        assert refused.status == 400 and str(refused)


@pytest.mark.parametrize("field", ["temperature", "top_p", "top_k", "max_tokens", "seed"])
def test_a_number_that_is_too_large_is_told_so(field: str) -> None:
    with pytest.raises(Refused, match=f"^{field} = 1{'0' * 30}: must be .* below 4,611,686,018,427,387,904"):
        asked({"messages": HELLO, field: 10**30})


def test_two_lengths_of_an_answer_must_agree() -> None:
    with pytest.raises(Refused, match="max_tokens = 4 and max_completion_tokens = 2: two names of one thing"):
        asked({"messages": HELLO, "max_tokens": 4, "max_completion_tokens": 2})
    [request] = requests({"messages": HELLO, "max_tokens": 4, "max_completion_tokens": 4})
    assert request.sampling.max_new_tokens == 4
