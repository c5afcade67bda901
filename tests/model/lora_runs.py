"""What the ranks of test_lora.py run: a tiny model with adapters, trained, saved and looked at, at several layouts."""

import hashlib
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from megatron_qm.align.rollouts.weights import hf_named_tensors
from megatron_qm.checkpoint.store import CheckpointStore
from megatron_qm.config.lora import LoraConfig, is_adapter
from megatron_qm.config.model import ModelConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.run import RunConfig
from megatron_qm.config.train import CheckpointConfig, GuardConfig, OptimizerConfig, PrecisionConfig, RecomputeConfig
from megatron_qm.errors import UserError
from megatron_qm.model.build import build_model
from megatron_qm.model.generation.cache import cached
from megatron_qm.model.generation.generate import generate
from megatron_qm.model.generation.lean import lean_layers
from megatron_qm.model.generation.request import Request, Sampling
from megatron_qm.model.lora import PLACES, Adapter, merge
from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment
from megatron_qm.train.batches import micro_batches
from megatron_qm.train.guard import Guard
from megatron_qm.train.optimizer import build_optimizer, data_parallel, dismantle
from megatron_qm.train.step import Stepper, this_place
from tests.groups import passing_groups
from tests.train.layout_runs import GLOBAL_BATCH, SOURCES, VOCAB, batch

MODEL = ModelConfig(
    family="qwen2", layers=4, hidden_size=32, ffn_hidden_size=48, heads=4, kv_heads=2, head_dim=8, vocab_size=VOCAB,
    tied_embeddings=True, max_positions=64, init_std=0.2,
).resolved()
LORA = {"rank": 3, "alpha": 12.0}
STEPS, LENGTH, RATE = 4, 16, 1e-2


@contextmanager
def job() -> Any:
    platform = choose_platform("cpu")
    torch.set_num_threads(1)
    with process_group(platform, ranks_from_environment()), platform.scope():
        yield platform


class Run:
    """A model in training at one layout, on batches that depend on the step alone."""

    def __init__(self, platform: Any, case: dict[str, Any]) -> None:
        case = dict(case)
        lora = case.pop("lora", {})
        self.lora = None if lora is None else LoraConfig(**LORA | lora)
        recompute = RecomputeConfig(mode=case.pop("recompute", "none"))
        dtype, seed = case.pop("dtype", "fp32"), case.pop("seed", 5)
        self.platform, self.parallel, precision = platform, ParallelConfig(**case), PrecisionConfig(params=dtype)
        platform.seed(1)
        self.chunks = build_model(MODEL, self.parallel, platform, precision, recompute, seed=seed, lora=self.lora)
        self.model = data_parallel(self.chunks, self.parallel, precision)
        self.optimizer = build_optimizer(self.model, OptimizerConfig(), self.parallel)
        self.stepper = Stepper(
            self.model, self.optimizer, OptimizerConfig(), SOURCES, Guard(GuardConfig(), platform.device)
        )
        self.step = 0

    def steps(self, count: int) -> list[list[float]]:
        """[loss, gradient norm] of each."""
        rows = []
        for _ in range(count):
            result = self.stepper.train(self._batches(), *self._count(), RATE)
            rows.append([result.losses.mean, result.grad_norm])
            self.step += 1
        return rows

    def gradients(self) -> dict[str, list[float]]:
        """Of the next step, of every adapter, whole, by its name in a checkpoint; where DDP leaves them whole."""
        self.stepper.look(self._batches(), *self._count())
        for chunk in self.chunks:
            for parameter in chunk.parameters():
                if parameter.requires_grad:
                    parameter.data, parameter.kept = parameter.main_grad.to(parameter.dtype), parameter.data
        pieces = list(self._adapters())
        for chunk in self.chunks:
            for parameter in chunk.parameters():
                if parameter.requires_grad:
                    parameter.data = parameter.kept
        everyone: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(everyone, pieces)
        whole: dict[str, torch.Tensor] = {}
        for name, shape, offset, data in (piece for some in everyone for piece in some):
            tensor = whole.setdefault(name, torch.full(shape, torch.nan))
            tensor[tuple(slice(a, a + n) for a, n in zip(offset, data.shape, strict=True))] = data
        return {name: tensor.flatten().tolist() for name, tensor in sorted(whole.items())}

    def _adapters(self) -> Any:
        from megatron.core.dist_checkpointing.mapping import ShardedTensor, apply_factories

        for chunk in self.chunks:
            state = chunk.sharded_state_dict()
            apply_factories(state)
            leaves = [leaf for value in state.values() for leaf in (value if isinstance(value, list) else [value])]
            for leaf in leaves:
                if isinstance(leaf, ShardedTensor) and is_adapter(leaf.key):
                    data = leaf.data.detach().clone()
                    yield leaf.key, leaf.global_shape, leaf.global_offset, data[(None,) * leaf.prepend_axis_num]

    def _count(self) -> tuple[int]:
        return (len(self._mine()),)

    def _mine(self) -> list[int]:
        return sum(this_place().sequences(GLOBAL_BATCH, 1), [])

    def _batches(self) -> Any:
        return micro_batches(batch(self.step, self._mine(), LENGTH), 1, this_place(), self.platform.device, packed=False)

    def store(self, folder: Path) -> CheckpointStore:
        return CheckpointStore(Path(folder), CheckpointConfig(), self.platform)

    def save(self, folder: Path) -> Path:
        config = RunConfig(model=MODEL, parallel=self.parallel, lora=self.lora)
        return self.store(folder).save(self.step, 0, self.chunks, self.optimizer, {}, config)

    def resume(self, folder: Path) -> None:
        store = self.store(folder)
        self.step = store.load(store.latest(), self.chunks, self.optimizer).step

    def start(self, folder: Path) -> None:
        store = self.store(folder)
        store.load_weights(store.latest(), self.chunks, self.optimizer)

    def digests(self, adapters: bool) -> dict[str, str]:
        found = {}
        for index, chunk in enumerate(self.chunks):
            for name, parameter in chunk.named_parameters():
                if is_adapter(name) == adapters:
                    found[f"{index}.{name}"] = hashlib.sha256(parameter.detach().float().numpy().tobytes()).hexdigest()
        return found


@contextmanager
def run(platform: Any, case: dict[str, Any]) -> Any:
    keys = {key: case[key] for key in case if key not in ("lora", "recompute", "dtype", "seed")}
    with passing_groups(ParallelConfig(**keys)):
        yield Run(platform, case)


def train_layouts(
    cases: dict[str, dict[str, Any]], folder: str, resumed: list[tuple[str, dict[str, Any]]], look_at: str | None = None
) -> dict[str, Any]:
    """{case: what came of it}, and of going on at another layout from what a case saved: {"case at layout": rows}.
    look_at: a saved case for what one process finds."""
    found: dict[str, Any] = {}
    with job() as platform:
        for name, case in cases.items():
            with run(platform, case) as made:
                found[name] = _train(made, Path(folder) / name)
        for saved, case in resumed:
            with run(platform, case) as made:
                made.resume(Path(folder) / saved)
                rows = made.steps(STEPS - made.step)
                found[f"{saved} at {case}"] = {"rows": rows, "digests": made.digests(adapters=True)}
        if look_at:
            found["alone"] = _alone(platform, Path(folder), look_at)
    return found


def _train(made: Run, folder: Path) -> dict[str, Any]:
    """Two steps, a checkpoint, the other steps; then what there is to know of the run."""
    base, adapters = made.digests(adapters=False), made.digests(adapters=True)
    rows = made.steps(2)
    made.save(folder)
    rows += made.steps(STEPS - 2)
    now = made.digests(adapters=True)
    return {
        "rows": rows,
        "base the same": base == made.digests(adapters=False),
        "adapters the same": [key for key in now if now[key] == adapters[key]],
        "digests": now,
        "numbers": {
            "in adapters": sum(p.numel() for c in made.chunks for n, p in c.named_parameters() if is_adapter(n)),
            "in gradient buffers": sum(buffer.numel for chunk in made.model for buffer in chunk.buffers),
            "in the optimizer": sum(p.numel() for group in made.optimizer.param_groups for p in group["params"]),
        },
        "gradients": None if made.parallel.distributed_optimizer else made.gradients(),
    } | (_merging(made) if made.lora.dropout == 0 and not made.chunks[0].config.bf16 else {})


def _merging(made: Run) -> dict[str, Any]:
    """Greedy tokens and the weights by their HF names; with adapters apart, merged, and (tokens) without them."""
    apart = {"tokens": _greedy(made.chunks), "weights": _hf(made), "lean": _lean(made.chunks), "logits": _logits(made)}
    merge(made.chunks)
    merged = {"tokens": _greedy(made.chunks), "weights": _hf(made), "lean": _lean(made.chunks), "logits": _logits(made)}
    left = [name for chunk in made.chunks for name, _ in chunk.named_parameters() if is_adapter(name)]
    bare = build_model(MODEL, made.parallel, made.platform, PrecisionConfig(params="fp32"), seed=5)
    return {"apart": apart, "merged": merged, "left": left, "tokens of the base": _greedy(bare)}


def _greedy(chunks: Any) -> list[list[int]]:
    sampling = Sampling(temperature=0.0, max_new_tokens=8)
    requests = [Request(f"p{i}", tuple(range(7 * i, 9 * i + 3)), sampling) for i in range(5)]
    return [list(completion.tokens) for completion in generate(chunks, requests, max_sequences=4)]


def _lean(chunks: Any) -> bool:
    with cached(chunks):
        return all(lean_layers(chunk) is not None for chunk in chunks)


def _hf(made: Run) -> dict[str, list[float]]:
    return {name: tensor.flatten()[:: 7].tolist() for name, tensor in hf_named_tensors(made.chunks, MODEL)}


@torch.no_grad()
def _logits(made: Run) -> list[float] | None:
    """Of one process's model, on 16 tokens."""
    if dist.get_world_size() > 1:
        return None
    tokens_bs = torch.arange(3, 240, 15)[None]
    return made.chunks[0](tokens_bs, torch.arange(tokens_bs.shape[1])[None], None).flatten().tolist()


def _alone(platform: Any, folder: Path, saved: str) -> dict[str, Any]:
    """What one process finds: the layers in closed form, and what may be loaded into what."""
    with run(platform, {}) as made:
        return {"closed form": _closed_forms(made), "fused": _fused(made), "loads": _loads(platform, made, folder, saved)}


def _closed_forms(made: Run) -> dict[str, float]:
    """{target: the largest difference, relative, of output and gradients from plain products in float64}."""
    layer, draw = made.chunks[0].decoder.layers[1], torch.Generator().manual_seed(3)
    return {
        target: _closed_form(getattr(parent, f"linear_{target}"), getattr(parent, f"lora_{target}"), draw)
        for parent, targets in ((layer.self_attention, ("qkv", "proj")), (layer.mlp, ("fc1", "fc2")))
        for target in targets
    }


def _closed_form(linear: torch.nn.Module, adapter: torch.nn.Module, draw: torch.Generator) -> float:
    w, a, b = linear.weight, adapter.a, adapter.b
    torch.nn.init.normal_(b, generator=draw)
    x = torch.randn(5, 2, w.shape[1], generator=draw, requires_grad=True)
    out, _ = linear(x)
    dy = torch.randn(out.shape, generator=draw)
    dx, da, db = torch.autograd.grad(out, (x, a, b), dy)
    w, a, b, x, dy = (tensor.detach().double() for tensor in (w, a, b, x.flatten(0, 1), dy.flatten(0, 1)))
    bias = 0 if linear.bias is None else linear.bias.detach().double()
    scale = LORA["alpha"] / LORA["rank"]
    wanted = (
        x @ w.T + bias + scale * x @ a.T @ b.T, dy @ (w + scale * b @ a), scale * (dy @ b).T @ x, scale * dy.T @ (x @ a.T)
    )
    got = (out.flatten(0, 1), dx.flatten(0, 1), da, db)
    return max(float((g.double() - v).abs().max() / v.abs().max()) for g, v in zip(got, wanted, strict=True))


class _Fused(torch.nn.Module):
    """A column layer that has its norm in it, as Transformer Engine's have, and gives no bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(outputs, inputs), requires_grad=False)
        self.layer_norm_weight = torch.nn.Parameter(torch.rand(inputs) + 0.5, requires_grad=False)

    def forward(self, x_sbi: torch.Tensor) -> tuple[torch.Tensor, None]:
        normed = x_sbi * (x_sbi.square().mean(-1, keepdim=True) + MODEL.norm_eps).rsqrt() * self.layer_norm_weight
        return normed @ self.weight.T, None


def _fused(made: Run) -> float:
    """How far the output of an adapted fused layer is from that of the layer with merged weights, relative."""
    linear = _Fused(MODEL.hidden_size, 12)
    adapter = Adapter(linear, PLACES["qkv"], made.lora, made.chunks[0].config)
    for parameter in adapter.parameters():
        torch.nn.init.normal_(parameter)
    x_sbi = torch.randn(5, 2, MODEL.hidden_size)
    with torch.no_grad():
        plain, hook = linear(x_sbi)[0], linear.register_forward_hook(adapter.join)
        apart = linear(x_sbi)[0]
        hook.remove()
        linear.weight += adapter.product()
        merged = linear(x_sbi)[0]
    assert not torch.allclose(apart, plain)
    return float((apart - merged).abs().max() / merged.abs().max())


def _loads(platform: Any, made: Run, folder: Path, saved: str) -> dict[str, Any]:
    """Into runs with adapters, without, and with other ones; from checkpoints with and without."""
    with_adapters, found = folder / saved, {}
    bare = Run(platform, {"lora": None, "seed": 8})
    bare.save(folder / "bare")
    anew = Run(platform, {"seed": 9})
    before = anew.digests(adapters=True)
    anew.start(folder / "bare")
    theirs = {name.replace("0.", "", 1): value for name, value in bare.digests(adapters=False).items()}
    ours = {name.replace("0.", "", 1): value for name, value in anew.digests(adapters=False).items()}
    found["the base came"] = theirs == ours
    found["adapters anew"] = before == anew.digests(adapters=True)
    found["and it trains"] = anew.steps(1)[0][0] > 0 and before != anew.digests(adapters=True)
    again = Run(platform, {"seed": 10})
    again.start(with_adapters)
    made.resume(with_adapters)
    found["adapters came"] = again.digests(adapters=True) == made.digests(adapters=True)
    other = Run(platform, {"lora": {"rank": 5}})
    for name, load in {
        "go on without": lambda: anew.resume(folder / "bare"),
        "into a bare model": lambda: bare.start(with_adapters),
        "another rank": lambda: other.start(with_adapters),
    }.items():
        try:
            load()
            found[name] = "nothing"
        except UserError as error:
            found[name] = str(error)
    for each in (bare, anew, again, other):
        dismantle(each.model)
    return found
