"""Texts to flat arrays of token ids: fastokens where it supports the tokenizer, HF tokenizers where it does not."""

import gzip
import hashlib
import json
import logging
import os
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data_tools.document_end import NamedTokens, choose_document_end, read_named_tokens
from data_tools.hard_texts import BYTE_TOKEN, GENERAL, texts_of
from data_tools.records import TokenizerIdentity
from megatron_qm.data.tokenizer_identity import identity_of
from megatron_qm.errors import UserError

if TYPE_CHECKING:
    import tokenizers

log = logging.getLogger(__name__)

Encode = Callable[[list[str]], tuple[np.ndarray, np.ndarray]]

_FILE_NAMES = ("tokenizer.json", "tokenizer.json.gz")


@dataclass(frozen=True)
class TokenizerFile:
    """A tokenizer.json and what lies beside it. `sha256` is that of the unpacked JSON."""

    path: Path
    text: str
    sha256: str
    named: NamedTokens


@dataclass(frozen=True)
class Tokenizer:
    """`encode(texts)`: (ids, uint32 [tokens]; offsets, int64 [texts + 1]); `reference`: HF's ids of one text."""

    encode: Encode
    reference: Callable[[str], list[int]]
    engine: str  # "fastokens", or "tokenizers (why)"
    vocab_size: int
    largest_id: int
    eod_id: int | None
    eod_token: str | None
    file: TokenizerFile

    @property
    def checked(self) -> bool:
        """Whether `encode` is another implementation than `reference`."""
        return self.engine == "fastokens"

    def identity(self) -> TokenizerIdentity:
        """What must be equal for two sets of ids to mean the same."""
        return {
            "file": self.file.path.name.removesuffix(".gz"),
            "sha256": self.file.sha256,
            "ids": identity_of(self.file.text.encode()).ids,
            "vocab_size": self.vocab_size,
            "eod_token": self.eod_token,
            "eod_id": self.eod_id,
        }


def read_tokenizer_file(path: str) -> TokenizerFile:
    """Find tokenizer.json (or .json.gz) at `path`, a file or a folder. Raises UserError naming what is missing."""
    file = Path(path)
    if file.is_dir():
        found = [file / name for name in _FILE_NAMES if (file / name).is_file()]
        if not found:
            raise UserError(
                f"--tokenizer {path}: no {' or '.join(_FILE_NAMES)} in this folder; transformers writes one: "
                "AutoTokenizer.from_pretrained(...).save_pretrained(FOLDER)"
            )
        file = found[0]
    if not file.is_file():
        raise UserError(f"--tokenizer {path}: no such file or folder (nothing is downloaded)")
    data = _unpacked(file)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise UserError(f"--tokenizer {file}: not UTF-8, so no tokenizer.json: {error}") from None
    return TokenizerFile(file, text, hashlib.sha256(data).hexdigest(), read_named_tokens(file.parent))


def load_tokenizer(
    file: TokenizerFile,
    threads: int,
    append_eod: bool,
    eod_token: str | None = None,
    engine: str = "auto",
    add_special_tokens: bool = False,
    split_special_tokens: bool = False,
) -> Tokenizer:
    """Load both implementations and choose. Raises UserError for a broken file or an end-of-document token it lacks.

    `threads` is how many threads either implementation uses; only the first call of a process sets it.
    """
    os.environ["RAYON_NUM_THREADS"] = str(threads)  # read by the Rust side of both when they first start threads
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    with ThreadPoolExecutor(1) as pool:
        reference_loading = pool.submit(_load_reference, file, split_special_tokens)
        fast, reason = None, "asked for with --engine hf"
        if engine == "auto":
            fast, reason = _load_fast(file, add_special_tokens, split_special_tokens)
        hf = reference_loading.result()

    def reference(text: str) -> list[int]:
        return hf.encode(text, add_special_tokens=add_special_tokens).ids

    slow = _hf_encode(hf, add_special_tokens)
    if fast is not None and (reason := _distrust(file, hf, fast, slow)):
        fast = None
    if fast is None:
        log.warning("tokenising with HF tokenizers, which is slower: %s", reason)
    vocabulary = hf.get_vocab(with_added_tokens=True)
    token = choose_document_end(file.path, file.named, hf, eod_token) if append_eod else None
    return Tokenizer(
        encode=_with_fallback(fast, slow) if fast else slow,
        reference=reference,
        engine="fastokens" if fast else f"tokenizers ({reason})",
        vocab_size=len(vocabulary),
        largest_id=max(vocabulary.values(), default=0),
        eod_id=hf.token_to_id(token) if token else None,
        eod_token=token,
        file=file,
    )


def _load_reference(file: TokenizerFile, split_special_tokens: bool) -> "tokenizers.Tokenizer":
    import tokenizers

    try:
        hf = tokenizers.Tokenizer.from_str(file.text)
    except Exception as error:  # the library raises bare Exception
        raise UserError(f"--tokenizer {file.path}: not a tokenizer.json that HF tokenizers reads: {error}") from None
    # A tokenizer saved with truncation or padding on would cut documents or fill them.
    hf.no_truncation()
    hf.no_padding()
    hf.encode_special_tokens = split_special_tokens
    return hf


def _load_fast(file: TokenizerFile, add_special_tokens: bool, split_special_tokens: bool) -> tuple[Encode | None, str]:
    """(encode, "") or (None, why fastokens cannot be used)."""
    try:
        import fastokens

        fast = fastokens.Tokenizer.from_json_str(file.text)
        fast.no_truncation()
        fast.no_padding()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic on the Rust side is no Exception
        return None, f"fastokens does not support this tokenizer: {error}"

    def encode(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        ids, offsets = fast.encode_batch_flat(texts, add_special_tokens, split_special_tokens)
        return np.frombuffer(ids, "<u4"), np.frombuffer(offsets, "<i8")

    return encode, ""


def _hf_encode(hf: "tokenizers.Tokenizer", add_special_tokens: bool) -> Encode:
    def encode(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        encodings = hf.encode_batch_fast(texts, add_special_tokens=add_special_tokens)
        arrays = [np.array(encoding.ids, "<u4") for encoding in encodings]
        offsets = np.zeros(len(arrays) + 1, "<i8")
        np.cumsum([len(array) for array in arrays], out=offsets[1:])
        return (np.concatenate(arrays) if arrays else np.empty(0, "<u4")), offsets

    return encode


def _with_fallback(fast: Encode, slow: Encode) -> Encode:
    """`fast`, and `slow` for the rare batch that it refuses (a regex that gives up, say): both give the same ids."""

    def encode(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        try:
            return fast(texts)
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException as error:  # a panic on the Rust side is no Exception
            log.warning("fastokens gave up on a batch (%s): HF tokenizers takes it", error)
            return slow(texts)

    return encode


def _distrust(file: TokenizerFile, hf: "tokenizers.Tokenizer", fast: Encode, slow: Encode) -> str:
    """Why fastokens is not taken for this tokenizer; "" if it is."""
    return _other_ids(file, hf) or _joined_byte(hf) or _first_difference(fast, slow, [*GENERAL, *texts_of(hf)])


def _other_ids(file: TokenizerFile, hf: "tokenizers.Tokenizer") -> str:
    """Where the file states another id for an added token than HF gives it; "" where it does not."""
    tree = json.loads(file.text)
    for token in tree.get("added_tokens") or ():
        assigned = hf.token_to_id(token["content"])
        if assigned != token["id"]:
            return f"the file states id {token['id']} for {token['content']!r}, and HF tokenizers gives it {assigned}"
    return ""


def _joined_byte(hf: "tokenizers.Tokenizer") -> str:
    """Where a token is a byte token joined with something: HF merges those with bytes of other characters, fastokens not."""
    vocabulary = hf.get_vocab(with_added_tokens=False)
    joined = next((token for token in vocabulary if BYTE_TOKEN.search(token) and not BYTE_TOKEN.fullmatch(token)), None)
    return "" if joined is None else f"the vocabulary joins a byte token with more in {joined!r}"


def _first_difference(fast: Encode, slow: Encode, texts: list[str]) -> str:
    """Why fastokens is not to be trusted with this tokenizer, found on hard texts; "" if all are equal."""
    try:
        ids, offsets = fast(texts)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic on the Rust side is no Exception
        return f"fastokens fails with this tokenizer: {error}"
    expected, expected_offsets = slow(texts)
    if np.array_equal(offsets, expected_offsets) and np.array_equal(ids, expected):
        return ""
    pieces = zip(texts, np.split(ids, offsets[1:-1]), np.split(expected, expected_offsets[1:-1]), strict=True)
    text = next(text for text, found, right in pieces if not np.array_equal(found, right))
    return f"fastokens gives other ids with this tokenizer, for example for {text!r}"


def _unpacked(file: Path) -> bytes:
    try:
        data = file.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"--tokenizer {file}: cannot be read: {error}") from None


