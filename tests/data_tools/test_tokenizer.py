import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tokenizers

from data_tools.tokenizer import Tokenizer, load_tokenizer, read_tokenizer_file
from megatron_qm.errors import UserError
from tests.data_tools.raw_texts import EOD, reference_ids, texts


def _load(path: Path, **options: object) -> Tokenizer:
    return load_tokenizer(read_tokenizer_file(str(path)), threads=2, append_eod=False, **options)


def _ids(tokenizer: Tokenizer, documents: list[str]) -> list[list[int]]:
    ids, offsets = tokenizer.encode(documents)
    assert ids.dtype == np.uint32 and len(offsets) == len(documents) + 1
    return [ids[start:end].tolist() for start, end in zip(offsets[:-1], offsets[1:], strict=True)]


@pytest.mark.parametrize("engine", ["auto", "hf"])
def test_ids_are_those_of_hf_one_text_at_a_time(tokenizer: Path, engine: str) -> None:
    documents = [*texts(200), "", f"a{EOD}b", "\0", "x" * 10_000]
    loaded = _load(tokenizer, engine=engine)
    assert loaded.checked == (engine == "auto")
    assert _ids(loaded, documents) == reference_ids(tokenizer, documents, append_eod=False)


@pytest.mark.parametrize("engine", ["auto", "hf"])
def test_special_tokens_in_the_data(tokenizer: Path, engine: str) -> None:
    read = _ids(_load(tokenizer, engine=engine), [f"a{EOD}b"])[0]
    split = _ids(_load(tokenizer, engine=engine, split_special_tokens=True), [f"a{EOD}b"])[0]
    assert 0 in read and 0 not in split  # the special token has the id 0
    assert _load(tokenizer, split_special_tokens=True).reference(f"a{EOD}b") == split


def test_a_packed_tokenizer_is_the_same_tokenizer(tokenizer: Path, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "tokenizer.json.gz", "wb") as stream:
        stream.write((tokenizer / "tokenizer.json").read_bytes())
    packed, plain = _load(tmp_path), _load(tokenizer / "tokenizer.json")
    assert packed.identity() == plain.identity()
    assert _ids(packed, texts(5)) == _ids(plain, texts(5))


@pytest.mark.parametrize("engine", ["auto", "hf"])
def test_truncation_and_padding_of_the_file_are_off(tokenizer: Path, tmp_path: Path, engine: str) -> None:
    hf = tokenizers.Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    hf.enable_truncation(max_length=3)
    hf.enable_padding(length=50)
    hf.save(str(tmp_path / "tokenizer.json"))
    loaded = _load(tmp_path, engine=engine)
    assert _ids(loaded, texts(5)) == reference_ids(tokenizer, texts(5), append_eod=False)
    assert loaded.reference(texts(1)[0]) == reference_ids(tokenizer, texts(1), append_eod=False)[0]


def test_bos_is_added_on_request_only(tokenizer: Path, tmp_path: Path) -> None:
    hf = tokenizers.Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    hf.post_processor = tokenizers.processors.TemplateProcessing(single=f"{EOD} $A", special_tokens=[(EOD, 0)])
    hf.save(str(tmp_path / "tokenizer.json"))
    plain = _ids(_load(tmp_path), ["patient"])[0]
    for engine in ("auto", "hf"):
        assert _ids(_load(tmp_path, engine=engine, add_special_tokens=True), ["patient"])[0] == [0, *plain]


def test_a_tokenizer_that_fastokens_does_not_support_goes_to_hf(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hf = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "patient": 1, "a": 2}, unk_token="[UNK]"))
    hf.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    hf.save(str(tmp_path / "tokenizer.json"))
    loaded = _load(tmp_path)
    assert not loaded.checked and "fastokens" in loaded.engine
    assert "HF tokenizers" in caplog.text
    assert _ids(loaded, ["a patient", "b"]) == [[2, 1], [0]]


class Panic(BaseException):
    """As pyo3's PanicException: no Exception."""


def _replace_fastokens(monkeypatch: pytest.MonkeyPatch, change: Callable[[list[str]], list[str]]) -> None:
    """Let fastokens see changed texts."""
    import fastokens

    class Changed:
        def __init__(self, text: str) -> None:
            self.right = real.from_json_str(text)

        from_json_str = classmethod(lambda cls, text: cls(text))

        def no_truncation(self) -> None: ...

        def no_padding(self) -> None: ...

        def encode_batch_flat(self, batch: list[str], *flags: bool) -> tuple[bytes, bytes]:
            return self.right.encode_batch_flat(change(batch), *flags)

    real = fastokens.Tokenizer
    monkeypatch.setattr(fastokens, "Tokenizer", Changed)


def test_a_fastokens_that_errs_is_noticed_on_hard_texts(tokenizer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _replace_fastokens(monkeypatch, lambda batch: [text.replace("\u3000", " ") for text in batch])
    loaded = _load(tokenizer)
    assert not loaded.checked and "other ids" in loaded.engine
    assert _ids(loaded, texts(3)) == reference_ids(tokenizer, texts(3), append_eod=False)


def test_a_batch_that_fastokens_refuses_goes_to_hf(tokenizer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(batch: list[str]) -> list[str]:
        if batch == ["boom"]:
            raise Panic
        return batch

    _replace_fastokens(monkeypatch, change)
    loaded = _load(tokenizer)
    assert loaded.checked
    assert _ids(loaded, ["boom"]) == reference_ids(tokenizer, ["boom"], append_eod=False)


def test_a_panic_of_fastokens_while_loading_is_a_reason_to_use_hf(
    tokenizer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(batch: list[str]) -> list[str]:
        raise Panic("at the disco")

    _replace_fastokens(monkeypatch, change)
    assert "at the disco" in _load(tokenizer).engine


def _eod(folder: Path, token: str | None = None) -> tuple[str | None, int | None]:
    file = read_tokenizer_file(str(folder))
    loaded = load_tokenizer(file, threads=2, append_eod=True, eod_token=token, engine="hf")
    return loaded.eod_token, loaded.eod_id


def test_the_end_of_document_token_is_searched_in_order(tokenizer: Path, tmp_path: Path) -> None:
    shutil.copy(tokenizer / "tokenizer.json", tmp_path)
    assert _eod(tmp_path) == (EOD, 0)  # by its usual name
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"eos_token": {"content": "a"}}))
    assert _eod(tmp_path)[0] == "a"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": "b"}))
    assert _eod(tmp_path)[0] == "b"
    assert _eod(tmp_path, "c")[0] == "c"
    with pytest.raises(UserError, match="--eod-token '<none>'"):
        _eod(tmp_path, "<none>")


def test_a_tokenizer_without_an_end_of_document_token_is_refused(tmp_path: Path) -> None:
    hf = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    hf.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<gone>"}))
    with pytest.raises(UserError, match=r"tokenizer_config.json names '<gone>'.*</s>.*--eod-token"):
        _eod(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"not json", b"\xff\xfe", b"\x1f\x8bbroken", b'{"model": 5}'])
def test_a_tokenizer_that_is_missing_or_broken_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(UserError, match=r"--tokenizer .*tokenizer\.json"):
        _load(tmp_path)
    with pytest.raises(UserError, match=r"--tokenizer .*nowhere"):
        _load(tmp_path / "nowhere")
