"""`megatron-qm annotate` in processes of its own, killed by pid at any moment: what it has acknowledged is there, and once."""

import base64
import hashlib
import random
import re
import socket
import threading
import time
import urllib.request
from collections import Counter
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.align.annotation.cases import Server, read, rows, run, verdict_on, write

WORDS = ("first", "second", "tie", "bad", "skip")


def verdicts(path: Path) -> list[dict]:
    return [row for row in read(path) if row["kind"] == "verdict"]


def test_kill_9_at_random_moments_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """A thread kills the server while verdicts are sent; the caller says again, under the same id, what was not answered."""
    pairs, output, draw = write(tmp_path / "pairs.jsonl", rows(5_000)), tmp_path / "v.jsonl", random.Random(7)
    acknowledged: list[str] = []
    said: list[str] = []
    unanswered: dict | None = None
    for _ in range(20):
        with Server(pairs, output) as server:
            if unanswered:
                assert server.post("verdict", unanswered)[0] == 200
                acknowledged.append(unanswered["id"])
            status, offer = server.post("next", {"annotator": "ann"})
            assert status == 200
            threading.Timer(draw.uniform(0.05, 0.6), server.process.kill).start()
            try:
                while offer["reading"]:  # a quick machine may come to the end, where what was said before would be said again
                    unanswered = verdict_on(offer, "ann", draw.choice(WORDS), draw)
                    said.append(unanswered["id"])
                    offer = server.post("verdict", unanswered)[1]
                    acknowledged.append(unanswered["id"])
            except (OSError, HTTPException):
                pass  # killed
    with Server(pairs, output):
        pass
    stored = [row["id"] for row in verdicts(output)]
    assert len(stored) > 20 and len(set(stored)) == len(stored)
    assert set(acknowledged) <= set(stored) <= set(said)
    assert [row["key"] for row in verdicts(output)] == [f"k{number}" for number in range(len(stored))]  # he went on where he was


def test_two_annotators_at_once_on_one_server(tmp_path: Path) -> None:
    pairs, output = write(tmp_path / "pairs.jsonl", rows(60)), tmp_path / "v.jsonl"
    with Server(pairs, output, "--second", "0.2", annotators=("ann", "ben")) as server:
        assert set(server.addresses) == {"ann", "ben"} and "12 of them to be read twice" in server.said

        def work(name: str) -> None:
            draw, offer = random.Random(name), server.post("next", {"annotator": name})[1]
            while offer["reading"]:
                time.sleep(0.005)
                offer = server.post("verdict", verdict_on(offer, name, draw.choice(WORDS[:4]), draw))[1]

        threads = [threading.Thread(target=work, args=(name,)) for name in ("ann", "ben")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        progress = server.post("next", {"annotator": "ann"})[1]["progress"]
    found = verdicts(output)
    # what lay before the other at the last moment may be left: everything else is done
    assert len(found) == progress["done"] == 72 == progress["total"]
    assert min(Counter(row["annotator"] for row in found).values()) > 10
    twice = [key for key, count in Counter(row["key"] for row in found).items() if count == 2]
    assert len(twice) == 12 and all({row["annotator"] for row in found if row["key"] == key} == {"ann", "ben"} for key in twice)


def test_the_page_is_open_to_all_holds_nothing_and_may_run_its_own_script_alone(tmp_path: Path) -> None:
    """What keeps responses text where no browser is there to look: nothing is written as HTML, and nothing else would run."""
    pairs = write(tmp_path / "pairs.jsonl", rows(3))
    with Server(pairs, tmp_path / "v.jsonl") as server:
        with urllib.request.urlopen(f"{server.base}/", timeout=30) as reply:
            page, policy = reply.read().decode(), reply.headers["Content-Security-Policy"]
        assert server.token not in page and "a of 0" not in page and "Question" not in page
    for kind in ("script", "style"):
        (held,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(held.encode()).digest()).decode()
        assert re.findall(rf"{kind}-src ([^;]*)", policy) == [f"'sha256-{digest}'"]
    assert policy.startswith("default-src 'none'; ") and "connect-src 'self'" in policy
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\bon\w+=", page)


def test_what_is_asked_wrongly_is_told(tmp_path: Path) -> None:
    pairs, output = write(tmp_path / "pairs.jsonl", rows(3)), tmp_path / "v.jsonl"
    with Server(pairs, output, annotators=("ann", "ben")) as server:
        assert server.post("next", {"annotator": "ann"}, token="guess")[0] == 401
        _, offer = server.post("next", {"annotator": "ann"})
        good = verdict_on(offer, "ann", "first", random.Random(0))
        for change, status, why in (
            ({"annotator": "eve"}, 400, "'eve' is not among"), ({"key": "k9"}, 400, "none of the pairs"),
            ({"verdict": "a"}, 400, "names no place"), ({"reading": 2}, 409, "already"), ({"key": None}, 400, "not text"),
            ({"note": "x" * 20_000}, 400, "20000 letters"), ({"id": ""}, 400, "id is empty"),
            *(({"reading": number}, 400, f"reading = {number} is neither 1 nor 2") for number in (-1, 0, 3, 1 << 62)),
            *(({"reading": value}, 400, "reading = ") for value in (1.0, True, "1", None, [1], float("inf"))),
        ):
            found, said = server.post("verdict", {**good, **change})
            assert found == status and why in said["error"]["message"], change
        assert server.post("verdict", [1])[0] == 400
        assert server.post("undo", {"annotator": "ann", "id": "u"})[0] == 409
        assert not verdicts(output)
        assert server.post("verdict", {**good, "note": "<b>n</b>\n"})[0] == 200
        assert server.post("verdict", {**good, "note": "<b>n</b>\n"})[0] == 200  # heard no answer
        for change in ({"annotator": "ben"}, {"key": "k1" if good["key"] != "k1" else "k2"}, {"verdict": "tie"}, {"reading": 2}):
            found, said = server.post("verdict", {**good, **change})
            assert found == 409 and "was used before, for something else" in said["error"]["message"], change
        assert server.post("verdict", {**good, "reading": -1})[0] == 400
        assert server.post("undo", {"annotator": "ann", "id": good["id"]})[0] == 409
    (row,) = verdicts(output)
    assert row["verdict"] == row["shown"][0] and row["note"] == "<b>n</b>\n"


@pytest.mark.parametrize("token", ["geheim\u00e9", " x", "x ", "a\tb", "x\x7f", "x\n", " "])
def test_a_token_that_no_browser_can_send_is_refused_at_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, token: str
) -> None:
    monkeypatch.setenv("MINE", token)
    pairs = write(tmp_path / "pairs.jsonl", rows(3))
    assert run("annotate", "--pairs", pairs, "--output", tmp_path / "v", "--annotator", "ann", "--token-variable", "MINE") == 2
    said = capsys.readouterr().err
    assert "MINE: holds what cannot be sent" in said and "geheim" not in said and not (tmp_path / "v").exists()


def test_a_refused_start_leaves_no_verdicts(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Of a port that is in use; what is there is left as it was."""
    pairs, there = write(tmp_path / "pairs.jsonl", rows(3)), tmp_path / "there.jsonl"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = ["annotate", "--pairs", pairs, "--annotator", "ann", "--port", taken.getsockname()[1]]
        assert run(*words, "--output", tmp_path / "a" / "b" / "v.jsonl") == 2
        assert "--port" in capsys.readouterr().err
        assert sorted(path.name for path in tmp_path.iterdir()) == ["pairs.jsonl"]
        with Server(pairs, there):
            pass
        before = there.read_bytes()
        assert before and run(*words, "--output", there) == 2
        assert there.read_bytes() == before


@pytest.mark.parametrize(("path", "body"), [
    ("next", {"annotator": "ann"}), ("verdict", None), ("undo", {"annotator": "ann", "id": "u"}),
])
def test_a_field_that_is_none_is_named_and_nothing_is_kept(path: str, body: dict | None, tmp_path: Path) -> None:
    pairs, output = write(tmp_path / "pairs.jsonl", rows(3)), tmp_path / "v.jsonl"
    with Server(pairs, output) as server:
        good = body or verdict_on(server.post("next", {"annotator": "ann"})[1], "ann", "first", random.Random(0))
        status, said = server.post(path, {**good, "verdikt": "second"})
        assert status == 400 and f"'verdikt' is no field of /{path}; known are" in said["error"]["message"]
        assert not verdicts(output)


def test_a_token_of_the_environment_is_taken(tmp_path: Path) -> None:
    pairs = write(tmp_path / "pairs.jsonl", rows(3))
    with Server(pairs, tmp_path / "v", "--token-variable", "MINE", MINE="a b~%") as server:
        assert server.token == "a b~%" and server.post("next", {"annotator": "ann"})[0] == 200


@pytest.mark.parametrize(("words", "why"), [
    (["--output", "v", "--annotator", "ann"], "annotate needs --pairs"),
    (["--pairs", "p", "--output", "v"], "annotate needs --annotator"),
    (["--pairs", "p", "--output", "v", "--annotator", "ann", "--annotator", "ann"], "the same name twice"),
    (["--pairs", "p", "--output", "v", "--annotator", " "], "is no name"),
    (["--pairs", "p", "--output", "v", "--annotator", "ann", "--export", "e"], "--export means nothing without --summary"),
    (["--summary", "v", "--export", "e"], "--export needs --pairs"),
    (["--summary", "v", "--annotator", "ann"], "--annotator means nothing with --summary"),
    (["--summary", "v", "--measure", "e"], "--measure means nothing without --export"),
    (["--summary", "v"], "cannot be read"),
    (["--pairs", "p", "--output", "v", "--annotator", "ann"], "p: cannot be read"),
])
def test_options_that_do_not_go_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, words: list[str], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("annotate", *words) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and why in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())
