"""Whatever a tokenizer is made of, the ids are those of HF tokenizers: fastokens' where they are the same, else HF's own."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from tokenizers import AddedToken, models, normalizers, pre_tokenizers, trainers

from data_tools.hard_texts import texts_of
from data_tools.tokenizer import Tokenizer, load_tokenizer, read_tokenizer_file
from megatron_qm.errors import UserError
from tests.data_tools.raw_texts import json_lines, run, write_file

PIECES = [
    "the", "patient", "fever", "Fever", "FEVER", "Caf\u00e9", "Cafe\u0301", "患者", "男", "55岁", "I'll", "don't", "Straße", "ﬁ",
    "İ", "½", "ＦＵＬＬ", "<0x41>", "<0x4f>", "<0xE6>", "<0X0A>", "<", ">", "0x41", "▁", "_", "-", " ", "  ", "\n", "\t",
    "\u3000", "1", "39", "\u0301", "🧬", "👩‍⚕️", "\u200b", "\0", "[UNK]", "<unk>", "s", "cat", "A_b",
]  # fmt: skip
FLAGS = ("special", "normalized", "single_word", "lstrip", "rstrip")
STEMS = ["Fever", "cat", "Ünïk", "x<y", "12", "患者", "A_b", "ﬁx", "Straße", "<|eot|>", "[R]"]


def _corpus(chance: random.Random) -> list[str]:
    return [" ".join(chance.choices(PIECES, k=12)) for _ in range(200)]


def _byte_level(chance: random.Random) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.normalizer = chance.choice([None, normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(_corpus(chance), trainer)
    return tokenizer


def _byte_fallback(chance: random.Random, without: str = "", learnt: str = "") -> tokenizers.Tokenizer:
    """As Llama's; the characters of `without` stand for their bytes. It learns from text without "<", and `learnt`."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    alphabet = [chr(code) for code in range(33, 127) if chr(code) not in without]
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>", "<s>", "</s>"], initial_alphabet=alphabet,
                                  limit_alphabet=len(alphabet), show_progress=False)  # fmt: skip
    texts = [f"{text.replace('<', '')} {learnt}" for text in _corpus(chance)]
    tokenizer.train_from_iterator(texts, trainer)
    tree = json.loads(tokenizer.to_str())
    vocabulary = tree["model"]["vocab"]
    for byte in range(256):
        vocabulary.setdefault(f"<0x{byte:02X}>", len(vocabulary))
    tree["model"].update(byte_fallback=True, unk_token="<unk>", fuse_unk=True)
    return tokenizers.Tokenizer.from_str(json.dumps(tree))


def _byte_fallback_without_brackets(chance: random.Random) -> tokenizers.Tokenizer:
    return _byte_fallback(chance, "<")


def _byte_fallback_with_joined_bytes(chance: random.Random) -> tokenizers.Tokenizer:
    return _byte_fallback(chance, learnt="1<0xE6> 39<0xE6>")


def _word_piece(chance: random.Random) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False)
    tokenizer.train_from_iterator(_corpus(chance), trainer)
    return tokenizer


def _unigram(chance: random.Random) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.Unigram())
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(_corpus(chance), trainer)
    return tokenizer


KINDS: list[Callable[[random.Random], tokenizers.Tokenizer]] = [
    _byte_level, _byte_fallback, _byte_fallback_without_brackets, _byte_fallback_with_joined_bytes, _word_piece,
    _unigram,
]  # fmt: skip


def _with_added(tokenizer: tokenizers.Tokenizer, chance: random.Random, share: float) -> list[str]:
    """A token of each flavour, of which there are 32, with a chance of `share`."""
    added = []
    for number in range(1 << len(FLAGS)):
        flags = {name: bool(number >> bit & 1) for bit, name in enumerate(FLAGS)}
        if chance.random() < share:
            content = f"{chance.choice(STEMS)}{number}"
            add = tokenizer.add_special_tokens if flags["special"] else tokenizer.add_tokens
            add([AddedToken(content, **flags)])
            added.append(content)
    return added


def _load(tokenizer: tokenizers.Tokenizer, folder: Path, **options: object) -> Tokenizer:
    tokenizer.save(str(folder / "tokenizer.json"))
    return load_tokenizer(read_tokenizer_file(str(folder)), threads=2, append_eod=False, **options)


def _nasty_texts(chance: random.Random, added: list[str], count: int) -> list[str]:
    pieces = [*PIECES, *added * 3, *(token.upper() for token in added), *(token.lower() for token in added)]
    between = ["", "", " "]
    return ["".join(chance.choice(pieces) + chance.choice(between) for _ in range(chance.randint(1, 9))) for _ in range(count)]


def _check(folder: Path, make: Callable[[random.Random], tokenizers.Tokenizer], seed: object, share: float, count: int) -> str:
    """Raises AssertionError at a text with other ids than HF's; the engine that was taken."""
    chance = random.Random(f"{make.__name__} {seed}")
    hf = make(chance)
    added = _with_added(hf, chance, share)
    loaded = _load(hf, folder)
    texts = _nasty_texts(chance, added, count)
    ids, offsets = loaded.encode(texts)
    for text, start, end in zip(texts, offsets[:-1], offsets[1:], strict=True):
        assert ids[start:end].tolist() == hf.encode(text, add_special_tokens=False).ids, f"{text!r} by {loaded.engine}"
    assert not len(ids) or ids.max() <= loaded.largest_id
    return loaded.engine


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__.strip("_"))
def test_ids_are_hfs_with_added_tokens_of_any_flavour(tmp_path: Path, make: Callable, seed: int) -> None:
    _check(tmp_path, make, seed, share=(0.0, 0.1, 0.5)[seed], count=1000)


@pytest.mark.slow
@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__.strip("_"))
def test_ids_are_hfs_on_twenty_thousand_texts(tmp_path: Path, make: Callable) -> None:
    for seed in range(100, 120):
        _check(tmp_path, make, seed, share=seed % 5 / 5, count=1000)


@pytest.mark.parametrize("make", [_byte_level, _byte_fallback], ids=["byte_level", "byte_fallback"])
def test_fastokens_is_taken_where_nothing_speaks_against_it(tmp_path: Path, make: Callable) -> None:
    assert _check(tmp_path, make, "fast", share=0, count=200) == "fastokens"


def test_every_token_of_the_file_stands_in_a_text(tmp_path: Path) -> None:
    chance = random.Random(1)
    hf = _byte_fallback(chance)
    tokens = [*_with_added(hf, chance, 0.5), *(f"<0x{byte:02X}>" for byte in range(256))]
    texts = set(texts_of(hf))
    for token in tokens:
        assert {token, f"a{token}b", f" {token} ", f"a{token.upper()}b", f" {token.lower()} "} <= texts


def _with_stated_id(folder: Path, stated: int) -> Path:
    """A byte-level tokenizer of 300 entries whose added token says that it is number `stated`."""
    hf = _byte_level(random.Random(2))
    hf.add_tokens([AddedToken("extra", normalized=False)])
    tree = json.loads(hf.to_str())
    tree["added_tokens"][0]["id"] = stated
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(tree))
    return folder


def test_an_added_token_with_a_stated_id_gets_the_id_that_hf_gives_it(tmp_path: Path) -> None:
    folder = _with_stated_id(tmp_path / "tokenizer", 70_000)
    hf = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    loaded = load_tokenizer(read_tokenizer_file(str(folder)), threads=1, append_eod=False)
    assert not loaded.checked and "states id 70000 for 'extra'" in loaded.engine
    written = run(folder, write_file(tmp_path / "a.jsonl", json_lines(["an extra one"])), tmp_path / "set", append_eod=False)
    assert np.frombuffer(written["bin"], np.uint16).tolist() == hf.encode("an extra one").ids


def test_an_id_above_the_largest_is_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the comparison at the start to miss it."""
    from data_tools import tokenizer as module

    monkeypatch.setattr(module, "_other_ids", lambda *_: "")
    monkeypatch.setattr(module, "_first_difference", lambda *_: "")
    folder = _with_stated_id(tmp_path / "tokenizer", 70_000)
    path = write_file(tmp_path / "a.jsonl", json_lines(["one", "an extra one"]))
    with pytest.raises(UserError, match=r"a\.jsonl, line 2: the tokenizer gave the id 70000, and its largest is \d+"):
        run(folder, path, tmp_path / "set", append_eod=False)
    assert not (tmp_path / "set.bin").exists()
