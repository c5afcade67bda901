"""Do the released model and the Megatron model compute the same? Logits on real prompts, and where they part if not.

Both run in FP32 on this machine's CPU, one after the other, from the very files: Megatron's GPTModel filled by its own
`dist_checkpointing` from the checkpoint, transformers' class by `from_pretrained` from the release. For a BF16 release
the reference's weights are rounded to BF16 first, so that what is compared is the conversion and not the rounding;
what the rounding itself costs is reported beside it.

A reward model's logits are its scores, one of each token (score_parity.py).

Axes: s tokens of a prompt, h hidden, v vocabulary.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from megatron_qm.hf.errors import GateError
from megatron_qm.hf.opened import Opened
from megatron_qm.hf.transformers_side import load_model
from megatron_qm.model.language_model import LanguageModel

# FP32 sums in another order make 4e-7 of the largest logit in 4 layers and 1e-6 in SmolLM2's 30 (docs/hf.md); a wrong
# order of heads, or a norm in another's place, makes 1e-2 and more.
LOGIT_TOLERANCE = 1e-4  # largest difference of a logit, relative to the largest logit
KL_TOLERANCE = 1e-6  # nats, the worst token
_PIECE, _TOKENS = 1 << 24, 64  # numbers, and tokens, that are worked on at a time
_FREQUENCY_TOLERANCE = 1e-6  # relative, of RoPE's inverse frequencies


@dataclass(frozen=True)
class Difference:
    """Over all tokens of all prompts: of logits (absolute, and relative to the largest), KL(reference || other)."""

    largest: float
    relative: float
    mean_kl: float
    worst_kl: float
    same_top: float  # share of tokens whose likeliest successor is the same
    tokens: int


@dataclass(frozen=True)
class Parity:
    """conversion: Megatron against the release. rounding: Megatron in its own dtype against itself in the release's."""

    conversion: Difference
    rounding: Difference | None


@dataclass
class Trace:
    """What a model computed: RoPE's inverse frequencies, logits per prompt, outputs of its modules for the first prompt by HF
    name."""

    inverse_frequencies: Tensor
    logits_sv: list[Tensor] = field(default_factory=list)
    modules_sh: dict[str, Tensor] = field(default_factory=dict)


def compare(opened: Opened, release: Path, prompts: Sequence[Sequence[int]], dtype: torch.dtype) -> Parity:
    """Raises GateError naming the first module that differs by more than the tolerances above."""
    exact, reference = megatron_traces(opened, prompts, dtype)
    released = hf_trace(release, opened.model.tied_embeddings, prompts)
    conversion = difference(reference.logits_sv, released.logits_sv)
    where = first_different_module(reference, released)
    if conversion.relative > LOGIT_TOLERANCE or conversion.worst_kl > KL_TOLERANCE or "rotary" in (where or ""):
        raise GateError(
            f"the release computes something else than the Megatron model, first in {where or 'lm_head'}: logits "
            f"differ by up to {conversion.largest:.3g} ({conversion.relative:.2g} of the largest; allowed "
            f"{LOGIT_TOLERANCE:g}), KL {conversion.worst_kl:.2g} nats (allowed {KL_TOLERANCE:g})"
        )
    return Parity(conversion, difference(exact.logits_sv, reference.logits_sv) if exact is not reference else None)


def difference(reference: Sequence[Tensor], other: Sequence[Tensor]) -> Difference:
    """Between two lists of logits [s, v]."""
    largest = scale = kl_sum = worst = 0.0
    same = tokens = 0
    prompts = zip(reference, other, strict=True)
    for a_sv, b_sv in (rows for a, b in prompts for rows in zip(a.split(_TOKENS), b.split(_TOKENS), strict=True)):
        gap = (a_sv - b_sv).abs().max().item()
        largest = max(largest, gap) if gap == gap else float("inf")  # NaN is no agreement
        scale = max(scale, a_sv.abs().max().item())
        log_a, log_b = a_sv.double().log_softmax(-1), b_sv.double().log_softmax(-1)
        kl_s = (log_a.exp() * (log_a - log_b)).sum(-1)
        kl_sum += kl_s.sum().item()
        worst = max(worst, kl_s.max().item())
        same += int((a_sv.argmax(-1) == b_sv.argmax(-1)).sum())
        tokens += len(a_sv)
    return Difference(largest, largest / max(scale, 1e-30), max(0.0, kl_sum / tokens), worst, same / tokens, tokens)


def first_different_module(reference: Trace, other: Trace) -> str | None:
    """The first module, in the order in which they compute, whose output differs; None if none does."""
    a, b = reference.inverse_frequencies, other.inverse_frequencies
    if a.shape != b.shape or ((a - b).abs() > _FREQUENCY_TOLERANCE * a.abs()).any():
        return "model.rotary_emb (its frequencies: rope_theta or rope_scaling)"
    for name, a_sh in reference.modules_sh.items():
        b_sh = other.modules_sh[name]
        if not (a_sh - b_sh).abs().max() <= LOGIT_TOLERANCE * a_sh.abs().max():
            return name
    return None


@torch.no_grad()
def megatron_traces(
    opened: Opened, prompts: Sequence[Sequence[int]], dtype: torch.dtype
) -> tuple[Trace, Trace]:
    """(as the checkpoint says, weights rounded to `dtype`); the same object twice where rounding changes nothing."""
    with _megatron_model(opened) as model:
        exact = _megatron_trace(model, prompts, opened.model.vocab_size)
        if opened.lora is not None:
            _merge(model, exact, prompts, opened.model.vocab_size)
        if not _round(model, dtype):
            return exact, exact
        return exact, _megatron_trace(model, prompts, opened.model.vocab_size)


@torch.no_grad()
def hf_trace(release: Path, tied: bool, prompts: Sequence[Sequence[int]]) -> Trace:
    """Raises GateError if transformers cannot load the release, or not all of it, or ties what is not tied."""
    trace = _hf_trace(load_model(release, tied), prompts)
    gc.collect()
    return trace


def _hf_trace(model: nn.Module, prompts: Sequence[Sequence[int]]) -> Trace:
    return trace_of(model, prompts, lambda tokens_bs: model(input_ids=tokens_bs).logits)


def trace_of(model: nn.Module, prompts: Sequence[Sequence[int]], logits: Callable[[Tensor], Tensor]) -> Trace:
    """Of transformers' model; logits: [b, s, v] of token ids [b, s]."""
    trace = Trace(model.get_buffer("model.rotary_emb.inv_freq").float().clone())
    _run(trace, _hf_modules(model), prompts, logits, None)
    return trace


@contextmanager
def _megatron_model(opened: Opened) -> Iterator[LanguageModel]:
    """A GPTModel of one process, filled from the checkpoint."""
    from megatron_qm.checkpoint import distributed
    from megatron_qm.checkpoint.manifest import WEIGHTS
    from megatron_qm.config.parallel import ParallelConfig
    from megatron_qm.config.train import PrecisionConfig
    from megatron_qm.model.build import build_model
    from megatron_qm.model.parallel_groups import parallel_groups
    from megatron_qm.platform.runtime import Ranks, choose_platform, process_group

    platform, alone = choose_platform("cpu"), ParallelConfig()
    with process_group(platform, Ranks(0, 1, 0)), platform.scope(), parallel_groups(alone):
        [model] = build_model(opened.model, alone, platform, PrecisionConfig(params="fp32"), lora=opened.lora)
        with distributed.quiet():
            weights = opened.folder / WEIGHTS
            distributed.load_weights(weights, distributed.stored_names(weights), [model])
        model.eval()
        yield model
    del model
    gc.collect()


def _megatron_trace(model: LanguageModel, prompts: Sequence[Sequence[int]], vocab: int) -> Trace:
    def logits(tokens_bs: Tensor) -> Tensor:
        logits_bsv: Tensor = model(tokens_bs, torch.arange(tokens_bs.shape[1])[None], None)
        return logits_bsv

    trace = Trace(model.rotary_pos_emb.inv_freq.float().clone())
    _run(trace, _megatron_modules(model), prompts, logits, vocab)
    return trace


def _merge(model: LanguageModel, apart: Trace, prompts: Sequence[Sequence[int]], vocab: int) -> None:
    """Adapters into the weights, which only then are rounded: what a release is made of. Raises GateError if that changes
    what is computed."""
    from megatron_qm.model.lora import merge

    merge([model])
    what = "scores" if model.head == "score" else "logits"
    found = difference(apart.logits_sv, _megatron_trace(model, prompts, vocab).logits_sv)
    if found.relative > LOGIT_TOLERANCE:
        raise GateError(
            f"weights with the LoRA adapters merged into them compute something else than both apart: {what} differ by up to "
            f"{found.largest:.3g} ({found.relative:.2g} of the largest; allowed {LOGIT_TOLERANCE:g})"
        )


def _round(model: nn.Module, dtype: torch.dtype) -> bool:
    """Round every weight to `dtype`; whether that changed any."""
    changed = False
    for parameter in model.parameters():
        for piece in parameter.view(-1).split(_PIECE):  # an embedding's copies would be most of the memory needed
            rounded = piece.to(dtype).to(piece.dtype)
            changed = changed or not torch.equal(rounded, piece)
            piece.copy_(rounded)
    return changed


def _run(
    trace: Trace, modules: dict[str, nn.Module], prompts: Sequence[Sequence[int]], logits: Callable[[Tensor], Tensor],
    vocab: int | None,
) -> None:
    """Fill `trace`; logits: of token ids [1, s], the first `vocab` of which count."""
    hooks = [module.register_forward_hook(_keep(trace, name)) for name, module in modules.items()]
    for prompt in prompts:
        trace.logits_sv.append(logits(torch.tensor([list(prompt)]))[0, :, :vocab].float().clone())
        for hook in hooks:  # the first prompt alone
            hook.remove()
        hooks = []


def _keep(trace: Trace, name: str) -> Callable[[nn.Module, object, Tensor | tuple[Tensor, ...]], None]:
    def hook(_module: nn.Module, _inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
        tensor = output[0] if isinstance(output, tuple) else output
        trace.modules_sh[name] = tensor.detach().reshape(-1, tensor.shape[-1]).float().clone()  # one sequence

    return hook


def _megatron_modules(model: LanguageModel) -> dict[str, nn.Module]:
    found = {"model.embed_tokens": model.embedding}
    for i, layer in enumerate(model.decoder.layers):
        found |= {
            f"model.layers.{i}.input_layernorm": layer.input_layernorm,
            f"model.layers.{i}.self_attn": layer.self_attention,
            f"model.layers.{i}.post_attention_layernorm": layer.pre_mlp_layernorm,
            f"model.layers.{i}.mlp": layer.mlp,
        }
    return found | {"model.norm": model.decoder.final_layernorm}


def _hf_modules(model: nn.Module) -> dict[str, nn.Module]:
    parts = ("input_layernorm", "self_attn", "post_attention_layernorm", "mlp")
    layers = [f"model.layers.{name}" for name, _ in model.get_submodule("model.layers").named_children()]
    names = ["model.embed_tokens", *(f"{layer}.{part}" for layer in layers for part in parts), "model.norm"]
    return {name: model.get_submodule(name) for name in names}
