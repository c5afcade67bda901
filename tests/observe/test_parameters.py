"""Parameter counts against the models that transformers builds (on the meta device) and that Megatron builds."""

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

from megatron_qm.config.model import SHAPES, ModelConfig
from megatron_qm.errors import UserError
from megatron_qm.observe.parameters import parameter_count, parameters_per_rank
from tests.distributed import run_ranks

_HF = {"qwen2": Qwen2Config, "qwen3": Qwen3Config, "llama": LlamaConfig}


def shape(family: str, **changes) -> ModelConfig:
    values = dict(family=family, layers=4, hidden_size=48, ffn_hidden_size=80, heads=6, kv_heads=2, head_dim=12,
                  vocab_size=301, tied_embeddings=False)
    return ModelConfig(**(values | changes)).resolved()


def transformers_model(model: ModelConfig, **more) -> torch.nn.Module:
    config = _HF[model.family](
        num_hidden_layers=model.layers, hidden_size=model.hidden_size, intermediate_size=model.ffn_hidden_size,
        num_attention_heads=model.heads, num_key_value_heads=model.kv_heads, head_dim=model.head_dim,
        vocab_size=model.vocab_size, tie_word_embeddings=model.tied_embeddings, max_position_embeddings=512, **more,
    )
    return AutoModelForCausalLM.from_config(config)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("family", ["qwen2", "qwen3", "llama"])
def test_count_is_that_of_transformers(family: str, tied: bool) -> None:
    # 4 heads of 12 are exactly the hidden size, which Qwen2 without a head_dim of its own needs; 6 of 12 are not
    for model in (shape(family, tied_embeddings=tied), shape(family, tied_embeddings=tied, heads=4, kv_heads=4)):
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


def built_by_megatron(cases: list[dict]) -> list[int]:
    """In a rank: parameters of this rank's part of each model."""
    from megatron_qm.config.parallel import ParallelConfig
    from megatron_qm.model.build import build_model
    from megatron_qm.model.parallel_groups import parallel_groups
    from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment

    ranks = ranks_from_environment()
    platform = choose_platform("cpu", ranks.local_rank)
    counts = []
    with process_group(platform, ranks), platform.scope():
        for case in cases:
            parallel = ParallelConfig(**case["parallel"])
            with parallel_groups(parallel):
                platform.seed(0)
                chunks = build_model(shape(**case["model"]), parallel, platform)
                counts.append(sum(p.numel() for chunk in chunks for p in chunk.parameters()))
    return counts


def test_every_rank_holds_what_megatron_builds() -> None:
    layouts = [{"tp": 2, "pp": 2, "sp": True}, {"pp": 2, "vpp": 2}]
    models = [{"family": "qwen3", "tied_embeddings": True}, {"family": "qwen2"}]
    cases = [{"parallel": layout, "model": model} for layout in layouts for model in models]
    built = run_ranks("tests.observe.test_parameters:built_by_megatron", 4, cases)
    for index, case in enumerate(cases):
        tp, pp = case["parallel"].get("tp", 1), case["parallel"]["pp"]
        # Megatron's ranks: TP fastest, then DP, then the pipeline stages
        expected = [parameters_per_rank(shape(**case["model"]), tp, pp, stage=rank // 2) for rank in range(4)]
        assert [counts[index] for counts in built] == expected, case


@pytest.mark.parametrize(("layout", "named"), [
    ({"tp": 4}, "model.heads = 6"), ({"tp": 3}, "model.kv_heads = 2"), ({"pp": 3}, "model.layers = 4"),
    ({"pp": 2, "stage": 2}, "stages 0 to 1"),
])
def test_a_layout_that_does_not_fit_is_refused(layout: dict, named: str) -> None:
    with pytest.raises(UserError, match=named):
        parameters_per_rank(shape("qwen3"), **layout)
