"""Folders of safetensors that transformers reads are read alike; headers and indices that lie are refused in a sentence."""

import copy
import json
import random
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from megatron_qm.errors import UserError
from megatron_qm.hf.export_hf import export_hf
from megatron_qm.hf.import_hf import import_hf
from tests.hf.models import differing, save_random_model, tensors

INDEX, HEAD, EMBEDDING = "model.safetensors.index.json", "lm_head.weight", "model.embed_tokens.weight"


@pytest.fixture(scope="module")
def hf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("safetensors") / "model"
    save_random_model(folder, "qwen3-tied")
    return folder


@pytest.fixture
def copied(hf: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(hf, tmp_path / "copy"))


def in_shards(folder: Path, shards: list[dict[str, torch.Tensor]], where: dict[str, int]) -> None:
    """`folder`'s weights in these shards instead, and an index that says `where` (1 is the first)."""
    (folder / "model.safetensors").unlink()
    names = [f"model-{number:05}-of-{len(shards):05}.safetensors" for number in range(1, len(shards) + 1)]
    for name, shard in zip(names, shards, strict=True):
        save_file(shard, folder / name, {"format": "pt"})
    weight_map = {name: names[number - 1] for name, number in where.items()}
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))  # without the one transformers fails


def as_transformers_reads(folder: Path) -> dict[str, torch.Tensor]:
    from transformers import AutoModelForCausalLM

    held = AutoModelForCausalLM.from_pretrained(folder).state_dict()
    return {name: tensor for name, tensor in held.items() if name != HEAD}


def there_and_back(folder: Path, root: Path) -> dict[str, torch.Tensor]:
    checkpoint = import_hf(folder, root / "ckpt")
    export_hf(checkpoint, root / "out", dtype="fp32", no_tokenizer=True, skip_logits=True)
    return tensors(root / "out")


@pytest.mark.parametrize("seed", range(3))
def test_tensors_may_lie_in_any_shard_in_several_and_where_the_index_does_not_say(
    seed: int, copied: Path, tmp_path: Path
) -> None:
    held, draw = tensors(copied), random.Random(seed)
    shards: list[dict[str, torch.Tensor]] = [{}, {}, {}]
    for name, tensor in held.items():
        for number in draw.sample(range(3), draw.choice([1, 1, 2])):
            shards[number][name] = tensor.clone()
    where = {name: draw.randint(1, 3) for name in held if draw.random() < 0.9}
    in_shards(copied, shards, where | dict(zip(sorted(held), (1, 2, 3), strict=False)))
    assert differing(as_transformers_reads(copied), held) == []
    assert differing(there_and_back(copied, tmp_path), held) == []


def test_two_shards_with_other_numbers_are_one_too_many(copied: Path, tmp_path: Path) -> None:
    held = tensors(copied)
    norm = "model.norm.weight"
    in_shards(copied, [held, {norm: held[norm] + 1}], dict.fromkeys(held, 1) | {norm: 2})
    with pytest.raises(UserError, match="00002.*model.norm.weight is not what it is in model-00001"):
        import_hf(copied, tmp_path / "ckpt")


@pytest.mark.parametrize("stored", [True, False])
def test_the_index_of_a_tied_model_may_list_its_output_layer(stored: bool, copied: Path, tmp_path: Path) -> None:
    held = tensors(copied)
    more = {HEAD: held[EMBEDDING].clone()} if stored else {}
    in_shards(copied, [held, more | {"model.norm.weight": held["model.norm.weight"].clone()}], dict.fromkeys(held, 1) | {HEAD: 2})
    assert differing(as_transformers_reads(copied), held) == []
    assert differing(there_and_back(copied, tmp_path), held) == []


def test_an_output_layer_of_its_own_is_no_tie(copied: Path, tmp_path: Path) -> None:
    held = tensors(copied)
    in_shards(copied, [held, {HEAD: held[EMBEDDING] * 2}], dict.fromkeys(held, 1) | {HEAD: 2})
    with pytest.raises(UserError, match="lm_head.weight differs from model.embed_tokens.weight"):
        import_hf(copied, tmp_path / "ckpt")


def test_an_index_that_is_none_is_named(copied: Path, tmp_path: Path) -> None:
    (copied / "model.safetensors").rename(copied / "model-1.safetensors")
    maps: list[Any] = [{"a": name} for name in ("", ".", "..", "\0", "x/y", "missing.safetensors", "config.json", 5, None)]
    said_so = [json.dumps({"weight_map": value}) for value in [*maps, [], 5, None, "x"]]
    for said in [*said_so, "[]", "{", '{"a": ' * 3000 + "}" * 3000]:
        (copied / INDEX).write_text(said)
        with pytest.raises(UserError, match="copy"):
            import_hf(copied, tmp_path / "ckpt")
        assert [path.name for path in tmp_path.iterdir()] == ["copy"]


NASTY = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 40), st.sampled_from([2**31, 2**63, 2**64, 10**30, "F32", "F64", "I64", "", 1.5]),
    st.lists(st.integers(-1, 2**63), max_size=3), st.dictionaries(st.sampled_from(["a", "dtype"]), st.integers(), max_size=1),
)  # fmt: skip


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_header_that_lies_is_refused_or_means_what_it_says(data: st.DataObject, hf: Path, tmp_path_factory: Any) -> None:
    root = tmp_path_factory.mktemp("lie")
    folder = Path(shutil.copytree(hf, root / "copy"))
    path = folder / "model.safetensors"
    stored = path.read_bytes()
    length = struct.unpack("<Q", stored[:8])[0]
    header, numbers = json.loads(stored[8 : 8 + length]), stored[8 + length :]
    path.write_bytes(_lie(data, header, numbers))
    try:
        found = there_and_back(folder, root)
    except UserError as error:
        assert str(folder) in str(error)
        assert [path.name for path in root.iterdir()] == ["copy"]
    else:
        assert differing(found, {name: tensor for name, tensor in load_file(path).items() if name != HEAD}) == []
    shutil.rmtree(root)


def _lie(data: st.DataObject, header: dict[str, Any], numbers: bytes) -> bytes:
    lies = copy.deepcopy(header)
    name = data.draw(st.sampled_from(sorted(set(header) - {"__metadata__"})))
    what = data.draw(st.sampled_from(["dtype", "shape", "data_offsets", "entry", "swap", "metadata", "length", "cut"]))
    if what in ("dtype", "shape", "data_offsets"):
        lies[name][what] = data.draw(NASTY)
    elif what == "entry":
        lies[name] = data.draw(NASTY)
    elif what == "swap":  # overlapping, or another's numbers
        lies[name]["data_offsets"] = header[data.draw(st.sampled_from(sorted(set(header) - {"__metadata__"})))]["data_offsets"]
    elif what == "metadata":
        lies["__metadata__"] = data.draw(NASTY)
    text = json.dumps(lies).encode()
    length = data.draw(st.sampled_from([0, 1, len(text) + 1, 2**40, 2**64 - 1])) if what == "length" else len(text)
    whole = struct.pack("<Q", length) + text + numbers
    return whole[: data.draw(st.integers(0, len(whole)))] if what == "cut" else whole
