"""The text of an answer: whole, and as it grows."""

import threading
from collections.abc import Mapping, Sequence

from megatron_qm.errors import UserError
from megatron_qm.tokenizer import TextTokenizer

# What transformers takes a space out of, where a tokenizer says so: a text that ends within one of these may yet change.
_CLEANED = (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're")
_BROKEN = "\N{REPLACEMENT CHARACTER}"  # what a part of a character decodes to


class SharedTokenizer:
    """A tokenizer for threads: transformers' own changes its settings at every text, and fails where two do so at once."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self._tokenizer, self._lock = tokenizer, threading.Lock()
        self.chats, self.stops = tokenizer.chats, tokenizer.stops
        self.byte_tokens = frozenset(byte_tokens(tokenizer))

    def encode(self, prompt: str | list[dict[str, str]], *, arguments: Mapping[str, object] | None = None) -> list[int]:
        with self._lock:
            return self._tokenizer.encode(prompt, arguments=arguments)

    def decode(self, tokens: Sequence[int], *, special: bool = True) -> str:
        with self._lock:
            return self._tokenizer.decode(tokens, special=special)

    def text(self, tokens: Sequence[int], stops: Sequence[str]) -> str:
        """An answer as the model wrote it, without the tokens that end it, up to a stop string."""
        with self._lock:
            return _cut(self._tokenizer.written(tokens), stops)


def byte_tokens(tokenizer: TextTokenizer) -> list[int]:
    """Tokens of single bytes (byte fallback): several of them write one character, and one bad byte spoils its neighbours."""
    found = []
    for byte in range(256):
        try:
            found.append(tokenizer.token(f"<0x{byte:02X}>"))
        except UserError:
            continue
    return found


class Growing:
    """Pieces of an answer that put together are its whole text: none ends within a character, nor shows a part of a stop
    string."""

    def __init__(self, tokenizer: SharedTokenizer, stops: Sequence[str]) -> None:
        self._tokenizer, self._stops = tokenizer, stops
        self._given = 0

    def more(self, tokens: Sequence[int], *, ended: bool) -> str:
        """What can be said after `tokens`, all that there are so far, and was not said before."""
        text = self._tokenizer.text(tokens, self._stops) if ended else self._certain(tokens)
        piece = text[self._given :]
        self._given += len(piece)
        return piece

    def _certain(self, tokens: Sequence[int]) -> str:
        settled = len(tokens)
        while settled and tokens[settled - 1] in self._tokenizer.byte_tokens:
            settled -= 1
        text = self._tokenizer.text(tokens[:settled], self._stops).rstrip(_BROKEN)
        return text[: len(text) - max(_overlap(text, string) for string in (*self._stops, *_CLEANED))]


def _overlap(text: str, string: str) -> int:
    """How many letters at the end of `text` may be the beginning of `string`."""
    return next((size for size in range(min(len(string) - 1, len(text)), 0, -1) if text.endswith(string[:size])), 0)


def _cut(text: str, stops: Sequence[str]) -> str:
    """The API leaves the stop string itself out."""
    return text[: min((at for stop in stops if (at := text.find(stop)) >= 0), default=len(text))]
