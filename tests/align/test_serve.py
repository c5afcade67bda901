"""`megatron-qm serve`: what `evaluate` would hear, many callers at once, at TP2."""

import json
import random
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from megatron_qm.cli import main
from megatron_qm.rewards.judge import Endpoint, JudgeError
from tests import warm
from tests.align.judge_world import served
from tests.align.stages import VERIFIER

TOKEN = "open sesame"


@pytest.fixture(scope="module")
def base(policy: Path) -> Iterator[str]:
    with served(policy, TOKEN, "--tp", "2", "--max-new-tokens", "16") as address:
        yield address


def asked(base: str, body: object, token: str = TOKEN, path: str = "chat/completions", parse: bool = True) -> dict:
    request = urllib.request.Request(f"{base}/{path}", json.dumps(body).encode(), {"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read()) if parse else {"read": reply.read()}


def streamed(base: str, body: dict, path: str = "chat/completions") -> tuple[list[dict], bool]:
    """The pieces, and whether the stream came to its end."""
    request = urllib.request.Request(f"{base}/{path}", json.dumps({**body, "stream": True}).encode(),
                                     {"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        assert reply.headers["Content-Type"].startswith("text/event-stream")
        events = [event.removeprefix("data: ") for event in reply.read().decode().split("\n\n") if event]
    return [json.loads(event) for event in events if event != "[DONE]"], events[-1] == "[DONE]"


@pytest.mark.parametrize("drawn", [
    {"temperature": 0}, {"temperature": 2.0, "seed": 5, "n": 3}, {"temperature": 1.0, "seed": 6, "stop": ["a", "is"]},
])
def test_a_stream_says_what_an_answer_says(base: str, drawn: dict) -> None:
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Code of illness a1?"}]}], **drawn}
    whole = asked(base, body)
    pieces, ended = streamed(base, {**body, "stream_options": {"include_usage": True}})
    assert ended and pieces[-1]["choices"] == [] and pieces[-1]["usage"] == whole["usage"]
    for choice in whole["choices"]:
        mine = [piece["choices"][0] for piece in pieces[:-1] if piece["choices"][0]["index"] == choice["index"]]
        assert mine[0]["delta"] == {"role": "assistant", "content": ""} and mine[-1]["delta"] == {}
        assert "".join(piece["delta"].get("content", "") for piece in mine) == choice["message"]["content"]
        assert [piece["finish_reason"] for piece in mine] == [None] * (len(mine) - 1) + [choice["finish_reason"]]
    assert {piece["object"] for piece in pieces} == {"chat.completion.chunk"} and len({piece["id"] for piece in pieces}) == 1
    plain = {"prompt": "Code of", "seed": 1, "max_tokens": 8}
    texts, ended = streamed(base, plain, "completions")
    whole = asked(base, plain, path="completions")
    assert ended and "".join(piece["choices"][0]["text"] for piece in texts) == whole["choices"][0]["text"]


def test_a_thousand_callers_256_at_once_and_strangers_among_them(base: str) -> None:
    good = {"messages": [{"role": "user", "content": "Code of illness a1?"}], "temperature": 0, "max_tokens": 2}
    strange = [{**good, "stop": "\ud800"}, {**good, "temperature": "x"}, {**good, "n": -1}, {**good, "x": 1}, []]
    alone = asked(base, good)["choices"]

    def call(number: int) -> bool:
        if number % 10 < 8:
            return asked(base, good)["choices"] == alone
        if number % 10 == 8:
            return streamed(base, good)[1]
        with pytest.raises(urllib.error.HTTPError) as refused:
            asked(base, strange[number % len(strange)])
        return refused.value.code == 400

    with ThreadPoolExecutor(256) as pool:
        assert all(pool.map(call, range(1000)))


def test_who_hangs_up_takes_nobody_with_him(base: str) -> None:
    body = json.dumps({"prompt": "Code", "max_tokens": 100, "stream": True, "temperature": 2.0}).encode()
    address = urllib.parse.urlsplit(base)
    for _ in range(20):
        with socket.create_connection((address.hostname, address.port)) as caller:
            caller.sendall(b"POST /v1/completions HTTP/1.1\r\nAuthorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b" % (
                TOKEN.encode(), len(body), body))
            caller.recv(200)
    assert asked(base, {"messages": [{"role": "user", "content": "Code"}], "temperature": 0})["choices"]


def test_fields_of_every_kind_leave_it_alive(base: str) -> None:
    values = [None, True, 0, -1, 1, 2.5, 1e-50, 1e400, 10**30, "", "x", "\ud800", [], [[]], {}, {"type": "text"},
              [{"role": "user"}], [{"role": "user", "content": "hi"}], ["a", "b"], "[DONE]"]
    names = ["messages", "prompt", "stop", "n", "temperature", "top_p", "top_k", "seed", "max_tokens", "stream", "stream_options",
             "model", "response_format", "logprobs", "tools", "user", "strange"]

    def call(seed: int) -> int:
        draw = random.Random(seed)
        asks = draw.choice([{"messages": [{"role": "user", "content": "hi"}]}, {"prompt": "hi"}])
        body = {"max_tokens": 1, **asks} | {draw.choice(names): draw.choice(values) for _ in range(draw.randint(1, 3))}
        try:
            asked(base, body, path=draw.choice(["completions", "chat/completions"]), parse=False)
            return 200
        except urllib.error.HTTPError as error:
            assert json.load(error)["error"]["message"]
            return error.code

    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(call, range(2000)))
    assert set(found) <= {200, 400} and 200 in found
    assert asked(base, {"messages": [{"role": "user", "content": "Code"}], "temperature": 0})["choices"]


def test_callers_at_once_hear_what_an_evaluation_hears(base: str, policy: Path, tiny: Path, tmp_path: Path) -> None:
    words = ["evaluate", "--model", policy, "--items", tiny / "items.jsonl", "--verifier", VERIFIER, "--max-new-tokens", "16",
             "--output", tmp_path / "e"]
    done = warm.megatron_qm(*words)
    assert done.returncode == 0, done.stderr
    alone = {answer["key"]: answer["response"] for answer in json.loads((tmp_path / "e").read_text())["answers"]}
    items = [json.loads(line) for line in (tiny / "items.jsonl").read_text().splitlines()]
    bodies = [{"messages": [{"role": "user", "content": item["prompt"]}], "temperature": 0} for item in items]
    with ThreadPoolExecutor(len(bodies)) as pool:
        heard = list(pool.map(lambda body: asked(base, body)["choices"][0]["message"]["content"], bodies))
    assert dict(zip((item["key"] for item in items), heard, strict=True)) == alone


def test_a_seed_draws_the_same_and_choices_differ(base: str) -> None:
    body = {"messages": [{"role": "user", "content": "Code of illness a1?"}], "temperature": 2.0, "n": 4, "seed": 3}
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: [choice["message"]["content"] for choice in asked(base, body)["choices"]], range(2))
    assert one == other and len(set(one)) > 1


def test_it_is_an_endpoint_that_a_judge_may_be(base: str, tiny: Path) -> None:
    """What it says whole is heard, what it does not bring to its end is not: which of both, a model so small leaves to chance."""
    ask = Endpoint(base, "policy", TOKEN, temperature=0)
    for line in (tiny / "items.jsonl").read_text().splitlines():
        prompt = json.loads(line)["prompt"]
        choice = asked(base, {"messages": [{"role": "user", "content": prompt}], "temperature": 0})["choices"][0]
        if choice["finish_reason"] == "stop":
            assert ask(prompt) == choice["message"]["content"]
        else:
            with pytest.raises(JudgeError, match="did not come to its end: finish_reason 'length'"):
                ask(prompt)


@pytest.mark.parametrize(("token", "body", "status"), [("guess", {}, 401), (TOKEN, {"messages": []}, 400)])
def test_who_is_turned_away(base: str, token: str, body: dict, status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        asked(base, body, token)
    assert error.value.code == status and json.load(error.value)["error"]["message"]


def test_no_token_no_service(policy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.delenv("MEGATRON_QM_SERVE_TOKEN", raising=False)
    assert main(["serve", "--checkpoint", str(policy)]) == 2
    assert "set MEGATRON_QM_SERVE_TOKEN" in capsys.readouterr().err
