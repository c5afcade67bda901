"""What is used of transformers' fast tokenizers, and the one place that loads them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from megatron_qm.errors import UserError
from megatron_qm.tokenizer_files import CONFIG, check_files


class AddedToken(Protocol):
    """A token that is found in text before all others."""

    @property
    def special(self) -> bool: ...


class HfTokenizer(Protocol):
    """What is used of transformers' fast tokenizers."""

    @property
    def eos_token(self) -> str | None: ...

    @property
    def eos_token_id(self) -> int | None: ...

    @property
    def pad_token_id(self) -> int | None: ...

    @property
    def unk_token(self) -> str | None: ...

    @property
    def unk_token_id(self) -> int | None: ...

    @property
    def all_special_ids(self) -> list[int]: ...

    @property
    def added_tokens_decoder(self) -> Mapping[int, AddedToken]: ...

    @property
    def chat_template(self) -> object: ...

    def get_chat_template(self, chat_template: None = ..., tools: Sequence[Mapping[str, object]] | None = ...) -> str: ...

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool, clean_up_tokenization_spaces: bool = ...) -> str: ...

    def convert_tokens_to_ids(self, tokens: str) -> int | None: ...

    def apply_chat_template(
        self, conversation: Sequence[Mapping[str, object]], *, tokenize: bool, add_generation_prompt: bool = ..., **given: object
    ) -> str: ...

    def pad(
        self, encoded_inputs: Mapping[str, Sequence[Sequence[int]]], *, padding: str, max_length: int, padding_side: str,
        return_tensors: str,
    ) -> Mapping[str, Any]: ...

    def __call__(
        self, text: str, *, add_special_tokens: bool, return_offsets_mapping: bool
    ) -> Mapping[str, Sequence[object]]: ...


def load_tokenizer(source: Path) -> HfTokenizer:
    """transformers' fast tokenizer of a folder, or of a tokenizer.json. Raises UserError where it cannot be loaded."""
    from transformers import PreTrainedTokenizerFast

    check_files(source)
    try:
        if (source / CONFIG).is_file():
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
