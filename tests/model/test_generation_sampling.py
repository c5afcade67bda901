"""The draw against transformers' own processors, random numbers against nothing but their request, requests that cannot be."""

from collections import Counter
from typing import Any

import pytest
import torch
import yaml
from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from megatron_qm.config.bounds import LEAST_TEMPERATURE
from megatron_qm.config.rl import RlRun
from megatron_qm.config.run import load_run
from megatron_qm.errors import UserError
from megatron_qm.model.generation.request import Request, Sampling, check_keys
from megatron_qm.model.generation.sampling import draw, stream_of, uniform

KINDS: dict[str, dict[str, Any]] = {
    "plain": {}, "cool": {"temperature": 0.5}, "hot": {"temperature": 2.0}, "top_k": {"top_k": 5}, "top_p": {"top_p": 0.6},
    "all": {"temperature": 1.5, "top_k": 12, "top_p": 0.8}, "one": {"top_p": 1e-6}, "wide": {"top_k": 10_000},
}
LOGITS = torch.randn(3, 40, generator=torch.Generator().manual_seed(0)) * 2
NUMBERS = 20_000


def processed(sampling: Sampling) -> torch.Tensor:
    """[3, 40] log-probabilities as transformers samples them."""
    steps = LogitsProcessorList([TemperatureLogitsWarper(sampling.temperature)])
    if sampling.top_k:
        steps.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        steps.append(TopPLogitsWarper(sampling.top_p))
    return steps(None, LOGITS.clone()).double().log_softmax(-1)


@pytest.mark.parametrize("kind", KINDS)
def test_every_random_number_once_gives_each_token_its_probability(kind: str) -> None:
    sampling = Sampling(**KINDS[kind])
    expected_bv = processed(sampling)
    for row in range(3):
        every = [(n + 0.5) / NUMBERS for n in range(NUMBERS)]
        drawn = draw(LOGITS[row].expand(NUMBERS, -1), [sampling] * NUMBERS, [0] * NUMBERS, every)
        shares = torch.bincount(drawn.token_b, minlength=40).double() / NUMBERS
        assert (shares - expected_bv[row].exp()).abs().max() <= 1.5 / NUMBERS
        assert torch.allclose(drawn.behaviour_b.double(), expected_bv[row][drawn.token_b], atol=1e-5)
        policy_v = (LOGITS[row].double() / sampling.temperature).log_softmax(-1)
        assert torch.allclose(drawn.logprob_b.double(), policy_v[drawn.token_b], atol=1e-5)


def test_rows_of_all_kinds_are_drawn_as_if_alone() -> None:
    kinds = [Sampling(**kind) for kind in KINDS.values()] + [Sampling(temperature=0.0)]
    logits = LOGITS[0].expand(len(kinds), -1)
    together = draw(logits, kinds, [0] * len(kinds), [0.83] * len(kinds))
    for row, kind in enumerate(kinds):
        single = draw(logits[:1], [kind], [0], [0.83])
        assert together.token_b[row] == single.token_b[0]
        assert together.behaviour_b[row] == pytest.approx(single.behaviour_b[0].item(), abs=1e-6)
    assert together.token_b[-1] == LOGITS[0].argmax() and together.behaviour_b[-1] == 0


@pytest.mark.parametrize("number", [0.0, 1 - 2**-53])
def test_the_ends_of_the_range_draw_tokens_that_can_be(number: float) -> None:
    logits = torch.full((1, 9), -torch.inf)
    logits[0, [2, 5]] = torch.tensor([0.0, 1.0])
    assert draw(logits, [Sampling()], [0], [number]).token_b.tolist() == [2 if number == 0 else 5]


def test_stop_tokens_wait_for_min_tokens() -> None:
    best = LOGITS[0].argmax().item()
    for sampling in (Sampling(temperature=heat, min_tokens=3, stop_tokens=(best, 999_999)) for heat in (0.0, 1.0)):
        early = draw(LOGITS[:1].expand(500, -1), [sampling] * 500, [2] * 500, [n / 500 for n in range(500)])
        late = draw(LOGITS[:1].expand(500, -1), [sampling] * 500, [3] * 500, [n / 500 for n in range(500)])
        assert best not in early.token_b and best in late.token_b
        if sampling.temperature:  # what was drawn from lacks the token; the policy does not
            lost = LOGITS[0].double().softmax(-1)[best]
            assert torch.allclose((early.behaviour_b - early.logprob_b).double(), -torch.log1p(-lost).expand(500), atol=1e-5)


def test_random_numbers_belong_to_seed_key_and_position() -> None:
    streams = {stream_of(Request(key, (1,), seed=seed)) for key in ("a", "b", "1", "") for seed in (0, 1, 11)}
    assert len(streams) == 12
    assert stream_of(Request("a", (1,), seed=1)) == stream_of(Request("a", (2, 3), Sampling(top_k=1), seed=1))
    numbers = [uniform(stream, position) for stream in streams for position in range(2000)]
    assert len(set(numbers)) == len(numbers) and 0 <= min(numbers) and max(numbers) < 1
    tenths = Counter(int(10 * number) for number in numbers)
    assert sum((count - 2400) ** 2 / 2400 for count in tenths.values()) < 27.9  # chi-square, 9 degrees, p = 0.001
    # SplitMix64 from seed 1234567: the first numbers of its published reference
    assert [int(uniform(1234567, n) * 2**53) for n in range(3)] == [
        6457827717110365317 >> 11, 3203168211198807973 >> 11, 9817491932198370423 >> 11,
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": -0.1}, "sampling.temperature = -0.1"), ({"temperature": float("nan")}, "sampling.temperature = nan"),
        ({"top_p": 0.0}, "sampling.top_p = 0.0"), ({"top_p": 1.1}, "sampling.top_p = 1.1"),
        ({"top_k": -1}, "sampling.top_k = -1"), ({"max_new_tokens": 0}, "sampling.max_new_tokens = 0"),
        ({"min_tokens": 9, "max_new_tokens": 8}, "sampling.min_tokens = 9"), ({"stop_strings": ("",)}, "sampling.stop_strings"),
    ],
)
def test_sampling_out_of_range_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Sampling(**values)


def test_two_requests_of_one_key_are_refused() -> None:
    with pytest.raises(UserError, match="2 requests have the key 'a'"):
        check_keys([Request("a", (1,)), Request("b", (1,)), Request("a", (2,))])


def test_the_least_temperature_is_as_good_as_greedy_and_less_is_refused() -> None:
    logits = LOGITS * 100
    drawn = draw(logits, [Sampling(temperature=LEAST_TEMPERATURE)] * len(logits), [0] * len(logits), [0.5] * len(logits))
    assert torch.equal(drawn.token_b, logits.argmax(-1)) and drawn.behaviour_b.isfinite().all()
    for heat in (LEAST_TEMPERATURE / 2, 1e-50, 5e-324, -0.1, float("nan"), float("inf")):
        with pytest.raises(UserError, match=r"sampling.temperature = .*: must be 0 \(greedy\), or a finite number from 0.001 on"):
            Sampling(temperature=heat)
        with pytest.raises(UserError, match="rl.sampling.temperature"):
            load_run("rl-tiny-cpu", [f"rl.sampling.temperature={yaml.safe_dump(heat).split()[0]}"], RlRun)
