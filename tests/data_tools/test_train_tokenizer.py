"""The tokenizer that the quickstart trains: deterministic, lossless, and the same in three libraries."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = ["The ICD-10 code of Asthma is J45.909.", "治疗哮喘常用沙丁胺醇。", "it's 12 o'clock\n\n  ok", "naïve café 🩺\t!"] * 20
NEW = ["Asthma 哮喘 🫀 é e\u0301", "", "  spaces   ", "<|endoftext|> is special", "\r\n\r\n", "½ 10⁻³ ＡＢＣ"]


def train(output: Path, source: Path, size: int = 400) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "data_tools" / "train_tokenizer.py"), "--input", str(source),
               "--vocab-size", str(size), "--output", str(output)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("tokenizer")
    (base / "in.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in TEXTS), encoding="utf-8")
    done = train(base / "out", base / "in.jsonl")
    assert done.returncode == 0, done.stderr
    return base


def test_training_twice_gives_the_same_file(folder: Path) -> None:
    assert train(folder / "again", folder / "in.jsonl").returncode == 0
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (folder / "again" / name).read_bytes() == (folder / "out" / name).read_bytes()


def test_transformers_loads_it_with_its_special_tokens_and_template(folder: Path) -> None:
    import unicodedata

    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder / "out")
    assert (tokenizer.eos_token, tokenizer.eos_token_id) == ("<|endoftext|>", 0)
    assert 259 < len(tokenizer) <= 400
    for text in [*TEXTS[:4], *NEW]:
        assert tokenizer.decode(tokenizer(text).input_ids) == unicodedata.normalize("NFC", text)
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False, add_generation_prompt=True)
    assert chat == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"


def test_fastokens_gives_the_same_ids(folder: Path) -> None:
    import fastokens
    from tokenizers import Tokenizer

    slow = Tokenizer.from_file(str(folder / "out" / "tokenizer.json"))
    fast = fastokens.Tokenizer.from_file(str(folder / "out" / "tokenizer.json"))
    for text in [*TEXTS[:4], *NEW]:
        ids = fast.encode(text)
        assert list(getattr(ids, "ids", ids)) == slow.encode(text, add_special_tokens=False).ids, text


@pytest.mark.parametrize(("line", "said"), [('{"txt": "a"}', "in.jsonl:1"), ("{broken", "in.jsonl:1")])
def test_a_bad_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "in.jsonl").write_text(line)
    done = train(tmp_path / "out", tmp_path / "in.jsonl")
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_missing_input_and_tiny_vocabulary_are_refused(tmp_path: Path) -> None:
    done = train(tmp_path / "out", tmp_path / "nothing.jsonl")
    assert done.returncode == 2 and "no such file" in done.stderr
    assert "at least 259" in train(tmp_path / "out", tmp_path / "nothing.jsonl", size=100).stderr


def test_compressed_and_plain_inputs_give_the_same_tokenizer(folder: Path, tmp_path: Path) -> None:
    import gzip

    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress((folder / "in.jsonl").read_bytes()))
    assert train(tmp_path / "out", tmp_path / "in.jsonl.gz").returncode == 0
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == (folder / "out" / "tokenizer.json").read_bytes()


@pytest.mark.parametrize(("content", "said"), [('{"text": 3}\n', "in.jsonl:1"), ('{"text": "\\ud800"}\n', "in.jsonl:1"),
                                               ("\n\n", "no text"), ("", "no text")])
def test_what_holds_no_text_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "in.jsonl").write_text(content)
    done = train(tmp_path / "out", tmp_path / "in.jsonl")
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [0, -1, 10**23])
def test_a_size_out_of_range_is_refused(folder: Path, tmp_path: Path, size: int) -> None:
    done = train(tmp_path / "new/out", folder / "in.jsonl", size)
    assert done.returncode == 2 and done.stderr.startswith(f"error: --vocab-size {size}: at ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["/dev/null/x", "file", "loop/x"])
def test_a_place_that_cannot_be_written_is_told_before_any_text_is_read(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    there = sorted(tmp_path.iterdir())
    done = train(tmp_path / place, tmp_path / "no input is looked for")
    assert done.returncode == 2 and "--output" in done.stderr and "cannot be written" in done.stderr
    assert sorted(tmp_path.iterdir()) == there


def test_a_damaged_input_is_refused(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(json.dumps({"text": "a b"}).encode() * 100)[:-2])
    done = train(tmp_path / "out", tmp_path / "in.jsonl.gz")
    assert done.returncode == 2 and "in.jsonl.gz is damaged at byte" in done.stderr
    assert not (tmp_path / "out").exists()
