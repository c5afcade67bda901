"""Each door gives what the verifier behind it says."""
# ruff: noqa: E501  Chinese characters count twice

import json
import math
import random
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from megatron_qm.rewards.doors.http import server
from megatron_qm.rewards.doors.nemo_rl import RewardEnvironment
from megatron_qm.rewards.doors.verl import compute_score
from megatron_qm.rewards.outcome import Scored
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


def test_verl_asks_the_models_that_it_was_given():
    asked = {"rule": "exam", "judge": "m"}
    for extra in (asked, {"rule": "exam"}):
        found = compute_score("hybrid", "the first of them", "A", extra, judges={"m": "http://127.0.0.1:9/v1"})
        assert found["unscored"] == 1.0  # nobody listens there
        assert compute_score("hybrid", "A", "A", extra, judges={"m": "http://127.0.0.1:9/v1"})["score"] == 1.0
    with pytest.raises(ValueError, match="set reward_kwargs.judges"):
        compute_score("hybrid", "A", "A", asked)


def test_nemo_rl():
    log = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "A"}]
    with VerifierPool(1) as pool:
        step = RewardEnvironment(pool).step([log, log], [{"verifier": "exam", "reference": r} for r in ("A", "B")])
        assert (step.rewards, step.terminateds) == ([1.0, 0.0], [True, True])
        own = RewardEnvironment(pool, Verifiers.named([OWN], "verifiers")).step([log], [{"verifier": OWN, "reference": "0.5"}])
        assert own.rewards == [0.5]
        with pytest.raises(ValueError, match="must be named in verifiers"):
            RewardEnvironment(pool).step([log], [{"verifier": OWN, "reference": "0.5"}])


@pytest.fixture(scope="module")
def post() -> Iterator[Callable[..., list[dict[str, object]]]]:
    """Asks a door for the outcomes of samples."""
    with VerifierPool(1) as pool:
        door = server(pool, "secret", verifiers=Verifiers.named([f"bad={OWN}"], "--verifier"), unread=["level"],
                      models={"reward-model": lambda pairs: [Scored(0.25, {}, "") for _ in pairs]})
        threading.Thread(target=door.serve_forever, daemon=True).start()

        def asked(samples: object, token: str = "secret", **more: object) -> list[dict[str, object]]:
            body = json.dumps({"samples": samples, **more}).encode()
            url = f"http://127.0.0.1:{door.server_port}/score"
            with urllib.request.urlopen(urllib.request.Request(url, body, {"Authorization": f"Bearer {token}"}), timeout=60) as reply:
                return json.load(reply)["outcomes"]

        yield asked
        door.shutdown()
        door.server_close()


GOOD = {"verifier": "exam", "response": "A", "reference": "A"}


def test_http_scores(post):
    assert post([GOOD])[0]["value"] == 1.0
    assert post([{**GOOD, "verifier": "bad", "reference": "0.5"}])[0]["value"] == 0.5


@pytest.mark.parametrize(("samples", "token", "status", "why"), [
    ([GOOD], "guess", 401, "token"), ([{**GOOD, "verifier": "os:system"}], "secret", 400, "must be named in --verifier"),
    ([{**GOOD, "verifier": OWN}], "secret", 400, "sample 0: the verifier"),
    ([GOOD, {**GOOD, "verifier": "hybrid", "metadata": {"rule": "os:spawnve", "judge": {}}}], "secret", 400, "sample 1: "),
    ([{**GOOD, "verifier": "general", "metadata": {"principles": "/etc/passwd", "judge": {}}}], "secret", 400, "metadata.principles"),
    ([{**GOOD, "verifier": "general", "metadata": {"judge": {"base": "file:///etc", "model": "m"}}}], "secret", 400, "set a judge"),
    ([{**GOOD, "metadata": []}], "secret", 400, "metadata"), ([{**GOOD, "respons": ""}], "secret", 400, "'respons' is no field"),
    ([{"verifier": "exam", "response": "A"}], "secret", 400, "lacks reference"), ({}, "secret", 400, "samples"),
    *(([{**GOOD, "verifier": name, "metadata": {"optoins": {}}}], "secret", 400,
       f"'optoins' is no field of the metadata that '{name}' reads; did you mean 'options'?") for name in ("exam", "reward-model")),
    *(([{**GOOD, "verifier": name, "metadata": {"formt": "box"}}], "secret", 400, "did you mean 'format'?")
      for name in ("exam", "drugs", "ordering", "diagnosis", "format", "reward-model")),
    *(([{**GOOD, "verifier": name, "metadata": {"format": value}}], "secret", 400, "metadata.format = ")
      for name in ("exam", "format", "bad", "reward-model") for value in ("xml", "Json", 1, ["json"])),
    ([{**GOOD, "verifier": "drugs", "metadata": {"options": {}}}], "secret", 400, "'options' is no field"),
])
def test_who_is_turned_away(post, samples, token, status, why):
    with pytest.raises(urllib.error.HTTPError) as error:
        post(samples, token)
    assert error.value.code == status and why in json.load(error.value)["error"]["message"]


@pytest.mark.parametrize(("verifier", "metadata"), [
    ("exam", {"options": {"A": "x"}, "format": "box", "keys": ["answer"]}), ("exam", {"level": "resident"}), ("exam", {"format": None}),
    ("reward-model", {"options": {"A": "x"}, "system": "cm", "format": "line", "level": 1}), ("bad", {"anything": 1}),
])
def test_what_is_read_or_let_pass_is_taken(post, verifier, metadata):
    assert post([{**GOOD, "verifier": verifier, "reference": "0.5" if verifier == "bad" else "A", "metadata": metadata}])[0]["scored"]


def test_a_format_that_is_none_is_refused_by_every_door():
    with pytest.raises(ValueError, match=r"metadata\.format = 'xml' is no format"):
        compute_score("exam", "A", "A", {"format": "xml"})
    log = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "A"}]
    with VerifierPool(1) as pool, pytest.raises(ValueError, match=r"metadata\.format = 'xml' is no format"):
        RewardEnvironment(pool).step([log], [{"verifier": "exam", "reference": "A", "format": "xml"}])


def test_a_thousand_callers_256_at_once_and_strangers_among_them(post):
    values = [None, True, -1, 1e400, "", "x", "\ud800", [], [[]], {}, {"a": {}}, "exam", "hybrid", "general", "drugs", ["A"]]

    def call(number: int) -> bool:
        if number % 2:
            return post([GOOD])[0]["value"] == 1.0
        draw = random.Random(number)
        sample = {**GOOD, **{draw.choice([*GOOD, "metadata", "prompt", "x"]): draw.choice(values) for _ in range(2)}}
        try:
            return bool(post([sample]))
        except urllib.error.HTTPError as error:
            return error.code == 400 and bool(json.load(error)["error"]["message"])

    with ThreadPoolExecutor(256) as pool:
        assert all(pool.map(call, range(2000)))
