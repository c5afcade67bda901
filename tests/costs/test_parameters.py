"""Parameter counts against the models that transformers builds (on the meta device) and that Megatron builds."""

import pytest
import torch

from megatron_qm.config.lora import LoraConfig
from megatron_qm.config.model import SHAPES, ModelConfig
from megatron_qm.costs.parameters import adapter_parameters, parameter_count, parameters_per_rank
from megatron_qm.errors import UserError
from tests.costs.megatron_builds import Megatron
from tests.costs.shapes import shape, transformers_model


@pytest.mark.parametrize("head", ["vocabulary", "score"])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("family", ["qwen2", "qwen3", "llama"])
def test_count_is_that_of_transformers(family: str, tied: bool, head: str) -> None:
    # 4 heads of 12 are exactly the hidden size, which Qwen2 without a head_dim of its own needs; 6 of 12 are not
    said = {"tied_embeddings": tied, "head": head}
    for model in (shape(family, **said), shape(family, **said, heads=4, kv_heads=4)):
        with torch.device("meta"):
            built = transformers_model(model)
        assert parameter_count(model) == sum(p.numel() for p in built.parameters())


@pytest.mark.parametrize(("name", "published"), [
    # "total parameters" of the checkpoints on their model pages, in tensors of the safetensors index
    ("qwen3-0.6b", 596_049_920),
    ("qwen3-8b", 8_190_735_360),
    ("qwen2.5-0.5b", 494_032_768),
    ("qwen2.5-7b", 7_615_616_512),
    ("qwen2.5-32b", 32_763_876_352),
    ("llama3.2-1b", 1_235_814_400),
    ("llama3.1-8b", 8_030_261_248),
    ("llama3.1-70b", 70_553_706_496),
])
def test_named_shapes_have_the_published_size(name: str, published: int) -> None:
    assert name in SHAPES
    assert parameter_count(ModelConfig(shape=name).resolved()) == published


def test_one_rank_holds_the_model_and_the_padding() -> None:
    model = shape("qwen3")
    assert parameters_per_rank(model) == parameter_count(model) + 2 * 48 * (model.padded_vocab_size - 301)


def test_every_rank_holds_what_megatron_builds(megatron: Megatron) -> None:
    for case, ranks in megatron.parameters:
        tp, pp = case["parallel"].get("tp", 1), case["parallel"].get("pp", 1)
        stages = range(pp) if pp > 1 else [0, 0]  # of rank 0 and rank 1
        model = shape(**case["model"])
        adapters = model.layers // pp * adapter_parameters(model, LoraConfig(**case["lora"]), tp) if "lora" in case else 0
        expected = [parameters_per_rank(model, tp, pp, stage) + adapters for stage in stages]
        assert ranks == expected, case


@pytest.mark.parametrize(("layout", "named"), [
    ({"tp": 4}, "model.heads = 6"), ({"tp": 3}, "model.kv_heads = 2"), ({"pp": 3}, "model.layers = 4"),
    ({"pp": 2, "stage": 2}, "stages 0 to 1"),
])
def test_a_layout_that_does_not_fit_is_refused(layout: dict, named: str) -> None:
    with pytest.raises(UserError, match=named):
        parameters_per_rank(shape("qwen3"), **layout)
