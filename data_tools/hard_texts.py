"""Texts that told implementations of tokenizers apart: in general, and made of the tokens of one tokenizer."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import chain, product
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import tokenizers

# Blanks, digits, contractions, marks to be composed, emoji, scripts.
GENERAL = [
    "", " ", "\n\n \t a  b", "I'll they'RE 'S don't", "x1234567890 3.14e-10 ½ ٣", "e\u0301 \u1100\u1161 ﬁ Å",
    "患者，男，55岁。\u3000头痛3天", "👩‍⚕️🧬\ufe0f", "na\u00efve  \u00a0\u200b\ufeff\u2028x", "\u0000\u0007\x7f",
    "a" * 300, "<s>[INST]<|endoftext|> <|im_start|>user\n", "mg/kg\r\n\r\n----====####",
    "नमस्ते مرحبا שלום สวัสดี", "\U0010ffff",
]  # fmt: skip
BYTE_TOKEN = re.compile(r"<0x[0-9A-F]{2}>")
_FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")
_AROUND = ("{}", "a{}b", " {} ", "a {} b", "a  {}\n", "({})", "1{}_", "\u3000{}\t", "{0}{0}", "\u00e9{}\u00e9", "患{}者")


def texts_of(tokenizer: "tokenizers.Tokenizer") -> list[str]:
    """Every added token and every byte token, alone, glued to letters and spaced, in either case and each form of Unicode;
    and each kind of added token beside each other kind."""
    added = list(tokenizer.get_added_tokens_decoder().values())
    of_bytes = [token for token in tokenizer.get_vocab(with_added_tokens=False) if BYTE_TOKEN.fullmatch(token)]
    spelt = chain.from_iterable(map(_spellings, [*(token.content for token in added), *of_bytes]))
    alone = (around.format(token) for token, around in product(spelt, _AROUND))
    kinds = [*_one_of_each_kind(added), *of_bytes[:1]]
    pairs = (f"{first}{between}{second}" for first, second, between in product(kinds, kinds, ("", " ")))
    return list(dict.fromkeys(chain(alone, pairs)))


def _spellings(token: str) -> set[str]:
    cases = {token, token.upper(), token.lower(), token.title()}
    return {unicodedata.normalize(form, case) for case in cases for form in _FORMS} | cases


def _one_of_each_kind(added: "Iterable[tokenizers.AddedToken]") -> list[str]:
    """What follows a token is cut off before it is looked at, or is not, as the kinds of both have it."""
    kinds = {
        (token.special, token.normalized, token.single_word, token.lstrip, token.rstrip): token.content for token in added
    }
    return list(kinds.values())
