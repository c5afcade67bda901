"""The tokenizer between text and token ids: a folder of the Hugging Face kind."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from megatron_qm.chat import ChatTemplate, Messages, TemplateError, Tools
from megatron_qm.config.run import RunConfig
from megatron_qm.errors import UserError
from megatron_qm.hf_tokenizer import HfTokenizer, load_tokenizer

__all__ = ["HfTokenizer", "TextTokenizer", "load_tokenizer"]


class TextTokenizer:
    """A tokenizer's folder (or its tokenizer.json), as transformers reads it. arguments: of its chat template. Raises UserError
    where it cannot be read, or its template reads no such argument."""

    def __init__(self, source: Path, arguments: Mapping[str, object] | None = None) -> None:
        self._tokenizer = load_tokenizer(source)
        try:
            self._template = ChatTemplate(self._tokenizer, arguments or {})
        except TemplateError as error:
            raise UserError(f"{source}: {error}") from None

    @classmethod
    def of_run(cls, config: RunConfig) -> "TextTokenizer":
        """That which a run names. Raises UserError where it names none."""
        if config.data.tokenizer is None:
            raise UserError("data.tokenizer is not set: name the folder of the model's tokenizer")
        return cls(Path(config.data.tokenizer), config.data.template_arguments)

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

    def encode(
        self, prompt: str | Messages, *, arguments: Mapping[str, object] | None = None, tools: Tools | None = None
    ) -> list[int]:
        """Text as it is, without special tokens of the tokenizer's own; messages through the chat template, up to where the
        answer begins. arguments: of the template, over those of the tokenizer. Raises TemplateError."""
        text = prompt if isinstance(prompt, str) else self._with(arguments).render(prompt, asked=True, tools=tools)
        return self._tokenizer.encode(text, add_special_tokens=False)

    def _with(self, arguments: Mapping[str, object] | None) -> ChatTemplate:
        template = self._template
        return replace(template, arguments={**template.arguments, **arguments}) if arguments else template

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
