"""A small tokenizer and small corpora for the tests of preprocessing, made on the spot."""

import bz2
import gzip
import json
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tokenizers
import zstandard

from data_tools.options import Options
from data_tools.pipeline import preprocess
from data_tools.stopping import StopRequest

EOD = "<|endoftext|>"
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": lambda data: bz2.compress(data, 1),  # blocks of 100 kB
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}
WORDS = ["patient", "患者", "男", "55岁", "metformin", "500 mg", "na\u00efve", "e\u0301", "🧬", "I'll", "\n", "  ", "5"]


def texts(count: int, seed: int = 0) -> list[str]:
    """Documents of 1 to 40 words, no two runs different."""
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=chance.randint(1, 40))) + f" #{number}" for number in range(count)]


def write_tokenizer(folder: Path, vocabulary: int = 400) -> Path:
    """A byte-level BPE with one special token, in the way of GPT-2 and Qwen; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.normalizer = tokenizers.normalizers.NFC()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[EOD],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(300, seed=9), trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": EOD}))
    return folder


def json_lines(documents: list[str], key: str = "text") -> bytes:
    return b"".join(json.dumps({"id": 1, key: text}, ensure_ascii=False).encode() + b"\n" for text in documents)


def write_file(path: Path, data: bytes) -> Path:
    """Compressed as the name says."""
    data = COMPRESS[path.suffix](data) if path.suffix in COMPRESS else data
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def reference_ids(folder: Path, documents: list[str], append_eod: bool = True) -> list[list[int]]:
    """What HF tokenizers gives, one text at a time."""
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    end = [tokenizer.token_to_id(EOD)] if append_eod else []
    return [tokenizer.encode(text, add_special_tokens=False).ids + end for text in documents]


def megatron_bytes(ids: list[list[int]], dtype: type, folder: Path) -> tuple[bytes, bytes]:
    """(.bin, .idx) as Megatron's own builder writes them."""
    import torch
    from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder

    folder.mkdir(parents=True, exist_ok=True)
    builder = IndexedDatasetBuilder(str(folder / "megatron.bin"), dtype)
    for document in ids:
        builder.add_item(torch.tensor(document, dtype=torch.int64))
        builder.end_document()
    builder.finalize(str(folder / "megatron.idx"))
    return (folder / "megatron.bin").read_bytes(), (folder / "megatron.idx").read_bytes()


def run(tokenizer: Path, inputs: list[Path] | Path, prefix: Path, **options: object) -> dict[str, bytes]:
    """Preprocess in this process; returns the contents of the four files."""
    files = [str(path) for path in (inputs if isinstance(inputs, list) else [inputs])]
    values = {"workers": 2, "append_eod": True, "block_bytes": 4096, **options}
    preprocess(Options(input=files, output_prefix=str(prefix), tokenizer=str(tokenizer), **values), StopRequest())
    return contents(prefix)


def contents(prefix: Path) -> dict[str, bytes]:
    return {kind: Path(f"{prefix}.{kind}").read_bytes() for kind in ("bin", "idx", "json", "rejects")}


def rejects(data: bytes) -> list[tuple[str, int, str]]:
    """(name of the file, line, reason) of a rejects file."""
    rows = [json.loads(line) for line in data.splitlines()]
    return [(Path(row["file"]).name, row["line"], row["reason"]) for row in rows]


def tokens(data: dict[str, bytes]) -> np.ndarray:
    manifest = json.loads(data["json"])
    return np.frombuffer(data["bin"], manifest["dtype"])


def write_parquet(path: Path, documents: list, column: str = "text") -> None:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    parquet.write_table(arrow.table({"n": range(len(documents)), column: documents}), path, row_group_size=37)
