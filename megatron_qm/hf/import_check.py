"""What an import copies beside the weights, opened once before anything is written: a file that cannot be read, or does not
belong to the model, would fail at the checkpoint's first use."""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from megatron_qm.chat import TemplateError, check_syntax
from megatron_qm.errors import UserError
from megatron_qm.hf import companions
from megatron_qm.hf.companions import TOKENIZER_CONFIG, TOKENIZER_JSON
from megatron_qm.hf.config import CONFIG
from megatron_qm.hf.tokenizer_check import read_tokenizer
from megatron_qm.hf_tokenizer import HfTokenizer, load_tokenizer
from megatron_qm.json_types import JsonObject, parse_json
from megatron_qm.stops import GENERATION_CONFIG

_END = "eos_token_id"


def check_companions(hf: Path, rows: int) -> None:
    """rows: of the embedding. Raises UserError naming the file and what is wrong. A folder without any tokenizer is fine."""
    for name in (*companions.TOKENIZER_FILES, GENERATION_CONFIG):
        _check_file(hf / name)
    generation = hf / GENERATION_CONFIG
    _check_ends(generation if generation.exists() else hf / CONFIG, rows)
    packed = hf / f"{TOKENIZER_JSON}.gz"
    if any(path.is_file() for path in (hf / TOKENIZER_JSON, packed, hf / TOKENIZER_CONFIG)):
        _check_tokenizer(hf, rows)


def _check_file(path: Path) -> None:
    if os.path.lexists(path) and not path.is_file():
        what = "a folder" if path.is_dir() else "no file that can be read"
        raise UserError(f"{path}: is {what}; put the model's own file there")
    if path.suffix == ".json" and path.name != TOKENIZER_JSON and path.is_file():
        _object(path)


def _object(path: Path) -> JsonObject:
    try:
        value = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {error}; fetch it again") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: holds a {type(value).__name__}, not an object; fetch it again")
    return value


def _check_ends(path: Path, rows: int) -> None:
    """The tokens that end a response, where the file names any."""
    value = _object(path).get(_END)
    ids = value if isinstance(value, list) else [value]
    fine = ids and all(isinstance(one, int) and not isinstance(one, bool) and 0 <= one < rows for one in ids)
    if value is not None and not fine:
        raise UserError(f"{path}: {_END} = {json.dumps(value):.80}: must be the number of a token below {rows}, the rows of the "
                        "embedding, or a list of some; mend it, or take it out")


def _check_tokenizer(hf: Path, rows: int) -> None:
    """As the checkpoint will hold it: unpacked, and without the model's config.json."""
    plain = companions.find_tokenizer_json(hf)
    entries = read_tokenizer(plain).get_vocab(with_added_tokens=True) if plain.is_file() else {}
    with TemporaryDirectory() as aside:
        companions.copy_tokenizer(hf, Path(aside))
        try:
            tokenizer = load_tokenizer(Path(aside))
        except UserError as error:
            file = TOKENIZER_CONFIG if (hf / TOKENIZER_CONFIG).is_file() else plain.name
            said = str(error).replace(f"{aside}: ", f"{hf / file}: ").replace(aside, str(hf))
            raise UserError(said) from None
    largest = max((*entries.values(), *tokenizer.added_tokens_decoder), default=0)
    if largest >= rows:
        raise UserError(f"{plain}: has tokens up to number {largest}, but the embedding has {rows} rows ({CONFIG}: vocab_size): "
                        "take the tokenizer of this model")
    _check_template(hf, tokenizer)


def _check_template(hf: Path, tokenizer: HfTokenizer) -> None:
    try:
        if tokenizer.chat_template:
            check_syntax(tokenizer)
    except TemplateError as error:
        raise UserError(f"{hf}: {error}; mend its chat_template") from None
