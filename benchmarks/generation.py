"""Tokens per second of generation on the training weights against transformers' `generate`: same weights, prompts, batch.

    python benchmarks/generation.py [--rounds 5] [--output FILE]

A Qwen3 of the shape of the tiny-cpu recipe with random weights, made by transformers and imported. Three batches of 32:
`equal`: prompts of one length, all responses of one length, where transformers wastes nothing. `ragged`: prompts of 8 to
64 tokens (transformers pads them on the left) and responses that end at 16 to 128 tokens, as in RL. `groups`: 4 prompts
of 64 tokens, 8 samples of each. Greedy, or temperature 1 for groups, so that in the first two the tokens are compared
one by one; our own also gives log-probabilities, which transformers is not asked for. Rounds alternate between the two
and the medians of tokens per second are compared; threads are the same.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, Qwen3Config
from transformers.generation.stopping_criteria import StoppingCriteria, StoppingCriteriaList

from megatron_qm.checkpoint.manifest import model_of, read_manifest, versions
from megatron_qm.checkpoint.store import CheckpointStore
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.train import CheckpointConfig, PrecisionConfig
from megatron_qm.files import write_json
from megatron_qm.hf.import_hf import import_hf
from megatron_qm.model.build import build_model
from megatron_qm.model.generation.generate import generate
from megatron_qm.model.generation.request import Request, Sampling
from megatron_qm.model.parallel_groups import parallel_groups
from megatron_qm.observe.environment import cpu_name
from megatron_qm.platform.runtime import Platform, Ranks, choose_platform, process_group

RESULT = Path(__file__).parent / "results" / "generation.json"
BATCH, VOCAB = 32, 4096
SHAPE = {"vocab_size": VOCAB, "hidden_size": 192, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4,
         "num_key_value_heads": 2, "head_dim": 48, "tie_word_embeddings": True, "max_position_embeddings": 1024}


def main() -> None:
    args = _arguments()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory(prefix="generation-") as name:
        folder = Path(name)
        torch.manual_seed(5)
        AutoModelForCausalLM.from_config(Qwen3Config(**SHAPE, initializer_range=0.08)).save_pretrained(folder / "hf")
        import_hf(folder / "hf", folder / "megatron")
        theirs = AutoModelForCausalLM.from_pretrained(folder / "hf").eval()
        chosen, alone = choose_platform("cpu"), ParallelConfig()
        with process_group(chosen, Ranks(0, 1, 0)), parallel_groups(alone):
            with chosen.scope():
                ours = build_model(model_of(read_manifest(folder / "megatron")), alone, chosen, PrecisionConfig(params="fp32"))
                CheckpointStore(folder / "unused", CheckpointConfig(), chosen).load_weights(folder / "megatron", ours, None)
            contenders = {"megatron_qm": partial(_ours, chosen, ours), "transformers": partial(_theirs, theirs)}
            results = {case: _measure(contenders, _requests(case), args.rounds) for case in ("equal", "ragged", "groups")}
    report = {
        "what": "generated tokens per second, CPU, FP32: megatron-qm's generate over transformers' generate",
        "date": date.today().isoformat(),
        "command": f"python benchmarks/generation.py --rounds {args.rounds} --threads {args.threads}",
        "versions": versions(),
        "hardware": {"cpu": cpu_name(), "cores": os.cpu_count(), "threads": args.threads},
        "model": SHAPE,
        "batch": BATCH,
        "cases": results,
    }
    write_json(args.output, report)
    print(json.dumps(results, indent=2))


def _requests(case: str) -> list[Request]:
    """Each with as many tokens to give as `max_new_tokens` says: ends at known places, the same for both."""
    draw = torch.Generator().manual_seed(17)
    lengths = torch.randint(8, 65, (BATCH,), generator=draw).tolist() if case == "ragged" else [64] * BATCH
    news = torch.randint(16, 129, (BATCH,), generator=draw).tolist() if case == "ragged" else [128] * BATCH
    prompts = [torch.randint(VOCAB, (length,), generator=draw).tolist() for length in lengths]
    if case == "groups":
        prompts = [prompts[row // 8] for row in range(BATCH)]
    heat = 1.0 if case == "groups" else 0.0
    return [
        Request(f"q{row}", tuple(prompt), Sampling(temperature=heat, max_new_tokens=new))
        for row, (prompt, new) in enumerate(zip(prompts, news, strict=True))
    ]


class _EndAt(StoppingCriteria):
    """Row r ends after `news[r]` tokens, as at an end token: transformers fills it up until all rows have ended."""

    def __init__(self, width: int, news: list[int]) -> None:
        self._ends = width + torch.tensor(news)

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        return input_ids.shape[1] >= self._ends


def _theirs(model: Any, requests: list[Request]) -> list[tuple[int, ...]]:
    width, news = max(len(r.prompt) for r in requests), [r.sampling.max_new_tokens for r in requests]
    ids = torch.tensor([[0] * (width - len(r.prompt)) + list(r.prompt) for r in requests])
    mask = torch.tensor([[0] * (width - len(r.prompt)) + [1] * len(r.prompt) for r in requests])
    sampled = requests[0].sampling.temperature > 0
    with torch.no_grad():
        out = model.generate(
            ids, attention_mask=mask, do_sample=sampled, top_k=0 if sampled else None, max_new_tokens=max(news), pad_token_id=0,
            eos_token_id=None, stopping_criteria=StoppingCriteriaList([_EndAt(width, news)]),
        )
    return [tuple(row[width : width + new].tolist()) for row, new in zip(out, news, strict=True)]


def _ours(chosen: Platform, model: Any, requests: list[Request]) -> list[tuple[int, ...]]:
    with chosen.scope():  # transformers is not slowed by it
        return [completion.tokens for completion in generate(model, requests, max_sequences=BATCH)]


def _measure(contenders: dict[str, Callable[..., list]], requests: list[Request], rounds: int) -> dict[str, Any]:
    count = sum(request.sampling.max_new_tokens for request in requests)
    speeds: dict[str, list[float]] = {"megatron_qm": [], "transformers": []}
    for number in range(rounds + 1):
        for name, work in contenders.items():
            seconds, tokens = _timed(work, requests)
            assert sum(map(len, tokens)) == count
            if number:  # the first round warms up
                speeds[name].append(count / seconds)
            elif name == "megatron_qm":
                first = tokens
    same = sum(a == b for mine, his in zip(first, tokens, strict=True) for a, b in zip(mine, his, strict=True)) / count
    medians = {name: round(statistics.median(values)) for name, values in speeds.items()}
    ratios = [a / b for a, b in zip(speeds["megatron_qm"], speeds["transformers"], strict=True)]
    return {
        "tokens_per_second": medians,
        "ratio": round(statistics.median(ratios), 2),
        "ratio_of_each_round": [round(ratio, 2) for ratio in ratios],
        "same_tokens": round(same, 4) if requests[0].sampling.temperature == 0 else None,
    }


def _timed(work: Callable[..., list], requests: list[Request]) -> tuple[float, list[tuple[int, ...]]]:
    began = time.perf_counter()
    tokens = work(requests)
    return time.perf_counter() - began, tokens


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=RESULT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
