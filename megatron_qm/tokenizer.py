"""The tokenizer between text and token ids: a folder of the Hugging Face kind."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

from megatron_qm.errors import UserError


class HfTokenizer(Protocol):
    """What is used of transformers' fast tokenizers."""

    @property
    def eos_token(self) -> str | None: ...

    @property
    def eos_token_id(self) -> int | None: ...

    @property
    def unk_token_id(self) -> int | None: ...

    @property
    def all_special_ids(self) -> list[int]: ...

    @property
    def added_tokens_decoder(self) -> Mapping[int, object]: ...

    @property
    def chat_template(self) -> object: ...

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool, clean_up_tokenization_spaces: bool = ...) -> str: ...

    def convert_tokens_to_ids(self, tokens: str) -> int | None: ...

    def apply_chat_template(
        self, conversation: Sequence[Mapping[str, object]], *, tokenize: bool, add_generation_prompt: bool = ..., **given: object
    ) -> str: ...

    def __call__(
        self, text: str, *, add_special_tokens: bool, return_offsets_mapping: bool
    ) -> Mapping[str, Sequence[object]]: ...


def load_tokenizer(source: Path) -> HfTokenizer:
    """transformers' fast tokenizer of a folder, or of a tokenizer.json. Raises UserError where it cannot be loaded."""
    from transformers import PreTrainedTokenizerFast

    try:
        if (source / "tokenizer_config.json").is_file():
            return pretrained(source)
        file = source / "tokenizer.json" if source.is_dir() else source
        return _as_used(PreTrainedTokenizerFast(tokenizer_file=str(file)))
    except Exception as error:  # transformers and tokenizers raise many kinds for a folder that is not one
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise UserError(f"{source}: cannot load this tokenizer: {reason}") from None


def pretrained(folder: Path) -> HfTokenizer:
    """What a folder names, without asking the network and without code that it brings. Raises whatever transformers does."""
    from transformers import AutoTokenizer

    return _as_used(AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True))


def _as_used(tokenizer: object) -> HfTokenizer:
    return cast(HfTokenizer, tokenizer)  # transformers' own hints join what is returned for one text and for many


class TextTokenizer:
    """A tokenizer's folder (or its tokenizer.json), as transformers reads it. Raises UserError where it cannot."""

    def __init__(self, source: Path) -> None:
        self._tokenizer = load_tokenizer(source)

    @property
    def end(self) -> int | None:
        return self._tokenizer.eos_token_id

    @property
    def chats(self) -> bool:
        """Whether it has a chat template."""
        return bool(self._tokenizer.chat_template)

    @property
    def stops(self) -> tuple[int, ...]:
        """Tokens that end a response: the tokenizer's end, and what its chat template puts after an answer."""
        found = set() if self.end is None else {self.end}
        if self._tokenizer.chat_template:
            turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
            tail = self._tokenizer.apply_chat_template(turns, tokenize=False).rpartition("b")[2]
            after = self._tokenizer.encode(tail, add_special_tokens=False)
            if after and after[0] in self._tokenizer.all_special_ids + list(self._tokenizer.added_tokens_decoder):
                found.add(after[0])
        return tuple(sorted(found))

    def encode(self, prompt: str | Sequence[Mapping[str, object]]) -> list[int]:
        """Text as it is, without special tokens of the tokenizer's own; messages through the chat template."""
        if isinstance(prompt, str):
            return self._tokenizer.encode(prompt, add_special_tokens=False)
        text = self._tokenizer.apply_chat_template(prompt, add_generation_prompt=True, tokenize=False)
        return self._tokenizer.encode(text, add_special_tokens=False)

    def decode(self, tokens: Sequence[int], *, special: bool = True) -> str:
        """special: keep the special tokens' names in the text."""
        return self._tokenizer.decode(list(tokens), skip_special_tokens=not special)

    def token(self, text: str) -> int:
        """The id of a token by its text, or by its number. Raises UserError for text that is no single token."""
        if text.isdecimal():
            return int(text)
        token = self._tokenizer.convert_tokens_to_ids(text)
        if token is None or token == self._tokenizer.unk_token_id:
            raise UserError(f"--stop-token {text}: not a token of this tokenizer; for other text use --stop-string")
        return token
