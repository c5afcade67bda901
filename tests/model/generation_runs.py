"""What the ranks of test_generation.py do: load an imported model at a layout, generate, score what was generated."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from megatron_qm.checkpoint.manifest import model_of, read_manifest
from megatron_qm.checkpoint.store import CheckpointStore
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.train import CheckpointConfig, PrecisionConfig
from megatron_qm.errors import UserError
from megatron_qm.model.build import build_model
from megatron_qm.model.generation.cache import cached
from megatron_qm.model.generation.feed import News
from megatron_qm.model.generation.generate import answer, generate
from megatron_qm.model.generation.lean import lean_layers
from megatron_qm.model.generation.request import Completion, Request, Sampling
from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment
from megatron_qm.train.optimizer import data_parallel
from megatron_qm.train.score import score_continuations
from tests.groups import passing_groups

LENGTHS = (5, 1, 13, 8, 2, 21, 3)  # of the prompts: none alike
NEW = 20


def prompts(vocab: int) -> list[list[int]]:
    draw = torch.Generator().manual_seed(11)
    return [torch.randint(vocab, (length,), generator=draw).tolist() for length in LENGTHS]


def greedy(vocab: int, **more: Any) -> list[Request]:
    sampling = Sampling(temperature=0.0, max_new_tokens=NEW, **more)
    return [Request(f"p{i}", tuple(prompt), sampling) for i, prompt in enumerate(prompts(vocab))]


def sampled(vocab: int) -> list[Request]:
    """Requests that differ in everything a request can say."""
    kinds = [
        Sampling(temperature=1.0, max_new_tokens=NEW),
        Sampling(temperature=0.7, top_p=0.9, max_new_tokens=NEW - 7),
        Sampling(temperature=1.3, top_k=20, max_new_tokens=NEW, stop_tokens=tuple(range(0, 300, 9))),
        Sampling(temperature=0.9, top_k=50, top_p=0.8, max_new_tokens=NEW, stop_tokens=(5, 17), min_tokens=3),
    ]
    return [Request(f"p{i}", tuple(p), kinds[i % 4], seed=3) for i, p in enumerate([*prompts(vocab), prompts(vocab)[2]])]


def digits(tokens: Sequence[int]) -> str:
    """A tokenizer that anyone can undo."""
    return "".join(f" {token}" for token in tokens)


def run_cases(cases: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """{case: what it found}; a case has a checkpoint folder, a layout and whether its chunks are wrapped for training."""
    platform = choose_platform("cpu")
    torch.set_num_threads(1)
    with process_group(platform, ranks_from_environment()), platform.scope():
        return {name: _run(platform, dict(case)) for name, case in cases.items()}


def _run(platform: Any, case: dict[str, Any]) -> dict[str, Any]:
    folder, wrapped, altered = Path(case.pop("checkpoint")), case.pop("wrapped", False), case.pop("altered", False)
    model, layout, precision = model_of(read_manifest(folder)), ParallelConfig(**case), PrecisionConfig(params="fp32")
    with passing_groups(layout):
        platform.seed(1)
        chunks = build_model(model, layout, platform, precision)
        CheckpointStore(folder.parent / "unused", CheckpointConfig(), platform).load_weights(folder, chunks, None)
        if altered:  # what stands on a module, as an adapter would, is part of the model
            chunks[0].decoder.layers[1].mlp.linear_fc2.register_forward_hook(lambda _m, _in, out: (2 * out[0], out[1]))
        held = data_parallel(chunks, layout, precision) if wrapped else chunks
        before = {name: id(module) for chunk in chunks for name, module in chunk.named_modules()}
        with cached(chunks):
            lean = [lean_layers(chunk) is not None for chunk in chunks]
        found = _generate(held, model.vocab_size) | {"lean": lean, "broken": _broken(held, chunks, model.vocab_size)}
        after = {name: id(module) for chunk in chunks for name, module in chunk.named_modules()}
        assert before == after and all(chunk.training for chunk in chunks), "the model is not what it was"
        return found


def _generate(model: list[torch.nn.Module], vocab: int) -> dict[str, Any]:
    requests = sampled(vocab)
    completions = generate(model, requests, max_sequences=3, max_prefill_tokens=20)
    pairs = [(list(r.prompt), list(c.tokens)) for r, c in zip(requests, completions, strict=True)]
    found = {
        "greedy": [c.tokens for c in generate(model, greedy(vocab), max_sequences=4)],
        "sampled": [vars(c) for c in completions],
        "scores": _scores(model, requests, pairs),
        "joined": _joined(model, requests),
    }
    return found | _in_other_company(model, vocab) if dist.get_world_size() == 1 else found


def _scores(model: list[torch.nn.Module], requests: list[Request], pairs: list[tuple[list[int], list[int]]]) -> list[float]:
    """Each at the temperature of its request."""
    heats = [request.sampling.temperature for request in requests]
    found: dict[int, float] = {}
    for heat in sorted(set(heats)):
        numbers = [number for number, own in enumerate(heats) if own == heat]
        scores = score_continuations(model, [pairs[n] for n in numbers], batch_size=4, temperature=heat)
        found |= zip(numbers, scores, strict=True)
    return [found[number] for number in range(len(pairs))]


class Dripping:
    """A feed from which a request comes every third token; one is given up in the middle. On all ranks alike."""

    def __init__(self, requests: list[Request]) -> None:
        self._requests, self._asked = requests, 0
        self.found: dict[int, Completion | UserError] = {}
        self.written: dict[int, list[int]] = {}

    def news(self) -> News:
        self._asked += 1
        number = (self._asked - 1) // 3
        arrived = [(number, self._requests[number])] if self._asked % 3 == 1 and number < len(self._requests) else []
        if self._asked == 2:
            arrived.append((99, Request("given up", (1, 2, 3), Sampling(max_new_tokens=30))))
            arrived.append((98, Request("no token", (10**6,), Sampling())))
        return News(arrived, [99] if self._asked == 8 else [])

    def wrote(self, number: int, token: int) -> None:
        self.written.setdefault(number, []).append(token)

    def ended(self, number: int, result: Completion | UserError) -> None:
        self.found[number] = result


def _joined(model: list[torch.nn.Module], requests: list[Request]) -> list[dict[str, Any]]:
    """The same requests, each of which joins what is running."""
    feed = Dripping(requests)
    answer(model, feed, max_sequences=3, max_prefill_tokens=20)
    assert isinstance(feed.found.pop(98), UserError) and 99 not in feed.found and 0 < len(feed.written.pop(99)) < 30
    done = [feed.found[number] for number in range(len(requests))]
    assert [feed.written[number] for number in range(len(requests))] == [list(one.tokens) for one in done]
    return [vars(one) for one in done]


def _in_other_company(model: list[torch.nn.Module], vocab: int) -> dict[str, Any]:
    """The same requests, none in a batch with the same others as before; and ends by what is written."""
    requests = sampled(vocab)
    again = generate(model, requests[4:] + requests[:4], max_sequences=8)
    stopped = generate(model, greedy(vocab, stop_strings=("17", "23 4"), min_tokens=2), detokenize=digits)
    return {"again": [vars(c) for c in again[-4:] + again[:-4]], "stop strings": [vars(c) for c in stopped]}


def _broken(model: list[torch.nn.Module], chunks: list[torch.nn.Module], vocab: int) -> str:
    """What is said when one rank's weights have gone bad. Last of all: they stay so."""
    if dist.get_rank() == dist.get_world_size() - 1:
        for chunk in chunks:
            next(chunk.decoder.parameters()).data.fill_(float("nan"))
    try:
        generate(model, sampled(vocab))
    except UserError as error:
        return str(error)
    return "nothing"
