"""The tokenizer between text and token ids: a folder of the Hugging Face kind."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from megatron_qm.chat import ChatTemplate, Messages, TemplateError, Tools
from megatron_qm.checkpoint.manifest import MANIFEST, TOKENIZER
from megatron_qm.config.run import RunConfig
from megatron_qm.data.tokenizer_identity import FILES, read_identity
from megatron_qm.errors import UserError, in_key
from megatron_qm.hf_tokenizer import HfTokenizer, load_tokenizer
from megatron_qm.said import WholeText
from megatron_qm.stops import stops_of

__all__ = ["HfTokenizer", "TextTokenizer", "load_tokenizer"]


class TextTokenizer:
    """A tokenizer's folder (or its tokenizer.json), as transformers reads it. arguments: of its chat template. Raises UserError
    where it cannot be read, or its template reads no such argument."""

    def __init__(self, source: Path, arguments: Mapping[str, object] | None = None, model: Path | None = None) -> None:
        """model: the checkpoint or Hugging Face folder that it speaks for (default: where it lies)."""
        self._tokenizer, self._model = load_tokenizer(source), model or _home(source)
        self._whole = WholeText()
        try:
            self._template = ChatTemplate(self._tokenizer, arguments or {})
        except TemplateError as error:
            raise UserError(f"{source}: {error}") from None

    @classmethod
    def of_run(cls, config: RunConfig) -> "TextTokenizer":
        """That which a run names. Raises UserError where it names none."""
        if config.data.tokenizer is None:
            raise UserError("data.tokenizer is not set: name the folder of the model's tokenizer")
        start = config.train.start_from
        with in_key("data.tokenizer"):
            return cls(Path(config.data.tokenizer), config.data.template_arguments, Path(start) if start else None)

    @classmethod
    def of_model(cls, model: Path, instead: Path | None, arguments: Mapping[str, object] | None = None) -> "TextTokenizer":
        """That which a checkpoint or a Hugging Face folder carries, or another that takes its place, such as one with another
        chat template. Raises UserError where that one gives other ids."""
        own = model / TOKENIZER if (model / MANIFEST).is_file() else model
        if instead is not None:
            _refuse_foreign(instead, own)
        return cls(instead or own, arguments, model)

    @property
    def end(self) -> int | None:
        return self._tokenizer.eos_token_id

    @property
    def chats(self) -> bool:
        """Whether it has a chat template."""
        return bool(self._tokenizer.chat_template)

    @cached_property
    def stops(self) -> tuple[int, ...]:
        """Tokens that end a response (stops.py)."""
        return stops_of(self._tokenizer, self._template if self.chats else None, self._model)

    def encode(
        self, prompt: str | Messages, *, arguments: Mapping[str, object] | None = None, tools: Tools | None = None
    ) -> list[int]:
        """Text as it is, without special tokens of the tokenizer's own; messages through the chat template, up to where the
        answer begins. arguments: of the template, over those of the tokenizer. Raises TemplateError, for a message whose text
        the template leaves out, or would end its turn, too."""
        if not isinstance(prompt, str):
            prompt = self._whole.render(self._with(arguments), prompt, asked=True, tools=tools, said=arguments)
        return self._tokenizer.encode(prompt, add_special_tokens=False)

    def conversation(self, messages: Messages, *, tools: Tools | None = None) -> list[int]:
        """All of it, through the chat template, with what ends it. Raises TemplateError as encode does."""
        return self._tokenizer.encode(self.rendered(messages, tools=tools), add_special_tokens=False)

    def rendered(self, messages: Messages, *, tools: Tools | None = None) -> str:
        """The text of a whole conversation. Raises TemplateError as encode does."""
        return self._whole.render(self._template, messages, tools=tools)

    def opening(self, messages: Messages) -> str:
        """The beginning of the answer that the chat template writes into the prompt. Raises TemplateError."""
        return self._template.opening(messages) if self.chats else ""

    def written(self, tokens: Sequence[int]) -> str:
        """A response as the model wrote it: without the tokens that end it, with all others. A thought's tag may be special."""
        ends, last = {*self.stops, self._tokenizer.pad_token_id}, len(tokens)
        while last and tokens[last - 1] in ends:
            last -= 1
        return self.decode(tokens[:last])

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
        if token is None or token == self._tokenizer.unk_token_id and text != self._tokenizer.unk_token:
            raise UserError(f"--stop-token {text}: not a token of this tokenizer; for other text use --stop-string")
        return token


def _home(source: Path) -> Path:
    """The checkpoint that a tokenizer's folder is part of, else the folder."""
    folder = source if source.is_dir() else source.parent
    return folder.parent if folder.name == TOKENIZER and (folder.parent / MANIFEST).is_file() else folder


def _refuse_foreign(given: Path, own: Path) -> None:
    if any((own / name).is_file() for name in FILES):
        one, other = read_identity(given), read_identity(own)
        if not one.same(other):
            raise UserError(f"{given} is of another tokenizer ({one}) than {own} ({other}), which the model has learnt from: ids "
                            "would mean other tokens; leave it out, or name the right one")
