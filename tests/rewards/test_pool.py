"""A verifier that misbehaves costs its own sample and nothing else."""

from megatron_qm.rewards.outcome import Scored, Unscored
from megatron_qm.rewards.pool import Sample, VerifierPool

_BAD = "tests.rewards.bad_verifiers:bad"


def _samples(references):
    return [Sample(_BAD, "", "", reference, {}) for reference in references]


def test_each_way_to_fail_costs_one_unscored():
    with VerifierPool(workers=2, seconds=1.0) as pool:
        found = pool.score(_samples(["1.0", "hang", "0.5", "crash", "memory", "nan", "raise", "none", "0.25"]))
    assert [one.value for one in found if isinstance(one, Scored)] == [1.0, 0.5, 0.25]
    kinds = [one.reason.partition(":")[0] if isinstance(one, Unscored) else "scored" for one in found]
    assert kinds == ["scored", "deadline", "scored", "crash", "memory", "exception", "exception", "no outcome", "scored"]
    assert pool.unscored == {"deadline": 1, "crash": 1, "memory": 1, "exception": 2, "no outcome": 1}


def test_one_percent_hangs_and_one_percent_crashes():
    references = ["hang" if at % 100 == 7 else "crash" if at % 100 == 57 else str(at / 2000) for at in range(2000)]
    with VerifierPool(workers=4, seconds=0.5) as pool:
        found = pool.score(_samples(references))
    assert pool.unscored == {"deadline": 20, "crash": 20}
    for at, (reference, outcome) in enumerate(zip(references, found, strict=True)):
        assert isinstance(outcome, Unscored) if reference in ("hang", "crash") else outcome.value == at / 2000
