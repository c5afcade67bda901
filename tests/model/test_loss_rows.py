"""Cross entropy, z-loss and entropy of a vocabulary split over two ranks, against torch on the whole of it."""

import pytest
import torch

from tests.distributed import run_ranks
from tests.model.loss_runs import MODEL, WEIGHT, drawn


@pytest.mark.parametrize(("world_size", "temperature"), [(1, 1.0), (2, 1.0), (2, 0.7), (2, 1.5)])
def test_rows_and_gradient(world_size: int, temperature: float) -> None:
    found = run_ranks("tests.model.loss_runs:rows_and_gradient", world_size, temperature)
    gradient = torch.cat([torch.tensor(rank["gradient"]) for rank in found], -1)
    whole, labels = drawn(gradient.shape[-1])
    logits = whole[..., : MODEL["vocab_size"]].clone().requires_grad_()
    tempered = logits / temperature
    logp = tempered.log_softmax(-1)
    nats_sb = -logp.gather(-1, labels.T[..., None])[..., 0]
    z_sb = WEIGHT * tempered.logsumexp(-1).square()
    entropy_sb = -(logp.exp() * logp).sum(-1)
    (nats_sb + z_sb).sum().backward()
    want = torch.stack([nats_sb.T, z_sb.T, entropy_sb.T])
    for rank in found:
        torch.testing.assert_close(torch.tensor(rank["rows"]), want, rtol=1e-5, atol=1e-5)
    real = MODEL["vocab_size"]
    torch.testing.assert_close(gradient[..., :real], logits.grad, rtol=1e-5, atol=1e-6)
    assert not gradient[..., real:].any()
