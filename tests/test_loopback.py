"""JSON over HTTP on loopback: no caller is lost, and none takes the server with him."""

import http.client
import json
import random
import resource
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from megatron_qm import loopback
from megatron_qm.arrival import Waiting
from megatron_qm.cli import main
from megatron_qm.errors import UserError
from megatron_qm.loopback import Events, Page, Refused, json_server

TOKEN = "secret"
HEAD = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def closed() -> list[str]:
    return []


@pytest.fixture
def port(closed: list[str]) -> Iterator[int]:
    def pieces():
        try:
            for number in range(1000):
                yield {"number": number, "text": "é\n\ndata: x" + "x" * 10_000}
        finally:
            closed.append("closed")

    def fails(body, gone):
        raise ZeroDivisionError("on purpose")

    def fails_late():
        yield {"number": 0}
        raise ZeroDivisionError("on purpose")

    def refuses(body, gone):
        raise Refused("not today", 409)

    door = json_server({
        "POST /echo": lambda body, gone: {"echo": body}, "POST /fails": fails, "GET /models": lambda *_: {"models": []},
        "POST /events": lambda body, gone: Events(pieces()), "POST /fails-late": lambda *_: Events(fails_late()),
        "POST /refuses": refuses, "POST /no-json": lambda *_: {"x": object()},
    }, TOKEN)
    thread = threading.Thread(target=door.serve_forever, daemon=True)
    thread.start()
    yield door.server_port
    door.shutdown()
    door.server_close()


def post(port: int, path: str, body: object, head: dict[str, str] = HEAD) -> tuple[int, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", path, json.dumps(body), head)
    reply = connection.getresponse()
    found = reply.status, json.loads(reply.read())
    connection.close()
    return found


def test_a_thousand_callers_256_at_once_are_all_answered(port: int) -> None:
    start = threading.Barrier(256)

    def call(number: int) -> int:
        if number < 256:
            start.wait()
        return post(port, "/echo", number)[1]["echo"]

    with ThreadPoolExecutor(256) as pool:
        assert list(pool.map(call, range(1000))) == list(range(1000))


def test_a_connection_is_kept(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    sockets = set()
    for number in range(3):
        connection.request("POST", "/echo", json.dumps(number), HEAD)
        assert json.loads(connection.getresponse().read()) == {"echo": number}
        sockets.add(connection.sock.getsockname())
        connection.request("POST", "/refuses", "1", HEAD)
        assert connection.getresponse().read()
    assert len(sockets) == 1


@pytest.mark.parametrize(("path", "status", "why"), [
    ("/fails", 500, "ZeroDivisionError: on purpose"), ("/no-json", 500, "TypeError"), ("/refuses", 409, "not today"),
    ("/nowhere", 404, "POST /nowhere: there are"),
])
def test_whatever_goes_wrong_is_a_sentence(port: int, path: str, status: int, why: str) -> None:
    found, reply = post(port, path, {})
    assert found == status and why in reply["error"]["message"]
    assert post(port, "/echo", 1) == (200, {"echo": 1})


@pytest.mark.parametrize("head", [{}, {"Authorization": "Bearer guess"}, {"Authorization": "Bearer \u00e9"}])
def test_without_the_token_nothing_is_answered(port: int, head: dict[str, str]) -> None:
    status, reply = post(port, "/echo", "x" * 3_000_000, head)  # the reply is heard though what was sent is not read
    assert status == 401 and reply["error"]["type"] == "authentication_error"


def test_events_are_told_one_by_one(port: int, closed: list[str]) -> None:
    said = raw(port, request("/events", b"{}"))
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"text/event-stream" in head and b"close" in head.lower()
    events = body.decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""] and len(events) == 1002
    assert [json.loads(event.removeprefix("data: "))["number"] for event in events[:-2]] == list(range(1000))
    assert closed == ["closed"]


def test_a_stream_that_fails_says_so(port: int) -> None:
    events = raw(port, request("/fails-late", b"{}")).partition(b"\r\n\r\n")[2].split(b"\n\n")
    assert json.loads(events[1].removeprefix(b"data: "))["error"]["code"] == 500 and b"[DONE]" not in b"".join(events)


def test_who_hangs_up_closes_the_stream(port: int, closed: list[str]) -> None:
    with socket.create_connection(("127.0.0.1", port)) as caller:
        caller.sendall(request("/events", b"{}"))
        caller.recv(100)
    for _ in range(500):
        if closed:
            break
        threading.Event().wait(0.02)
    assert closed == ["closed"]


def request(path: str, body: bytes, *more: str, length: object = None, method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {TOKEN}",
             f"Content-Length: {len(body) if length is None else length}", *more]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body


def raw(port: int, data: bytes, *, half: bool = True) -> bytes:
    """What is answered to these bytes, to the end of the connection."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as caller:
        try:
            caller.sendall(data)
            if half:
                caller.shutdown(socket.SHUT_WR)
            while piece := caller.recv(1 << 16):
                found += piece
        except OSError:
            pass
    return found


@pytest.mark.parametrize(("data", "status"), [
    (request("/echo", b"{", length=1), 400), (request("/echo", b"{}", length=5), 400), (request("/echo", b"", length=0), 413),
    (request("/echo", b"{}", length="9" * 5000), 413), (request("/echo", b"{}", length="\u00b2"), 400),
    (request("/echo", b"{}", "Transfer-Encoding: chunked"), 400),
    (request("/echo", b'"\\ud800"'), 400), (request("/echo", b"\xff\xfe"), 400), (request("/echo", b"[" * 100_000), 400),
    (request("/echo", b"9" * 5000), 400), (request("/echo", b"{}", method="PUT"), 501),
    (b"\r\n\r\n", None), (b"nonsense\r\n\r\n", 400),
    (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
    (request("/echo", b"{}", *(f"X-{n}: y" for n in range(200))), 431),
    (request("/echo", b"{}", "X: " + "y" * 70_000), 431), (b"POST /echo HTTP/1.1\r\n", None),
    (b"POST /echo HTTP/9.9\r\n\r\n", 505),
    (request("/models?limit=1", b"", method="GET"), 200),
])
def test_what_is_no_request_is_answered_in_words_or_closed(port: int, data: bytes, status: int | None) -> None:
    said = raw(port, data)
    if status is not None:
        head, _, body = said.partition(b"\r\n\r\n")
        assert head.split()[1] == str(status).encode()
        assert status == 200 or json.loads(body)["error"]["message"]
    assert post(port, "/echo", 1) == (200, {"echo": 1})


SMUGGLED = request("/models", b"", method="GET")


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(("length", "more", "why"), [
    (2, ["Content-Length: 3"], "differ"), (2, ["content-length: 0"], "differ"), (2, ["Content-Length: +2"], "differ"),
    ("+2", [], "digits"), ("-1", [], "digits"), ("0x2", [], "digits"), ("2_0", [], "digits"), ("2 0", [], "digits"),
    ("2, 2", [], "digits"), ("2\r\n 0", [], "digits"), ("", [], "digits"), ("2.0", [], "digits"),
    (2, ["Transfer-Encoding: chunked"], "both"), (2, ["Transfer-Encoding : chunked"], "no header"),
    (2, ["transfer-encoding: identity"], "both"),
])
def test_a_request_whose_end_two_readers_might_place_otherwise_is_refused_and_the_connection_closed(
    method: str, length: object, more: list[str], why: str, port: int
) -> None:
    said = raw(port, request("/echo", b"{}", *more, length=length, method=method) + SMUGGLED, half=False)
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.split()[1] == b"400" and b"connection: close" in head.lower() and said.count(b"HTTP/1.1") == 1
    assert why in json.loads(body)["error"]["message"]
    assert post(port, "/echo", 1) == (200, {"echo": 1})


def test_the_same_length_twice_and_blanks_around_it_are_read(port: int) -> None:
    said = raw(port, request("/echo", b"{}", "Content-Length: 2", length=" 2\t "))
    assert said.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("token", ["a\nb", "a\n", "a b\u00e9", " a", "\u200b", "a\x7f"])
@pytest.mark.parametrize("words", [
    ["serve", "--checkpoint", "nowhere"], ["serve-rewards", "--port", "0"],
    ["annotate", "--pairs", "nowhere", "--output", "new/verdicts.jsonl", "--annotator", "ann"],
])
def test_a_token_that_no_caller_can_send_is_refused_at_every_door(
    token: str, words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", token)
    assert main([*words, "--token-variable", "TOKEN"]) == 2
    assert "TOKEN: holds what cannot be sent as a token" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_two_thousand_mutilated_requests_leave_it_alive(port: int) -> None:
    draw = random.Random(1)

    def mutilated(seed: int) -> bytes:
        draw = random.Random(seed)
        path, body = draw.choice(["/echo", "/fails", "/x", "/models", "/é"]), json.dumps({"a": [1, "é", None]}).encode()
        length, method = draw.choice([None, 0, 3, 10**6, "x", -5]), draw.choice(["POST", "GET", "HEAD"])
        data = bytearray(request(path, body, length=length, method=method))
        for _ in range(draw.randint(0, 5)):
            at = draw.randrange(len(data))
            data[at : at + draw.choice([0, 1, 9])] = draw.randbytes(draw.choice([0, 1, 4, 300]))
        return bytes(data[: draw.choice([len(data), draw.randrange(len(data) + 1)])])

    with ThreadPoolExecutor(64) as pool:
        for _ in pool.map(lambda seed: raw(port, mutilated(seed), half=True), range(2000)):
            pass
    assert post(port, "/echo", draw.random())[0] == 200


def test_silent_callers_take_nobody_s_place(port: int) -> None:
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    for caller in silent:
        caller.sendall(b"POST /echo HTTP/1.1\r\nContent-Le")
    assert post(port, "/echo", 1) == (200, {"echo": 1})
    for caller in silent:
        caller.close()


def dripping(port: int, head: bytes, drip: bytes) -> tuple[float, bytes]:
    """A caller that sends `head` at once and then `drip`, a byte each 20 ms, until it is dropped: (seconds, what it was told)."""
    begun, said = time.monotonic(), b""
    with socket.create_connection(("127.0.0.1", port), timeout=0.02) as caller:
        try:
            caller.sendall(head)
            for at in range(2000):
                caller.sendall(drip[at % len(drip) : at % len(drip) + 1])
                try:
                    piece = caller.recv(1 << 16)
                    said += piece
                    if not piece:
                        break
                except TimeoutError:
                    pass
        except OSError:
            pass
    return time.monotonic() - begun, said


@pytest.mark.parametrize(("head", "drip", "told"), [
    (b"POST /echo", b" ", False),  # the line of the request never ends
    (b"POST /echo HTTP/1.1\r\n", b"X: y\r\n", True), (b"POST /echo HTTP/1.1\r\nX: ", b"y", True),
    (request("/echo", b'"', length=60_000_000), b"a", True), (request("/echo", b"", length=1000), b" ", True),
    (b"POST /echo HTTP/1.1\r\nContent-Length: 1000\r\n\r\n", b"a", None),  # without the token: refused at once
])
def test_a_caller_that_sends_byte_by_byte_is_dropped_in_time_and_others_are_answered(
    port: int, head: bytes, drip: bytes, told: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loopback._Handler, "whole", 0.5)
    monkeypatch.setattr(loopback, "_LINGER_SECONDS", 0.5)
    with ThreadPoolExecutor(50) as pool:
        slow = [pool.submit(dripping, port, head, drip) for _ in range(50)]
        for number in range(20):
            assert post(port, "/echo", number) == (200, {"echo": number})
        for one in slow:
            seconds, said = one.result()
            assert seconds < 10  # 40 if nobody drops it
            assert told is None or (b" 408 " in said and b"0.5 seconds for all of it" in said) == told
            assert told is not None or b" 401 " in said


def test_of_too_many_silent_callers_those_are_cut_off_that_waited_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nobody who is being answered."""
    begun, held = threading.Event(), threading.Event()

    def slow(body: object, gone: object) -> object:
        begun.set()
        return {"slow": held.wait(30)}

    door = json_server({"POST /echo": lambda body, gone: {"echo": body}, "POST /slow": slow}, TOKEN)
    door.waiting = Waiting(50, patience=0.0)
    threading.Thread(target=door.serve_forever, daemon=True).start()
    silent: list[socket.socket] = []
    try:
        with ThreadPoolExecutor(1) as pool:
            answered = pool.submit(post, door.server_port, "/slow", 1)
            assert begun.wait(30)
            for _ in range(200):
                silent.append(socket.create_connection(("127.0.0.1", door.server_port), timeout=30))
                silent[-1].sendall(b"POST /echo HTTP/1.1\r\nX: ")
            assert post(door.server_port, "/echo", 2) == (200, {"echo": 2})
            assert [caller.recv(1) for caller in silent[:150]] == [b""] * 150
            held.set()
            assert answered.result() == (200, {"slow": True})
    finally:
        held.set()
        for one in silent:
            one.close()
        door.shutdown()
        door.server_close()


@pytest.mark.parametrize("soft", [1024, 1 << 20, resource.RLIM_INFINITY, 10])
def test_as_many_callers_may_wait_as_leave_room_for_others(soft: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert Waiting.of_process()._most == {1024: 512, 10: 5}.get(soft, 4096)


def test_a_caller_that_takes_its_time_between_requests_is_served(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback._Handler, "whole", 0.3)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for number in range(2):
        connection.request("POST", "/echo", json.dumps(number), HEAD)
        assert json.loads(connection.getresponse().read()) == {"echo": number}
        time.sleep(0.5)


@pytest.mark.parametrize("port_", [-1, 65536, 99999999])
def test_ports_that_cannot_be(port_: int) -> None:
    with pytest.raises(UserError, match=f"--port {port_}: must lie in 0 to 65535"):
        json_server({}, TOKEN, port_)


def test_a_port_that_is_taken(port: int) -> None:
    with pytest.raises(UserError, match=f"--port {port}: .*; name another"):
        json_server({}, TOKEN, port)


def test_a_page_needs_no_token_and_everything_else_does() -> None:
    page = Page(b"<p>\xc3\xa9</p>", "default-src 'none'")
    door = json_server({"GET /models": lambda *_: {"models": []}}, TOKEN, pages={"/": page})
    threading.Thread(target=door.serve_forever, daemon=True).start()
    try:
        for path in ("/", "/?x=1"):
            connection = http.client.HTTPConnection("127.0.0.1", door.server_port, timeout=30)
            connection.request("GET", path)
            reply = connection.getresponse()
            assert reply.status == 200 and reply.read() == b"<p>\xc3\xa9</p>"
            assert reply.headers["Content-Security-Policy"] == "default-src 'none'" and reply.headers["X-Frame-Options"] == "DENY"
            assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
            connection.close()
        for method, path in (("GET", "/models"), ("POST", "/"), ("GET", "/index.html")):
            connection = http.client.HTTPConnection("127.0.0.1", door.server_port, timeout=30)
            connection.request(method, path, "{}")
            assert connection.getresponse().status == 401
            connection.close()
    finally:
        door.shutdown()
        door.server_close()
