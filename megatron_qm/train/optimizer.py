"""Megatron's data parallel wrapper and optimizer around this rank's model chunks."""

from collections.abc import Callable, Sequence

from megatron.core.distributed import DistributedDataParallel, DistributedDataParallelConfig, finalize_model_grads
from megatron.core.optimizer import MegatronOptimizer, OptimizerConfig, get_megatron_optimizer
from megatron.core.optimizer.clip_grads import clip_grad_by_total_norm_fp32
from megatron.core.optimizer.optimizer_config import ParamKey, ParamPredicate

from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.train import OptimizerConfig as OptimizerSettings
from megatron_qm.config.train import PrecisionConfig
from megatron_qm.model.language_model import LanguageModel


def data_parallel(
    chunks: Sequence[LanguageModel], parallel: ParallelConfig, precision: PrecisionConfig
) -> list[DistributedDataParallel]:
    """Each chunk in Megatron's DDP: contiguous gradient buffers, reduced over DP x CP."""
    ddp = DistributedDataParallelConfig(
        grad_reduce_in_fp32=precision.grad_reduce_fp32,
        overlap_grad_reduce=parallel.overlap_grad_reduce,
        overlap_param_gather=parallel.overlap_param_gather,
        use_distributed_optimizer=parallel.distributed_optimizer,
        check_for_nan_in_grad=False,  # train/guard.py looks at the loss and the norm, and says so in a sentence
    )
    # Buckets of a later chunk would be reduced out of order, so only the first overlaps (as Megatron-LM does).
    return [
        DistributedDataParallel(config=chunk.config, ddp_config=ddp, module=chunk, disable_bucketing=index > 0)
        for index, chunk in enumerate(chunks)
    ]


def dismantle(model: Sequence[DistributedDataParallel]) -> None:
    """Let go of what the wrappers hold; they are of no use afterwards.

    Megatron's hooks on autograd's nodes and the wrappers keep each other alive in a circle that Python's collector cannot
    see, and with them every process group: some twenty, each with threads of its own that wake a hundred times a second.
    A process that ends needs none of this; one that builds model after model does.
    """
    for chunk in model:
        vars(chunk).clear()


def build_optimizer(
    model: Sequence[DistributedDataParallel],
    optimizer: OptimizerSettings,
    parallel: ParallelConfig,
) -> MegatronOptimizer:
    """AdamW over the wrapped chunks, and the hooks that Megatron's schedules read from the model's config."""
    transformer = model[0].config
    built = get_megatron_optimizer(
        OptimizerConfig(
            optimizer="adam",
            lr=optimizer.lr,
            min_lr=optimizer.min_lr,
            weight_decay=optimizer.weight_decay,
            adam_beta1=optimizer.beta1,
            adam_beta2=optimizer.beta2,
            adam_eps=optimizer.eps,
            clip_grad=optimizer.clip_grad,
            params_dtype=transformer.params_dtype,
            bf16=transformer.bf16,
            use_distributed_optimizer=parallel.distributed_optimizer,
            overlap_param_gather=parallel.overlap_param_gather,
        ),
        list(model),
        config_overrides=_no_decay(optimizer),
    )
    transformer.finalize_model_grads_func = finalize_model_grads
    transformer.grad_scale_func = built.scale_loss
    if parallel.overlap_grad_reduce:
        transformer.no_sync_func = _one_or_all([chunk.no_sync for chunk in model])
    if parallel.overlap_param_gather:
        transformer.param_sync_func = _one_or_all([chunk.start_param_sync for chunk in model])
    return built


def _no_decay(optimizer: OptimizerSettings) -> dict[ParamKey, dict[str, float]]:
    """Which parameters weight decay leaves out. Always said: Megatron 0.16 leaves 1-D ones out by itself, 0.19 none."""
    rules: dict[ParamKey, dict[str, float]] = {}
    if not optimizer.decay_norms_and_biases:
        one_dimensional = ParamPredicate(name="one_dimensional", fn=lambda parameter: parameter.dim() == 1)
        rules[ParamKey(name="*.bias", predicate=one_dimensional)] = {"wd_mult": 0.0}
    if not optimizer.decay_embeddings:
        rules[ParamKey(name=("*word_embeddings.weight", "*output_layer.weight"))] = {"wd_mult": 0.0}
    return rules


def _one_or_all(functions: list[Callable[..., object]]) -> object:
    return functions[0] if len(functions) == 1 else functions


def set_hyperparameters(optimizer: MegatronOptimizer, settings: OptimizerSettings, rate: float) -> None:
    """Say every number anew before each step: the recipe rules, and not what a checkpoint's parameter groups remember."""
    for group in optimizer.param_groups:
        group["lr"] = rate
        group["weight_decay"] = settings.weight_decay * group["wd_mult"]
        group["betas"] = (settings.beta1, settings.beta2)
        group["eps"] = settings.eps
        if "foreach" in group:  # torch's AdamW, where neither Apex nor TE brings a fused one: one kernel per tensor
            group["fused"], group["foreach"] = True, False


def update(optimizer: MegatronOptimizer, grad_norm: float, clip_grad: float) -> None:
    """Clip by `grad_norm` and step: the second half of Megatron's own `step`, after `prepare_grads` and `get_grad_norm`.

    Megatron's `step` measures the norm and updates in one go; in between lies the moment to refuse.
    """
    if clip_grad > 0:
        for part in getattr(optimizer, "chained_optimizers", [optimizer]):
            parameters = [] if getattr(part, "is_stub_optimizer", False) else part.get_parameters()
            if parameters:
                clip_grad_by_total_norm_fp32(parameters, clip_grad, grad_norm)
    optimizer.step_with_ready_grads()
