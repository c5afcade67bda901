"""Rewards that verifiers behind an endpoint say: as the pool says them, within time, and refused before a run begins."""


import threading
import time
from collections.abc import Iterator, Sequence
from http.server import ThreadingHTTPServer

import pytest

from megatron_qm.align.rl.fusion.scorers import EndpointScorer
from megatron_qm.align.rl.fusion.sources import TOKEN, Source
from megatron_qm.align.rl.judges import Judges
from megatron_qm.config.fusion import RewardConfig
from megatron_qm.errors import UserError
from megatron_qm.rewards.doors.http import server
from megatron_qm.rewards.outcome import Scored, Unscored
from megatron_qm.rewards.pool import VerifierPool
from tests.align.test_fusion_rewards import RIGHT, config, item


@pytest.fixture(scope="module")
def door() -> Iterator[ThreadingHTTPServer]:
    with VerifierPool(1) as pool:
        found = server(pool, "secret")
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def scorer_for(port: int, token: str = "secret", verifier: str | None = None, waits: Sequence[float] = (0.01,)) -> EndpointScorer:
    return EndpointScorer(Source(verifier, f"http://127.0.0.1:{port}/"), token, 5.0, waits)


def test_an_endpoint_says_what_the_pool_says(door: ThreadingHTTPServer) -> None:
    items, texts = [item(f"{n}") for n in range(40)], ["A" if n % 3 else "B" for n in range(40)]
    found = scorer_for(door.server_port).scores(items, texts)
    with Judges(config()) as judges:
        assert found == judges.judge(items, texts)[0]
    said = scorer_for(door.server_port, verifier="format").scores([item("a")], ['{"answer": "A"}'])
    assert said[0].parts == {"format": said[0].value}


@pytest.mark.parametrize(("token", "verifier", "said"), [
    ("wrong", None, "HTTP 401"), ("secret", "os:system", "HTTP 400"), ("secret", "exma", "the verifier 'exma' is not known"),
])
def test_what_an_endpoint_refuses_is_for_the_user_to_mend(
    token: str, verifier: str | None, said: str, door: ThreadingHTTPServer
) -> None:
    with pytest.raises(UserError, match="refuses to judge by") as caught:
        scorer_for(door.server_port, token, verifier).scores([item("a")], ["A"])
    assert said in str(caught.value) and "secret" not in str(caught.value)


def test_a_server_that_is_gone_costs_scores_and_is_not_waited_for_twice(door: ThreadingHTTPServer) -> None:
    with VerifierPool(1) as pool:
        gone = server(pool, "secret")
        port = gone.server_port
        gone.server_close()
        began = time.monotonic()
        found = scorer_for(port, waits=(0.2,)).scores([item(f"{n}") for n in range(100)], ["A"] * 100)
        assert time.monotonic() - began < 5 and len(found) == 100
        assert all(isinstance(one, Unscored) and one.reason.startswith("endpoint: ") for one in found)
        assert "failed 2 times" in found[0].reason

        def start_again() -> None:
            time.sleep(0.3)
            server(pool, "secret", port).serve_forever()

        threading.Thread(target=start_again, daemon=True).start()  # while it is waited for
        (one,) = scorer_for(port, waits=(0.1, 0.5, 1.0, 2.0)).scores([item("a")], ["A"])
        assert isinstance(one, Scored) and one.value == 1.0


@pytest.mark.parametrize(("reply", "why"), [
    ('{"outcomes": [{"scored": "false", "value": 1, "parts": {}, "explanation": ""}]}', "scored = 'false' is not true or false"),
    ('{"outcomes": [{"scored": 1, "value": 1, "parts": {}, "explanation": ""}]}', "scored = 1 is not true or false"),
    ('{"outcomes": [{"value": 1, "parts": {}, "explanation": ""}]}', "lacks scored"),
    ('{"outcomes": [], "outcomes": [{"scored": false, "reason": "x"}]}', "the key 'outcomes' is given twice"),
])
def test_a_reply_that_is_none_scores_nothing(reply: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("megatron_qm.align.rl.fusion.scorers.post", lambda *asked: reply.encode())
    (one,) = scorer_for(1).scores([item("a")], ["A"])
    assert isinstance(one, Unscored) and one.reason.startswith("endpoint: ") and why in one.reason


def test_an_endpoint_without_a_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    with pytest.raises(UserError, match=f"http://127.0.0.1:1 wants a token: set {TOKEN}"):
        Judges(config(RIGHT, RewardConfig("model", endpoint="http://127.0.0.1:1")))
