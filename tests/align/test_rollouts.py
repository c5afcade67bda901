"""Rollouts as files, dispatch by key, and the seams at which engines meet the trainer; no model is run here."""

import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from megatron_qm.align.rollouts import vllm_engine
from megatron_qm.align.rollouts.compare import check_logprobs, compare_logprobs, truncated_importance_weights
from megatron_qm.align.rollouts.dispatch import dispatch
from megatron_qm.align.rollouts.prompts import read_requests
from megatron_qm.align.rollouts.replay import SavedRollouts
from megatron_qm.align.rollouts.rollout import Rollout, read_rollouts, write_rollouts
from megatron_qm.align.rollouts.vllm_engine import VllmEngine, VllmOutput, sampling_params
from megatron_qm.errors import UserError
from megatron_qm.model.generation.request import Completion, Request, Sampling

_finite = st.floats(-1e6, 1e6)  # of a log-probability: what is beyond is none
_tokens = st.lists(st.tuples(st.integers(0, 200_000), _finite, _finite), min_size=1, max_size=5)


def request(number: int, **sampling: Any) -> Request:
    return Request(f"q{number}", (number, number + 1), Sampling(**sampling), seed=5)


def rollout(asked: Request, version: int = 3) -> Rollout:
    tokens = tuple(range(1, 2 + asked.prompt[0] % 3))
    numbers = tuple(-0.1 * token for token in tokens)
    return Rollout.of(asked, Completion(asked.key, tokens, numbers, numbers, "stop"), version)


class Engine:
    """Counts what it was asked; dies, as by a kill, before its call number `dies_at`."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.asked: list[list[str]] = []
        self._dies_at = dies_at

    def generate(self, requests: Sequence[Request]) -> list[Rollout]:
        if self._dies_at == len(self.asked):
            raise KeyboardInterrupt
        self.asked.append([one.key for one in requests])
        return [rollout(one) for one in requests]

    def update_weights(self, model: Any, version: int) -> None:
        raise AssertionError("nobody asked for this")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1), _tokens, st.booleans()), unique_by=lambda item: item[0]))
def test_what_is_written_is_read_back_to_the_last_bit(tmp_path_factory: Any, items: list) -> None:
    path = tmp_path_factory.mktemp("rollouts") / "r.jsonl"
    rollouts = []
    for key, rows, plain in items:
        tokens, logprobs, behaviour = (tuple(column) for column in zip(*rows, strict=True))
        done = Completion(key, tokens, logprobs, logprobs if plain else behaviour, "length")
        rollouts.append(dataclasses.replace(Rollout.of(Request(key, tokens), done, 1), seed=2**40))
    write_rollouts(path, rollouts)
    back = list(read_rollouts(path))
    assert back == rollouts
    signs = [[math.copysign(1, x) for x in one.logprobs] for one in back]
    assert signs == [[math.copysign(1, x) for x in one.logprobs] for one in rollouts]


BROKEN: dict[str, tuple[Callable[[dict], Any], str]] = {
    "no object": (lambda line: [1], "not a JSON object"),
    "no tokens": (lambda line: line | {"tokens": []}, "tokens is not a list of token ids that is not empty"),
    "too few log-probs": (lambda line: line | {"logprobs": [-1.0] * 9}, "logprobs is not a list of 2 numbers"),
    "a NaN": (lambda line: line | {"logprobs": [-1.0, float("nan")]}, "logprobs is not a list of 2 numbers"),
    "true is no number": (lambda line: line | {"tokens": [True, False]}, "tokens is not a list of token ids"),
    "unknown end": (lambda line: line | {"finish_reason": "eos"}, "finish_reason is not one of stop, stop_string, length"),
    "no key": (lambda line: {k: v for k, v in line.items() if k != "key"}, "has no 'key'"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_line_that_is_no_rollout_is_named(what: str, tmp_path: Path) -> None:
    spoil, message = BROKEN[what]
    good = rollout(request(1)).to_json()
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps(good) + "\n" + json.dumps(spoil(good)) + "\n")
    with pytest.raises(UserError, match=message) as caught:
        list(read_rollouts(path))
    assert f"{path}, line 2: " in str(caught.value)


def test_lost_batches_alone_are_asked_for_again(tmp_path: Path) -> None:
    requests = [request(n) for n in range(10)]
    whole, broken = tmp_path / "whole.jsonl", tmp_path / "broken.jsonl"
    dispatch(Engine(), requests, whole, version=3, batch=4)
    with pytest.raises(KeyboardInterrupt):
        dispatch(Engine(dies_at=2), requests, broken, version=3, batch=4)
    assert not broken.exists()
    engine = Engine()
    found = dispatch(engine, requests, broken, version=3, batch=4)
    assert engine.asked == [["q8", "q9"]]
    assert found == [rollout(one) for one in requests]
    assert broken.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.jsonl", "whole.jsonl"]


def test_more_requests_later_keep_what_there_is(tmp_path: Path) -> None:
    path, engine = tmp_path / "r.jsonl", Engine()
    dispatch(Engine(), [request(n) for n in (1, 4)], path, version=3)
    wanted = [request(n) for n in (0, 1, 2, 4)]
    assert dispatch(engine, wanted, path, version=3, batch=3) == [rollout(one) for one in wanted]
    assert engine.asked == [["q0", "q2"]]
    assert list(read_rollouts(path)) == [rollout(one) for one in wanted]


@pytest.mark.parametrize(
    ("requests", "version", "message"),
    [
        ([request(1, temperature=0.5)], 3, "answers another prompt, seed or sampling"),
        ([request(1)], 4, "is of weights version 3, not 4"),
        ([request(2)], 3, "holds a rollout of 'q1', which is not asked for now"),
        ([request(1), request(1)], 3, "2 requests have the key 'q1'"),
    ],
)
def test_work_for_something_else_is_refused_and_stays(
    requests: list[Request], version: int, message: str, tmp_path: Path
) -> None:
    path, engine = tmp_path / "r.jsonl", Engine()
    dispatch(Engine(), [request(1)], path, version=3)
    before = path.read_bytes()
    with pytest.raises(UserError, match=message):
        dispatch(engine, requests, path, version)
    assert path.read_bytes() == before and not engine.asked


def test_saved_rollouts_stand_in_for_an_engine(tmp_path: Path) -> None:
    path, requests = tmp_path / "r.jsonl", [request(n) for n in range(4)]
    dispatch(Engine(), requests, path, version=3)
    saved = SavedRollouts(path)
    assert saved.generate(requests[::-1]) == [rollout(one) for one in requests[::-1]]
    for wrong, message in ((request(9), "no rollout of 'q9'"), (request(1, top_k=3), "answers another prompt")):
        with pytest.raises(UserError, match=message):
            saved.generate([wrong])
    with pytest.raises(UserError, match="a second rollout of 'q0'"):
        SavedRollouts(path, path)


def test_importance_weights_equal_the_truncated_ratio_of_probabilities() -> None:
    pi, mu = np.array([0.5, 0.2, 0.9, 1.0, 1e-300]), np.array([0.25, 0.4, 0.1, 1.0, 1.0])
    found = truncated_importance_weights(np.log(pi), np.log(mu), cap=3.0)
    assert found == pytest.approx([2.0, 0.5, 3.0, 1.0, 0.0], rel=1e-12)
    # where nothing is cut they turn an expectation under mu into one under pi
    policy, behaviour, value = np.array([0.7, 0.2, 0.1]), np.array([0.5, 0.3, 0.2]), np.array([1.0, -2.0, 5.0])
    weights = truncated_importance_weights(np.log(policy), np.log(behaviour), cap=10.0)
    assert (behaviour * weights * value).sum() == pytest.approx((policy * value).sum())
    assert truncated_importance_weights(np.array([800.0]), np.array([-800.0]), 2.0) == pytest.approx([2.0])
    with pytest.raises(ValueError, match="cap = 0"):
        truncated_importance_weights(np.zeros(1), np.zeros(1), 0)


def test_the_gate_measures_and_speaks() -> None:
    engine, trainer = [[-1.0, -2.0], [-0.5]], [[-1.0, -2.003], [-0.5 + 3e-6]]
    gap = compare_logprobs(engine, trainer)
    assert (gap.tokens, gap.largest) == (3, pytest.approx(3e-3))
    assert gap.mean == pytest.approx((3e-3 + 3e-6) / 3)
    assert gap.mean_ratio == pytest.approx((1 + math.exp(-3e-3) + math.exp(3e-6)) / 3)
    # edges are 1e-8, 1e-7, ...: one count below all, 3e-6 behind the third edge, 3e-3 behind the sixth
    assert gap.edges[:3] == pytest.approx((1e-8, 1e-7, 1e-6))
    assert gap.counts == (1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0)
    check_logprobs(gap, mean_bound=2e-3, largest_bound=4e-3)
    with pytest.raises(UserError, match=r"the largest difference of a token's log-probability is 0.003 nats over 3 tokens"):
        check_logprobs(gap, mean_bound=2e-3, largest_bound=1e-3)
    for bad in (math.nan, math.inf, -math.inf):
        with pytest.raises(UserError, match="the mean difference"):
            check_logprobs(compare_logprobs([[bad]], [[-1.0]]), 1e3, 1e3)
    with pytest.raises(ValueError, match="different tokens"):
        compare_logprobs([[1.0]], [[1.0, 2.0]])


class Client:
    """What stands where vLLM would: remembers what it was given."""

    def __init__(self, output: VllmOutput) -> None:
        self.given: list[tuple[list[list[int]], list[dict[str, Any]]]] = []
        self.weights: dict[str, torch.Tensor] = {}
        self._output = output

    def generate(self, prompts: Sequence[list[int]], sampling: Sequence[dict[str, Any]]) -> list[VllmOutput]:
        self.given.append((list(prompts), list(sampling)))
        return [self._output for _ in prompts]

    def load_weights(self, tensors: Iterable[tuple[str, torch.Tensor]]) -> None:
        self.weights = dict(tensors)


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm_engine, "hf_named_tensors", lambda model, config: iter([("a", torch.ones(1))]))


ENDS = [
    (VllmOutput([7, 2], [-0.5, -0.25], "stop", 2), {"stop_tokens": (2,)}, "stop"),
    (VllmOutput([7, 9], [-0.5, -0.25], "stop", "done"), {"stop_strings": ("done",)}, "stop_string"),
    (VllmOutput([7, 9], [-0.5, -0.25], "length", None), {"max_new_tokens": 2}, "length"),
]


@pytest.mark.parametrize(("output", "sampling", "reason"), ENDS)
def test_vllm_answers_become_rollouts(named: None, output: VllmOutput, sampling: dict, reason: str) -> None:
    engine = VllmEngine(client := Client(output), config=None)
    engine.update_weights([], version=8)
    asked = [Request("a", (1, 2), Sampling(**sampling)), Request("b", (3,), Sampling(**sampling))]
    found = engine.generate(asked)
    assert client.given[0][0] == [[1, 2], [3]] and list(client.weights) == ["a"]
    assert [(one.key, one.finish_reason, one.weights_version) for one in found] == [("a", reason, 8), ("b", reason, 8)]
    assert found[0].tokens == tuple(output.token_ids) and found[0].logprobs == found[0].behaviour_logprobs == (-0.5, -0.25)
    assert found[0].answers(asked[0]) and not found[0].answers(asked[1])


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [({}, (-0.5,)), ({"temperature": 0.0}, (0.0,)), ({"temperature": 0.7}, (-0.5,)), ({"top_p": 0.9}, None), ({"top_k": 5}, None),
     ({"min_tokens": 1}, (-0.5,)), ({"min_tokens": 1, "stop_tokens": (3,)}, None)],
)
def test_vllm_knows_the_behaviour_only_of_the_plain_policy(named: None, sampling: dict, expected: Any) -> None:
    engine = VllmEngine(Client(VllmOutput([7], [-0.5], "length")), config=None)
    engine.update_weights([], version=0)
    assert engine.generate([Request("a", (1,), Sampling(**sampling))])[0].behaviour_logprobs == expected


def test_vllm_without_weights_or_with_a_broken_answer_does_not_go_on(named: None) -> None:
    engine = VllmEngine(Client(VllmOutput([7], [-0.5], "abort")), config=None)
    with pytest.raises(RuntimeError, match="no weights yet"):
        engine.generate([request(1)])
    engine.update_weights([], version=0)
    with pytest.raises(UserError, match="vLLM ended it as 'abort'"):
        engine.generate([request(1)])


def test_vllm_seeds_are_the_requests_own() -> None:
    params = [sampling_params(one) for one in (request(1), request(1, top_k=4), request(2), Request("q1", (1, 2), seed=6))]
    seeds = [one["seed"] for one in params]
    assert seeds[0] == seeds[1] and len(set(seeds)) == 3 and all(0 <= seed < 2**63 for seed in seeds)
    assert (params[0]["top_k"], params[1]["top_k"]) == (-1, 4)


def test_without_vllm_one_sentence_says_what_to_install() -> None:
    pytest.importorskip("torch")
    try:
        import vllm  # noqa: F401
    except ImportError:
        with pytest.raises(UserError, match=r"pip install -e '\.\[rollout-vllm\]'"):
            vllm_engine.LocalVllm("folder")
    else:
        pytest.skip("vLLM is installed")


def test_prompts_become_requests(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"prompt": [5, 6]}\n\n{"key": "k", "prompt": "ab"}\n'
                    '{"id": 7, "messages": [{"role": "user", "content": "c"}]}\n')
    found = read_requests(path, lambda text: [len(text)], Sampling(), samples=2, seed=9)
    assert [(one.key, one.prompt) for one in found] == [
        ("1#0", (5, 6)), ("1#1", (5, 6)), ("k#0", (2,)), ("k#1", (2,)), ("7#0", (1,)), ("7#1", (1,)),
    ]
    assert {one.seed for one in found} == {9}
    assert [one.key for one in read_requests(path, lambda text: [1], Sampling())] == ["1", "k", "7"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: not JSON"), ("3", "line 2: not a JSON object"), ("{}", "has neither"), ('{"prompt": ""}', "prompt is ''"),
        ('{"prompt": "a", "messages": []}', "has both"), ('{"prompt": [1.5]}', "not of token ids"),
        ('{"messages": [{"role": "user"}]}', r"messages\[0\] is not"),
        ('{"prompt": "b", "key": "1"}', "'1' was given before, in"), ('{"prompt": "b", "promt": 1}', "'promt' is no field"),
        ('{"prompt": "b", "key": 1, "id": 2}', "both key and id"),
        ('{"prompt": "b", "key": [1]}', "key = \\[1\\] is not text"), ('{"prompt": "bad"}', "cannot encode this prompt: no"),
    ],
)
def test_a_line_that_is_no_prompt_is_named(line: str, message: str, tmp_path: Path) -> None:
    def encode(text: Any) -> list[int]:
        if text == "bad":
            raise ValueError("no")
        return [1]

    path = tmp_path / "p.jsonl"
    path.write_text('{"prompt": [1]}\n' + line + "\n")
    with pytest.raises(UserError, match=message) as caught:
        read_requests(path, encode, Sampling())
    assert f"{path}, line 2" in str(caught.value)
