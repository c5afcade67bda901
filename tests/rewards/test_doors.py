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
from megatron_qm.rewards.registry import Verifiers

OWN = "tests.rewards.bad_verifiers:bad"


def test_verl():
    assert compute_score("exam", "A", "A") == {"score": 1.0, "unscored": 0.0}
    assert compute_score("medical/exam", "B", "A", {"options": {}})["score"] == 0.0
    assert math.isnan(compute_score("exam", "A", "none")["score"])
    assert compute_score("medical/bad", "", "0.5", verifiers=[f"bad={OWN}"])["score"] == 0.5
    for data_source, extra in ((OWN, {}), ("os:system", {}), ("hybrid", {"rule": "os:system", "judge": {}})):
        with pytest.raises(ValueError, match="must be named in reward_kwargs.verifiers"):
            compute_score(data_source, "", "0.5", extra)


def test_nemo_rl():
    log = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "A"}]
    with VerifierPool(1) as pool:
        step = RewardEnvironment(pool).step([log, log], [{"verifier": "exam", "reference": r} for r in ("A", "B")])
        assert (step.rewards, step.terminateds) == ([1.0, 0.0], [True, True])
        own = RewardEnvironment(pool, Verifiers.named([OWN], "verifiers")).step([log], [{"verifier": OWN, "reference": "0.5"}])
        assert own.rewards == [0.5]
        with pytest.raises(ValueError, match="must be named in verifiers"):
            RewardEnvironment(pool).step([log], [{"verifier": OWN, "reference": "0.5"}])


def test_http_wants_its_token_and_scores():
    with VerifierPool(1) as pool:
        door = server(pool, "secret", verifiers=Verifiers.named([f"bad={OWN}"], "--verifier"))
        threading.Thread(target=door.serve_forever, daemon=True).start()

        def post(samples, token):
            body = json.dumps({"samples": samples}).encode()
            url = f"http://127.0.0.1:{door.server_port}/score"
            with urllib.request.urlopen(urllib.request.Request(url, body, {"Authorization": f"Bearer {token}"}), timeout=30) as reply:
                return json.load(reply)["outcomes"]

        try:
            good = {"verifier": "exam", "response": "A", "reference": "A"}
            assert post([good], "secret")[0]["value"] == 1.0
            assert post([{**good, "verifier": "bad", "reference": "0.5"}], "secret")[0]["value"] == 0.5
            strangers = [{**good, "verifier": "os:system"}, {**good, "verifier": OWN},
                         {**good, "verifier": "hybrid", "metadata": {"rule": "os:system", "judge": {}}}]
            for samples, token, status in (([good], "guess", 401), *(([one], "secret", 400) for one in strangers)):
                with pytest.raises(urllib.error.HTTPError) as error:
                    post(samples, token)
                assert error.value.code == status
        finally:
            door.shutdown()
            door.server_close()
