"""A CPU training step: ours, a bare Megatron-Core loop, and a plain transformers loop, in turns in one process.

    python benchmarks/train_step.py [--threads 2] [--rounds 7] [--steps 5] [--output benchmarks/results/train-step.json]

All three train the tiny-cpu shape on the same tokens with fused AdamW in FP32. "ours" is what `megatron-qm pretrain` runs
per step: plan, read, prefetch, schedule, optimizer, metrics and ledger. "bare" is Megatron's schedule and optimizer around
the same model on tensors that lie ready. Each ratio is the median over rounds of the quotient of neighbouring rounds.
"""

import argparse
import itertools
import json
import platform as machine
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import torch
import transformers

from megatron_qm.checkpoint.manifest import versions
from megatron_qm.config.run import RunConfig, load_run
from megatron_qm.files import write_json
from megatron_qm.observe.environment import cpu_name

RECIPE = "tiny-cpu"
TOKENS = 2_000_000


def main() -> None:
    args = _arguments()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        config = _config(Path(name))
        contenders = {
            "transformers": _transformers(config),
            "bare_megatron": _bare_megatron(config, stack),
            "ours": _ours(config, stack),
        }
        seconds = _take_turns(contenders, args.rounds, args.steps)
    report = _report(config, seconds, args)
    write_json(args.output, report)
    print(json.dumps(report, indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=5, help="steps per round")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/train-step.json"))
    return parser.parse_args()


def _config(folder: Path) -> RunConfig:
    """The tiny recipe on one rank, over a dataset of random tokens written by Megatron's own builder."""
    from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder

    prefix, draw = str(folder / "random"), np.random.default_rng(0)
    config = load_run(RECIPE)
    builder = IndexedDatasetBuilder(prefix + ".bin", dtype=np.uint16)
    for _ in range(TOKENS // 1000):
        builder.add_document(torch.from_numpy(draw.integers(0, config.model.vocab_size, 1000)), [1000])
    builder.finalize(prefix + ".idx")
    overrides = ["parallel.tp=1", "parallel.sp=false", "parallel.devices=1", "data.validation=[]", "data.tokenizer=null",
                 f"data.sources=[{{name: random, prefix: {prefix}}}]", f"output={folder / 'run'}", "train.steps=100000"]
    return load_run(RECIPE, overrides)


def _take_turns(contenders: dict[str, Callable[[], None]], rounds: int, steps: int) -> dict[str, list[float]]:
    """Seconds per step by contender and round; the first round warms up and is dropped."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds + 1):
        for name, step in contenders.items():
            start = time.perf_counter()
            for _ in range(steps):
                step()
            seconds[name].append((time.perf_counter() - start) / steps)
    return {name: values[1:] for name, values in seconds.items()}


def _report(config: RunConfig, seconds: dict[str, list[float]], args: argparse.Namespace) -> dict:
    tokens = config.tokens_per_step
    ratio = {
        name: round(statistics.median(theirs / ours for theirs, ours in zip(values, seconds["ours"], strict=True)), 3)
        for name, values in seconds.items() if name != "ours"
    }
    return {
        "what": "CPU training step of the tiny-cpu recipe on one rank, tokens/s",
        "date": date.today().isoformat(),
        "command": f"python benchmarks/train_step.py --threads {args.threads} --rounds {args.rounds} --steps {args.steps}",
        "hardware": {"cpu": cpu_name(), "threads": args.threads},
        "versions": versions() | {"transformers": transformers.__version__, "python": machine.python_version()},
        "tokens_per_step": tokens,
        "tokens_per_second": {name: round(tokens / statistics.median(values)) for name, values in seconds.items()},
        "ours_relative_to": ratio,
        "seconds_per_step_by_round": {name: [round(v, 4) for v in values] for name, values in seconds.items()},
    }


def _random_batches(config: RunConfig) -> Iterator[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (config.train.global_batch_size, config.data.sequence_length + 1)
    pool = [torch.randint(0, config.model.vocab_size, shape, generator=generator) for _ in range(8)]
    return itertools.cycle(pool)


def _transformers(config: RunConfig) -> Callable[[], None]:
    shape = config.model
    model = transformers.Qwen3ForCausalLM(transformers.Qwen3Config(
        vocab_size=shape.padded_vocab_size, hidden_size=shape.hidden_size, intermediate_size=shape.ffn_hidden_size,
        num_hidden_layers=shape.layers, num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim, tie_word_embeddings=shape.tied_embeddings, attn_implementation="sdpa",
    )).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    batches, size = _random_batches(config), config.train.micro_batch_size

    def step() -> None:
        optimizer.zero_grad()
        tokens_bs = next(batches)
        for piece in tokens_bs.split(size):
            logits = model(piece[:, :-1], use_cache=False).logits
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), piece[:, 1:].flatten())
            (loss * len(piece) / len(tokens_bs)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def _bare_megatron(config: RunConfig, stack: ExitStack) -> Callable[[], None]:
    from megatron_qm.model.build import build_model
    from megatron_qm.model.parallel_groups import parallel_groups
    from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment
    from megatron_qm.train.optimizer import build_optimizer, data_parallel, set_hyperparameters

    platform = choose_platform("cpu")
    stack.enter_context(process_group(platform, ranks_from_environment()))
    scope = platform.scope
    with scope():
        from megatron.core.pipeline_parallel import get_forward_backward_func

        stack.enter_context(parallel_groups(config.parallel))
        platform.seed(1)
        chunks = build_model(config.model, config.parallel, platform)
        model = data_parallel(chunks, config.parallel, config.precision)
        optimizer = build_optimizer(model, config.optimizer, config.parallel)
    set_hyperparameters(optimizer, config.optimizer, 1e-4)
    schedule, batches, size = get_forward_backward_func(), _random_batches(config), config.train.micro_batch_size
    count = config.train.global_batch_size // size

    def loss(loss_bs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return loss_bs.sum(), torch.tensor(loss_bs.numel(), dtype=torch.int), loss_bs.detach()

    def forward(pieces: Iterator[torch.Tensor], chunk: torch.nn.Module) -> tuple[torch.Tensor, Callable]:
        piece = next(pieces)
        return chunk(piece[:, :-1], None, None, labels=piece[:, 1:]), partial(loss)

    def step() -> None:
        with scope():
            model[0].zero_grad_buffer()
            optimizer.zero_grad()
            schedule(forward_step_func=forward, data_iterator=iter(next(batches).split(size)), model=model[0],
                     num_microbatches=count, seq_length=config.data.sequence_length, micro_batch_size=size,
                     forward_only=False)
            optimizer.step()

    return step


def _ours(config: RunConfig, stack: ExitStack) -> Callable[[], None]:
    from megatron_qm.platform.runtime import choose_platform, ranks_from_environment
    from megatron_qm.train.stopping import StopRequest
    from megatron_qm.train.watchdog import Watchdog
    from megatron_qm.training import assemble, on_datasets

    platform, ranks = choose_platform("cpu"), ranks_from_environment()
    watchdog = stack.enter_context(Watchdog(Path(config.output), config.watchdog, ranks))
    with platform.scope():
        trainer = stack.enter_context(assemble(config, on_datasets(config), platform, ranks, watchdog, StopRequest()))
        trainer.restore()

    def step() -> None:
        with platform.scope():
            trainer.one_step()

    return step


if __name__ == "__main__":
    main()
