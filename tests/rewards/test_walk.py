"""What data says decides nothing that is imported, opened, started or asked over the network: every field is walked."""

import json
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from megatron_qm.errors import UserError
from megatron_qm.rewards.general import read_principles
from megatron_qm.rewards.graded import Graded
from megatron_qm.rewards.items import read_items
from megatron_qm.rewards.judge import Endpoint, Judge, JudgeError
from megatron_qm.rewards.models import Models
from megatron_qm.rewards.outcome import Outcome, Scored
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.registry import GENERAL, GRADED, HYBRID, SHIPPED_NAMES, Verifiers
from megatron_qm.rewards.samples import Sample, admitted

CLOSED = "http://127.0.0.1:9/v1"  # nobody listens; the operator's choice, so it may be asked
WATCH, TOLD = "tests.rewards.test_walk:watch", "tests.rewards.test_walk:told"
WATCHED = ("import", "open", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.listdir",
           "os.scandir", "socket.connect", "socket.getaddrinfo", "urllib.Request", "ctypes.dlopen", "exec", "compile")
REFERENCES = {"exam": "A", "diagnosis": "I10", "drugs": ["aspirin"], "ordering": ["cbc"], "format": None, HYBRID: "A",
              GENERAL: None, GRADED: None}
_seen: list[str] = []
_read: set[str] = set()


class Recorded(dict):
    """An object of JSON that notes which of its fields are asked for."""

    def _note(self, key: object) -> None:
        if isinstance(key, str):
            _read.add(key)

    def __getitem__(self, key):
        self._note(key)
        return super().__getitem__(key)

    def __contains__(self, key) -> bool:
        self._note(key)
        return super().__contains__(key)

    def get(self, key, default=None):
        self._note(key)
        return super().get(key, default)


def recorded(value):
    if isinstance(value, dict):
        return Recorded({key: recorded(inner) for key, inner in value.items()})
    return [recorded(inner) for inner in value] if isinstance(value, list) else value


def watch(prompt, response, reference, metadata) -> Outcome:
    """From now on this process remembers what it imports, opens, starts and asks."""
    sys.addaudithook(lambda event, args: _seen.append(f"{event} {args[:2]}"[:120]) if event in WATCHED else None)
    return Scored(1.0)


def told(prompt, response, reference, metadata) -> Outcome:
    """What was remembered since it was last asked."""
    found = json.dumps({"seen": list(dict.fromkeys(_seen)), "read": sorted(_read)})
    _seen.clear()
    _read.clear()
    return Scored(1.0, {}, found)


def hostile(folder: Path) -> Iterator[object]:
    canary = folder / "canary"
    canary.write_text("- name: x\n")
    words = ["os:spawnve", "os:system", "antigravity", "antigravity:x", str(canary), f"file://{canary}", "http://127.0.0.1:9/other",
             "http://192.0.2.1/v1", "../../etc/passwd", "hybrid", "general", "tests.rewards.bad_verifiers:bad", "A"]
    yield from words
    yield from ([word] for word in words[:6])
    yield from ({name: word for name in ("base", "model", "key", "rule", "judge", "principles", "A", "x")} for word in words)
    yield from (True, 0, -1, 2.5, None, [], {}, [[]], [{}], "\ud800", "x" * 10_000)


@pytest.fixture
def operator() -> Verifiers:
    principles = {"mine": tuple(read_principles())[:1], "other": tuple(read_principles())[1:2]}
    judges = {name: Judge(Endpoint(CLOSED, name, "secret", 1.0), 1) for name in ("one", "two")}
    grader = Graded("Is it right?", judges["one"])
    return Verifiers.named([WATCH, TOLD], "verifiers", Models(judges, principles, "--judge", grader))


def _asked(pool: VerifierPool, samples: list[Sample]) -> tuple[list[str], set[str]]:
    """(what the worker did, which fields it read) while it judged."""
    pool.score(samples)
    found = json.loads(pool.score([Sample(TOLD, "", "", None, {})])[0].explanation)
    return found["seen"], set(found["read"])


@pytest.mark.parametrize("verifier", SHIPPED_NAMES)
def test_no_field_that_a_caller_sets_is_imported_opened_or_asked(verifier: str, operator: Verifiers, tmp_path: Path) -> None:
    responses = ("the first of the four", '{"answer": "A"}')
    known = {"rule": "exam", "judge": "one", "principles": "mine"} if verifier in (HYBRID, GENERAL) else {}

    def samples(metadata: dict[str, object], reference: object) -> Iterator[Sample]:
        for response in responses:
            given = Recorded(recorded(metadata))
            try:
                yield admitted(Sample(verifier, "?", response, recorded(reference), given), operator)
            except ValueError:
                pass
            finally:
                fields.update(_read)
                _read.clear()

    fields: set[str] = set()
    here: list[str] = []
    with VerifierPool(1) as pool:
        pool.score([*samples(known, REFERENCES[verifier]), Sample(WATCH, "", "", None, {})])  # what is loaded once is loaded
        _asked(pool, [*samples(known, REFERENCES[verifier])])
        for _ in count():
            before = set(fields)
            cases = [({**known, field: value}, REFERENCES[verifier]) for field in sorted(before) for value in hostile(tmp_path)]
            cases += [(known, value) for value in hostile(tmp_path)]
            with _watching(here):
                made = [sample for case in cases for sample in samples(*case)]
            seen, read = _asked(pool, made)
            fields |= read
            strange = [event for event in [*here, *seen] if not _of_the_operator(event)]
            assert not strange, strange[:5]
            if fields == before:
                break
    assert fields >= {HYBRID: {"rule", "judge"}, GENERAL: {"judge", "principles"}, "drugs": {"names"}}.get(verifier, set())


def _of_the_operator(event: str) -> bool:
    """Asking the endpoint that the operator named, and what asking takes."""
    return event.startswith(("urllib.Request", "socket.getaddrinfo", "socket.connect")) and (
        CLOSED in event or "'127.0.0.1', 9" in event)


class _watching:
    """What this process does within the block is added to `events`."""

    def __init__(self, events: list[str]) -> None:
        self._events, self._on = events, False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple) -> None:
        if self._on and event in WATCHED:
            self._events.append(f"{event} {args[:2]}")

    def __enter__(self) -> None:
        self._on = True

    def __exit__(self, *_: object) -> None:
        self._on = False


def test_the_watch_sees_what_it_is_there_for(tmp_path: Path) -> None:
    with VerifierPool(1) as pool:
        pool.score([Sample(WATCH, "", "", None, {})])
        seen, _ = _asked(pool, [Sample("json.tool:main", "", "", None, {})])
        assert any(event.startswith("open") and "tool" in event for event in seen)


@pytest.mark.parametrize(("metadata", "said"), [
    ({"rule": "os:spawnve", "judge": "one"}, "is not known"),
    ({"rule": "exam", "judge": {"base": "file:///etc/passwd", "model": "m"}}, "metadata.judge"),
    ({"rule": "exam", "judge": "http://127.0.0.1:9"}, "metadata.judge = 'http://127.0.0.1:9': must be a name"),
    ({"judge": "one"}, "name is text"),
    ({"rule": "hybrid", "judge": "one"}, "is not known"), ({"rule": "exam"}, "metadata.judge = None"),
])
def test_a_hybrid_of_strangers_is_refused(metadata: dict[str, object], said: str, operator: Verifiers) -> None:
    with pytest.raises(ValueError, match=said):
        operator.admit(HYBRID, metadata)


def test_principles_are_named_and_never_a_path(operator: Verifiers, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    with pytest.raises(ValueError, match="must be a name that was given at the start: mine, other") as refused:
        operator.admit(GENERAL, {"principles": str(secret), "judge": "one"})
    assert "the secret" not in str(refused.value)
    with pytest.raises(ValueError, match="none is named: set a judge"):
        Verifiers().admit(GENERAL, {"judge": {"base": CLOSED, "model": "m"}})


def test_a_file_of_items_names_no_endpoint(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    row = {"task": GENERAL, "prompt": "?", "reference": None, "metadata": {"judge": {"base": CLOSED, "model": "m"}}}
    path.write_text(json.dumps(row))
    with pytest.raises(UserError, match=r"items.jsonl:1: the verifier 'general': .* set rl.verifier.judge"):
        read_items(path, Verifiers.named([], "rl.verifiers", Models(setting="rl.verifier.judge")))


@pytest.mark.parametrize("base", [
    "file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "/etc/passwd", "", "http://", "http://[::1", "HTTPX://a",
])
def test_an_endpoint_is_http_or_https(base: str) -> None:
    with pytest.raises(UserError, match="must be a URL such as"):
        Endpoint(base, "m")


def test_an_endpoint_that_sends_elsewhere_is_not_followed(serve_once: Callable[[bytes], str], tmp_path: Path) -> None:
    (tmp_path / "x").write_text('{"choices": [{"message": {"content": "stolen"}}]}')
    for place in (f"file://{tmp_path}/x", "http://127.0.0.1:9/other"):
        base = serve_once(f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())
        with pytest.raises(JudgeError, match="302"):
            Endpoint(base, "m", "key")("hello")


@pytest.fixture
def serve_once() -> Iterator[Callable[[bytes], str]]:
    """Starts a server that answers one request with these bytes; gives its address."""
    import socket
    import threading

    sockets = []

    def start(answer: bytes) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        sockets.append(listening)

        def answer_one() -> None:
            with listening.accept()[0] as caller:
                caller.recv(1 << 16)
                caller.sendall(answer)

        threading.Thread(target=answer_one, daemon=True).start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}/v1"

    yield start
    for one in sockets:
        one.close()
