"""Each door gives what the verifier behind it says."""
# ruff: noqa: E501  Chinese characters count twice

import json
import math
import threading
import urllib.error
import urllib.request

import pytest

from megatron_qm.rewards.doors.http import server
from megatron_qm.rewards.doors.nemo_rl import RewardEnvironment
from megatron_qm.rewards.doors.verl import compute_score
from megatron_qm.rewards.pool import VerifierPool


def test_verl():
    assert compute_score("exam", "A", "A") == {"score": 1.0, "unscored": 0.0}
    assert compute_score("medical/exam", "B", "A", {"options": {}})["score"] == 0.0
    assert math.isnan(compute_score("exam", "A", "none")["score"])


def test_nemo_rl():
    log = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "A"}]
    with VerifierPool(1) as pool:
        step = RewardEnvironment(pool).step([log, log], [{"verifier": "exam", "reference": r} for r in ("A", "B")])
    assert (step.rewards, step.terminateds) == ([1.0, 0.0], [True, True])


def test_http_wants_its_token_and_scores():
    with VerifierPool(1) as pool:
        door = server(pool, "secret")
        threading.Thread(target=door.serve_forever, daemon=True).start()

        def post(samples, token):
            body = json.dumps({"samples": samples}).encode()
            url = f"http://127.0.0.1:{door.server_port}/score"
            with urllib.request.urlopen(urllib.request.Request(url, body, {"Authorization": f"Bearer {token}"}), timeout=30) as reply:
                return json.load(reply)["outcomes"]

        try:
            good = {"verifier": "exam", "response": "A", "reference": "A"}
            assert post([good], "secret")[0]["value"] == 1.0
            for samples, token, status in (([good], "guess", 401), ([{**good, "verifier": "os:system"}], "secret", 400)):
                with pytest.raises(urllib.error.HTTPError) as error:
                    post(samples, token)
                assert error.value.code == status
        finally:
            door.shutdown()
            door.server_close()
