"""Pieces of an answer put together are the answer, and none shows what may yet change."""

import random
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from megatron_qm.serving.text import Growing, SharedTokenizer
from megatron_qm.tokenizer import TextTokenizer

TEXTS = ["The patient doesn't sleep , he said .", "患者说：头痛。发热🤒咳嗽", "it's 37.2 °C; naïve café",
         "I 've no pain ! STOP now"] * 5


def byte_level() -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    made.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                                        show_progress=False))
    return made


def byte_fallback() -> Tokenizer:
    """As SentencePiece's: a space is an underline of its own, what is not known is written in bytes."""
    vocabulary = {f"<0x{byte:02X}>": byte for byte in range(256)}
    for piece in ("▁", *"abcdefghinoprstuw", "患", "▁p", "'", ",", "."):
        vocabulary[piece] = len(vocabulary)
    made = Tokenizer(models.BPE(vocabulary, [("▁", "p")], byte_fallback=True, unk_token=None))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                      decoders.Strip(" ", 1, 0)])
    return made


def word_piece() -> Tokenizer:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.pre_tokenizer, made.decoder = pre_tokenizers.Whitespace(), decoders.WordPiece()
    made.train_from_iterator(TEXTS, trainers.WordPieceTrainer(vocab_size=200, special_tokens=["[UNK]"], show_progress=False))
    return made


def unigram() -> Tokenizer:
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    made.train_from_iterator(TEXTS, trainers.UnigramTrainer(vocab_size=120, unk_token="<unk>", special_tokens=["<unk>"],
                                                            show_progress=False))
    return made


@pytest.fixture(params=[byte_level, byte_fallback, word_piece, unigram], ids=lambda make: make.__name__)
def tokenizer(request: pytest.FixtureRequest, tmp_path: Path) -> SharedTokenizer:
    made = request.param()
    made.add_special_tokens([AddedToken("<|end|>", special=True)])
    made.save(str(tmp_path / "tokenizer.json"))
    return SharedTokenizer(TextTokenizer(tmp_path / "tokenizer.json"))


@pytest.mark.parametrize("stops", [(), ("STOP", "TOP!"), ("\n\n", "e", "t's")], ids=str)
def test_pieces_are_the_answer(tokenizer: SharedTokenizer, stops: tuple[str, ...]) -> None:
    draw = random.Random(0)
    ids = sorted({token for text in TEXTS for token in tokenizer.encode(text)} | tokenizer.byte_tokens)
    answers = [tokenizer.encode(text) for text in TEXTS[:4]]
    answers += [[draw.choice(ids) for _ in range(draw.randint(1, 40))] for _ in range(300)]
    for tokens in answers:
        cuts = sorted(draw.sample(range(len(tokens) + 1), min(len(tokens), draw.randint(1, 12))))
        growing = Growing(tokenizer, stops)
        pieces = [growing.more(tokens[:cut], ended=False) for cut in cuts] + [growing.more(tokens, ended=True)]
        whole = tokenizer.text(tokens, stops)
        assert "".join(pieces) == whole, (tokens, pieces)
        for stop in stops:
            assert stop not in "".join(pieces)


def test_nothing_is_held_back_without_a_reason(tokenizer: SharedTokenizer) -> None:
    tokens = tokenizer.encode("abcde fghi")
    growing = Growing(tokenizer, ())
    assert growing.more(tokens, ended=False) == tokenizer.text(tokens, ())


@pytest.mark.parametrize(("so_far", "shown"), [
    ("so", "so"), ("so ST", "so "), ("so STO", "so "), ("so STx", "so STx"), ("so STOPx", "so "),
])
def test_no_part_of_a_stop_string_is_shown(so_far: str, shown: str) -> None:
    class Letters:
        byte_tokens = frozenset()

        def text(self, tokens, stops):
            from megatron_qm.serving.text import _cut

            return _cut("".join(map(chr, tokens)), stops)

    assert Growing(Letters(), ("STOP",)).more([*map(ord, so_far)], ended=False).rstrip(" ") == shown.rstrip(" ")
