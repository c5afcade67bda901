"""What callers may ask, and what is said to the rest."""

import pytest

from megatron_qm.loopback import Refused
from megatron_qm.model.generation.request import Completion
from megatron_qm.serving.chat import reply, requests_of


class Letters:
    """A tokenizer of one letter a token; messages are joined."""

    chats, stops = True, (0,)

    def encode(self, prompt):
        return [ord(letter) for letter in (prompt if isinstance(prompt, str) else "".join(m["content"] for m in prompt))]

    def decode(self, tokens, *, special=True):
        return "".join(map(chr, tokens))


def asked(body, chat=True):
    return requests_of(body, Letters(), longest=20, tokens=16, chat=chat)


HELLO = [{"role": "user", "content": "hello"}]


def test_a_request_takes_over_what_is_asked() -> None:
    body = {"messages": HELLO, "n": 2, "temperature": 0.5, "top_p": 0.9, "top_k": 3, "max_tokens": 4, "stop": "x", "seed": 7,
            "stream": False, "presence_penalty": 0, "model": "any"}
    one, other = asked(body)
    assert (one.prompt, one.seed, one.sampling) == (tuple(b"hello"), 7, other.sampling) and one.key != other.key
    drawn = one.sampling
    assert (drawn.temperature, drawn.top_p, drawn.top_k, drawn.max_new_tokens) == (0.5, 0.9, 3, 4)
    assert (drawn.stop_tokens, drawn.stop_strings) == ((0,), ("x",))
    assert asked(body) == [one, other]  # the seed makes it so
    assert asked({"messages": HELLO})[0].seed != asked({"messages": HELLO})[0].seed
    assert asked({"messages": HELLO})[0].sampling.max_new_tokens == 15  # what is left of the model's 20


@pytest.mark.parametrize(("body", "why"), [
    ([], "JSON object"), ({}, "messages"), ({"messages": []}, "messages"), ({"messages": [{"role": "user"}]}, "messages"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages"),
    ({"messages": HELLO, "stream": True}, "stream is not served"), ({"messages": HELLO, "tools": [{}]}, "tools is not served"),
    ({"messages": HELLO, "n": 0}, "n = 0"), ({"messages": HELLO, "n": 65}, "n = 65"), ({"messages": HELLO, "n": 1.5}, "n = 1.5"),
    ({"messages": HELLO, "temperature": "hot"}, "temperature = 'hot'"), ({"messages": HELLO, "temperature": -1}, "temperature"),
    ({"messages": HELLO, "temperature": float("nan")}, "temperature = nan"), ({"messages": HELLO, "seed": True}, "seed = True"),
    ({"messages": HELLO, "top_p": 0}, "top_p"), ({"messages": HELLO, "max_tokens": 0}, "max_new_tokens"),
    ({"messages": HELLO, "max_tokens": 16}, "a prompt of 5 tokens"), ({"messages": HELLO, "stop": [1]}, "stop"),
    ({"messages": HELLO, "stop": ""}, "stop_strings"), ({"messages": [{"role": "user", "content": "x" * 99}]}, "99 tokens"),
    ({"messages": [{"role": "user", "content": ""}]}, "0 tokens"),
])
def test_what_is_wrong_is_named(body, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        asked(body)
    assert refused.value.status == 400


def test_plain_text_and_its_mistakes() -> None:
    assert asked({"prompt": "abc"}, chat=False)[0].prompt == tuple(b"abc")
    with pytest.raises(Refused, match="prompt: one text"):
        asked({"prompt": ["a", "b"]}, chat=False)


def test_replies_are_the_api_s() -> None:
    requests = asked({"messages": HELLO, "n": 2, "stop": ["!"]})
    done = [Completion(r.key, tuple(text), (), (), end) for r, text, end in zip(
        requests, (b"yes! no", b"well"), ("stop_string", "length"), strict=True)]
    said = reply(requests, done, Letters(), "tiny", chat=True)
    assert [c["message"] for c in said["choices"]] == [
        {"role": "assistant", "content": "yes"}, {"role": "assistant", "content": "well"}]
    assert [c["finish_reason"] for c in said["choices"]] == ["stop", "length"]
    assert said["usage"] == {"prompt_tokens": 5, "completion_tokens": 11, "total_tokens": 16}
    assert reply(requests, done, Letters(), "tiny", chat=False)["choices"][1]["text"] == "well"
