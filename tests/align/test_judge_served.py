"""A model of our own judges: trained on ballots, served by `megatron-qm serve`, and asked as `rl` asks it."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from megatron_qm.rewards.general import General
from megatron_qm.rewards.judge import Endpoint, Judge, JudgeError, vote
from megatron_qm.rewards.outcome import Scored, Unscored
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.samples import Sample
from tests.align.judge_world import PRINCIPLE, QUESTION, drawn, served, world
from tests.align.stages import run

pytestmark = pytest.mark.slow
TOKEN = "open sesame"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("judge")
    checkpoint: Path = run("sft", world(folder), folder / "run")
    with served(checkpoint, TOKEN, "--max-new-tokens", "32") as address:
        yield address


def samples(judge: Judge, count: int) -> list[Sample]:
    """Good and bad responses in turn, drawn apart from those that it was trained on."""
    draw = random.Random(1)
    return [Sample(General((PRINCIPLE,), judge), *drawn(draw, number % 2 == 0), None, {}) for number in range(count)]


def test_votes_of_a_real_model_are_valid_agree_and_are_right(base: str) -> None:
    ask, began = Endpoint(base, "judge", TOKEN), time.monotonic()
    found = [vote(ask, QUESTION, sample.prompt, sample.response) for sample in samples(Judge(ask), 25)]
    valid, agreement = sum(votes.valid for votes in found), sum(votes.agreement for votes in found) / 25
    right = sum((votes.share > 0.5) == (number % 2 == 0) for number, votes in enumerate(found))
    print(f"{valid} of 200 votes valid, agreement {agreement:.3f}, {right} of 25 right, {time.monotonic() - began:.1f} s")
    assert valid >= 180 and agreement >= 0.9 and right >= 23


def test_in_the_pool_good_responses_earn_more_than_bad_ones(base: str) -> None:
    with VerifierPool(workers=2, seconds=60.0) as pool:
        found = pool.score(samples(Judge(Endpoint(base, "judge", TOKEN), votes=4), 8))
    good, bad = ([one.value for one in found[start::2] if isinstance(one, Scored)] for start in (0, 1))
    assert len(good) == len(bad) == 4 and sum(good) > 3 and sum(bad) < 1


def test_a_model_that_babbles_is_no_judge(base: str) -> None:
    """At a temperature at which it copies no nonce."""
    with pytest.raises(JudgeError):
        vote(Endpoint(base, "judge", TOKEN, temperature=2.0 ** 10), QUESTION, "What helps against a cold?", "Rest.")


def test_a_deadline_that_it_cannot_keep_costs_that_time_and_no_more(base: str) -> None:
    with VerifierPool(workers=1, seconds=20.0) as pool:
        hasty, patient = (samples(Judge(Endpoint(base, "judge", TOKEN, seconds)), 1)[0] for seconds in (0.005, 30.0))
        began = time.monotonic()
        [found] = pool.score([hasty])
        assert isinstance(found, Unscored) and "TimeoutError" in found.reason and pool.unscored == {"judge": 1}
        assert time.monotonic() - began < 10.0  # the process comes up in it
        assert isinstance(pool.score([patient])[0], Scored), "who was left alone with his answers serves on"
