"""log(sum(exp(logits))) and entropy over a vocabulary that is split over the TP ranks."""

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx


def vocab_parallel_logsumexp(logits_sbv: Tensor, group: dist.ProcessGroup) -> Tensor:
    """[s, b], equal on all ranks of `group`; its gradient reaches each rank's own logits."""
    lse_sb: Tensor = _LogSumExp.apply(logits_sbv, group)
    return lse_sb


class _LogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, logits_sbv: Tensor, group: dist.ProcessGroup) -> Tensor:
        local_sb = logits_sbv.logsumexp(-1)
        top_sb = local_sb.clone()
        dist.all_reduce(top_sb, op=dist.ReduceOp.MAX, group=group)
        total_sb = (local_sb - top_sb).exp()
        dist.all_reduce(total_sb, group=group)
        lse_sb = top_sb + total_sb.log()
        ctx.save_for_backward(logits_sbv, lse_sb)
        return lse_sb

    @staticmethod
    def backward(ctx: BackwardCFunction, grad_sb: Tensor) -> tuple[Tensor, None]:
        saved: tuple[Tensor, ...] = ctx.saved_tensors
        logits_sbv, lse_sb = saved
        return (logits_sbv - lse_sb[..., None]).exp() * grad_sb[..., None], None


def vocab_parallel_entropy(logits_sbv: Tensor, lse_sb: Tensor, group: dist.ProcessGroup) -> Tensor:
    """[s, b] in nats, equal on all ranks of `group`: logsumexp minus the mean logit. Without gradient."""
    mean_sb = ((logits_sbv - lse_sb[..., None]).exp() * logits_sbv).sum(-1)
    dist.all_reduce(mean_sb, group=group)
    return lse_sb - mean_sb
