"""All datasets below a folder, in one line."""

from pathlib import Path

import pytest

from megatron_qm.config import sources
from megatron_qm.config.load import to_yaml
from megatron_qm.config.rl import RlRun
from megatron_qm.config.run import load_run
from megatron_qm.data import indexed_format
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.errors import UserError
from tests.data.written import write_dataset


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "pubmed" / "old").mkdir(parents=True)
    write_dataset(folder / "web", [[[1, 2, 3]]], "uint16")
    write_dataset(folder / "pubmed" / "old" / "a.b", [[[1] * 7], [[2] * 3]], "int32")
    write_dataset(folder / "pubmed" / "new", [[[1] * 5]], "int64")
    return folder


def test_every_pair_below_the_folder_becomes_a_source_by_its_size(data: Path, tmp_path: Path) -> None:
    config = load_run("tiny-cpu", [f"data.sources={{folder: {data}/}}", f"data.validation={{folder: {data}, weights: equal}}"])
    found = [(source.name, source.prefix, source.weight) for source in config.data.sources]
    assert found == [("pubmed/new", f"{data}/pubmed/new", 5.0), ("pubmed/old/a.b", f"{data}/pubmed/old/a.b", 10.0),
                     ("web", f"{data}/web", 3.0)]
    for source in config.data.sources:
        assert IndexedDataset.open(source.prefix).tokens == source.weight
    assert [source.weight for source in config.data.validation] == [1.0, 1.0, 1.0]
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(to_yaml(config))
    assert load_run(resolved) == config and "folder" not in resolved.read_text()


def test_what_is_replayed_is_written_likewise(data: Path) -> None:
    told = ["model={shape: qwen3-0.6b}", "data.tokenizer=x", f"rl.replay.sources={{folder: {data}}}"]
    config = load_run("rl-tiny-cpu", told, RlRun)
    assert isinstance(config, RlRun) and config.rl.replay is not None
    assert [(source.name, source.weight) for source in config.rl.replay.sources] == [
        ("pubmed/new", 5), ("pubmed/old/a.b", 10), ("web", 3)]


def test_as_keys_of_a_recipe_and_of_its_heir(data: Path, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"base: tiny-cpu\ndata: {{sources: {{folder: {data}, weights: equal}}}}\n")
    (tmp_path / "b.yaml").write_text(f"base: a.yaml\ndata: {{sources: {{folder: {data / 'pubmed'}}}}}\n")
    assert [source.name for source in load_run(tmp_path / "a.yaml").data.sources] == ["pubmed/new", "pubmed/old/a.b", "web"]
    merged = load_run(tmp_path / "b.yaml").data.sources
    assert [(source.name, source.weight) for source in merged] == [("new", 1.0), ("old/a.b", 1.0)]


def test_a_linked_folder_is_part_of_it(data: Path, tmp_path: Path) -> None:
    (tmp_path / "mix").mkdir()
    (tmp_path / "mix" / "linked").symlink_to(data)
    config = load_run("tiny-cpu", [f"data.sources={{folder: {tmp_path / 'mix'}}}"])
    assert [source.name for source in config.data.sources] == ["linked/pubmed/new", "linked/pubmed/old/a.b", "linked/web"]


@pytest.mark.parametrize(("value", "said"), [
    ("{folder: none}", "none is no folder"),
    ("{folder: empty}", "there is no dataset (PREFIX.idx and PREFIX.bin) below empty"),
    ("{folder: half}", "half/a.bin: No such file"),
    ("{folder: headless}", "headless/a.idx: No such file"),
    ("{folder: strange}", "strange/a.idx: not an index of a Megatron indexed dataset"),
    ("{folder: hollow}", "hollow/a.bin: holds no tokens"),
    ("{folder: growing}", "growing/a.partial: a dataset that is not finished"),
    ("{foldr: data}", "'data.sources.foldr' is no key: data.sources wants a list, or a block of folder, weights"),
    ("{}", "data.sources lacks the key 'data.sources.folder'"),
    ("{folder: data, weights: sise}", "did you mean 'size'"),
    ("data", "data.sources wants a list, not 'data'"),
])
def test_what_is_no_folder_of_data_is_a_sentence(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "half", "headless", "strange", "hollow", "growing/a.partial"):
        Path(name).mkdir(parents=True)
    for name in ("half/a", "headless/a"):
        write_dataset(Path(name), [[[1]]])
    Path("half/a.bin").unlink()
    Path("headless/a.idx").unlink()
    Path("strange/a.idx").write_bytes(b"not an index, but long enough")
    Path("strange/a.bin").write_bytes(b"12345678")
    write_dataset(Path("hollow/a"), [])
    Path("growing/a.partial/tokens.bin").write_bytes(b"12")
    with pytest.raises(UserError) as caught:
        load_run("tiny-cpu", [f"data.sources={value}"])
    assert str(caught.value).startswith(f"override 'data.sources={value}': ")
    assert said in str(caught.value)


def test_the_header_is_that_of_the_format() -> None:
    assert sources._MAGIC == indexed_format.MAGIC and indexed_format.HEADER.format.startswith(sources._HEADER.format)
    codes = {code: indexed_format.dtype_of_code(code).itemsize for code in indexed_format._DTYPES}
    assert codes == sources._TOKEN_BYTES
