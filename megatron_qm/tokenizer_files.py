"""The files of a tokenizer's folder that transformers takes at their word: read before it, so that what is wrong is named by file
and key. Raises UserError."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.json_types import parse_json
from megatron_qm.template_program import LONGEST_SOURCE, TemplateError, parse_template

CONFIG = "tokenizer_config.json"
_SPECIAL_TOKENS = "special_tokens_map.json"
_TEMPLATE = "chat_template"
_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_ADDED_TOKENS = "added_tokens.json"
# Of other keys what transformers takes for granted.
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "model_max_length": ((int, float), "a number"),
    "tokenizer_class": ((str,), "text"),
    "added_tokens_decoder": ((dict,), "an object of tokens by id"),
    "model_input_names": ((list,), "a list of texts"),
    "additional_special_tokens": ((list, dict), "a list of tokens"),
    "extra_special_tokens": ((list, dict), "a list of tokens, or an object of them by name"),
    **dict.fromkeys(("add_bos_token", "add_eos_token", "clean_up_tokenization_spaces", "split_special_tokens"),
                    ((bool,), "true or false")),
}
_MOST_BYTES = 1 << 28  # of JSON: a vocabulary of 256,000 tokens that are all listed there takes some 50 MB


def check_files(folder: Path) -> None:
    for name in (CONFIG, _SPECIAL_TOKENS):
        if (folder / name).is_file():
            said = _object(folder / name)
            _check_tokens(folder / name, said)
            _check_kinds(folder / name, said)
    if (folder / _ADDED_TOKENS).is_file():
        _check_ids(folder / _ADDED_TOKENS)
    for place, source in _templates(folder):
        _check_template(place, source)


def _check_tokens(path: Path, said: Mapping[str, object]) -> None:
    for key in _TOKENS:
        value = said.get(key)
        text = value.get("content") if isinstance(value, dict) else value
        if value is not None and not (isinstance(text, str) and text):
            raise UserError(f"{path}: {key} = {value!r:.80} is no token: write its text, such as \"<|endoftext|>\", or null")


def _check_kinds(path: Path, said: Mapping[str, object]) -> None:
    for key, (kinds, wanted) in _KINDS.items():
        value = said.get(key)
        if value is not None and not (isinstance(value, kinds) and isinstance(value, bool) == (bool in kinds)):
            raise UserError(f"{path}: {key} = {value!r:.80} is not {wanted}; bring back the model's own")


def _check_ids(path: Path) -> None:
    for token, number in _object(path).items():
        if not isinstance(number, int) or isinstance(number, bool):
            raise UserError(f"{path}: {token!r:.80} = {number!r:.80} is not the id of a token; bring back the model's own")


def _check_template(place: str, source: str) -> None:
    try:
        parse_template(source)
    except TemplateError as error:
        line = "" if error.line is None else f" line {error.line}:" if place.endswith(_TEMPLATE) else f"{error.line}:"
        raise UserError(f"{place}:{line} {error}; mend the template") from None


def _templates(folder: Path) -> Iterator[tuple[str, str]]:
    """Where each stands, and its text. A file of its own is read in the place of that in the config."""
    files = [folder / f"{_TEMPLATE}.jinja", *sorted((folder / "additional_chat_templates").glob("*.jinja"))]
    found = [path for path in files if path.is_file()]
    yield from ((str(path), _text(path)) for path in found)
    path = folder / CONFIG
    if not found and path.is_file():
        yield from ((f"{path}: {where}", source) for where, source in _in_config(path, _object(path).get(_TEMPLATE)))


def _in_config(path: Path, value: object) -> Iterator[tuple[str, str]]:
    """A text, or several by name: a list of them, or an object."""
    if value is None or isinstance(value, str):
        yield from () if value is None else [(_TEMPLATE, value)]
        return
    several = [{"name": name, "template": one} for name, one in value.items()] if isinstance(value, dict) else value
    for at, one in enumerate(several if isinstance(several, list) else [several]):
        named = one if isinstance(one, dict) else {}
        name, source = named.get("name"), named.get("template")
        if not isinstance(name, str) or not isinstance(source, str):
            where = f"{_TEMPLATE}[{at}]" if isinstance(value, list) else _TEMPLATE
            raise UserError(f'{path}: {where} = {one!r:.80} is no template: a text is wanted, or a list of {{"name": text, '
                            '"template": text}')
        yield f"the template {name!r} of {_TEMPLATE}", source


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > 4 * LONGEST_SOURCE:  # bytes of a character at most
            raise UserError(f"{path}: {path.stat().st_size:,} bytes are no chat template, which has {LONGEST_SOURCE:,} "
                            "characters at most; bring back the model's own")
        text = path.read_text(encoding="utf-8")
        if text.startswith("\ufeff"):
            raise UserError(f"{path}: begins with a byte order mark, which would be written before every conversation; save the "
                            "template without one")
        return text
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; save the template as UTF-8 text") from None


def _object(path: Path) -> Mapping[str, object]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(f"{path}: {path.stat().st_size:,} bytes are no settings of a tokenizer, which have {_MOST_BYTES:,} "
                            "at most; bring back the model's own")
        said = parse_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(said, dict):
        raise UserError(f"{path}: not a JSON object; bring back the model's own")
    return said
