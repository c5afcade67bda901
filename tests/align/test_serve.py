"""`megatron-qm serve`: what `evaluate` would hear, many callers at once, at TP2."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from megatron_qm.cli import main
from megatron_qm.rewards.judge import Endpoint
from tests.align.stages import VERIFIER

TOKEN = "open sesame"


@pytest.fixture(scope="module")
def base(policy: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "megatron_qm.cli", "serve", "--checkpoint", str(policy), "--port", "0", "--tp", "2",
               "--max-new-tokens", "16"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                              env=os.environ | {"OMP_NUM_THREADS": "1", "MEGATRON_QM_SERVE_TOKEN": TOKEN})
    yield server.stdout.readline().split()[-1]
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0


def asked(base: str, body: dict, token: str = TOKEN) -> dict:
    request = urllib.request.Request(f"{base}/chat/completions", json.dumps(body).encode(), {"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def test_callers_at_once_hear_what_an_evaluation_hears(base: str, policy: Path, tiny: Path, tmp_path: Path) -> None:
    words = ["evaluate", "--model", policy, "--items", tiny / "items.jsonl", "--verifier", VERIFIER, "--max-new-tokens", "16",
             "--output", tmp_path / "e"]
    done = subprocess.run([sys.executable, "-m", "megatron_qm.cli", *map(str, words)], capture_output=True, timeout=300)
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


def test_it_is_an_endpoint_that_a_judge_may_be(base: str) -> None:
    assert isinstance(Endpoint(base, "policy", TOKEN)("Is it A1?"), str)


@pytest.mark.parametrize(("token", "body", "status"), [("guess", {}, 401), (TOKEN, {"messages": []}, 400)])
def test_who_is_turned_away(base: str, token: str, body: dict, status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        asked(base, body, token)
    assert error.value.code == status and json.load(error.value)["error"]["message"]


def test_no_token_no_service(policy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.delenv("MEGATRON_QM_SERVE_TOKEN", raising=False)
    assert main(["serve", "--checkpoint", str(policy)]) == 2
    assert "set MEGATRON_QM_SERVE_TOKEN" in capsys.readouterr().err
