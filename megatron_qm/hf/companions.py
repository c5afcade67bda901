"""What travels with weights: tokenizer, chat template, generation config, licence. Kept by import, handed on by export.

    CHECKPOINT/tokenizer/   the tokenizer's own files, chat template included
    CHECKPOINT/hf/          config.json as it was imported, generation_config.json, licence files
"""

import gzip
import shutil
from collections.abc import Mapping
from pathlib import Path

from megatron_qm.checkpoint.manifest import HF, TOKENIZER
from megatron_qm.errors import UserError
from megatron_qm.files import write_json
from megatron_qm.hf.config import CONFIG
from megatron_qm.json_types import JsonObject, objects_of, parse_json, text_of, whole_of
from megatron_qm.stops import GENERATION_CONFIG
from megatron_qm.tokenizer import TextTokenizer

TOKENIZER_JSON = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"

TOKENIZER_FILES = (
    TOKENIZER_JSON, TOKENIZER_CONFIG, "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
    "tokenizer.model", "chat_template.jinja", "chat_template.json",
)  # fmt: skip
_TEMPLATES = "additional_chat_templates"
_ONLY_IN_5 = {"TokenizersBackend": "PreTrainedTokenizerFast"}  # the same class
_LEGAL = ("LICENSE", "LICENCE", "NOTICE", "USE_POLICY")
# Where nothing names one: the end-of-document tokens that data_tools looks for as well.
_USUAL_END_TOKENS = ("<|endoftext|>", "<|end_of_text|>", "<|end▁of▁sentence|>", "</s>", "<eos>", "<eod>")


def keep_from_hf(hf: Path, checkpoint: Path) -> None:
    """Copy what an export will need from an HF folder into a checkpoint that is being made."""
    copy_tokenizer(hf, checkpoint / TOKENIZER)
    _copy([hf / CONFIG, hf / GENERATION_CONFIG, *_legal(hf)], checkpoint / HF)


def hand_on(checkpoint: Path, release: Path, tokenizer: Path | None, *, generates: bool = True) -> None:
    """Copy tokenizer (`tokenizer`: another folder than the checkpoint's), generation config and licence into a release.
    generates: whether it is of a model that has any use for a generation config.

    Raises UserError where no tokenizer is to be found.
    """
    source = Path(tokenizer) if tokenizer else checkpoint / TOKENIZER
    copy_tokenizer(source, release)
    if not (release / TOKENIZER_JSON).is_file():
        where = f"--tokenizer {tokenizer}" if tokenizer else f"{checkpoint} (data.tokenizer was not set in its run)"
        raise UserError(
            f"{where}: has no {TOKENIZER_JSON}; name the tokenizer's folder with --tokenizer DIR, or release the bare "
            "weights with --no-tokenizer"
        )
    if (release / TOKENIZER_CONFIG).is_file():
        write_json(release / TOKENIZER_CONFIG, for_both(read_object(release / TOKENIZER_CONFIG)))
    else:
        write_json(release / TOKENIZER_CONFIG, _plain_tokenizer_config(release / TOKENIZER_JSON))
    hand_on_papers(checkpoint, release, generates=generates)


def for_both(config: JsonObject) -> JsonObject:
    """A tokenizer_config.json that transformers 4 reads as 5 does: 5 writes classes and lists that 4 does not know."""
    known = dict(config)
    if known.get("tokenizer_class") in _ONLY_IN_5:
        known["tokenizer_class"] = _ONLY_IN_5[str(known["tokenizer_class"])]
    if isinstance(known.get("extra_special_tokens"), list):
        known["additional_special_tokens"] = known.pop("extra_special_tokens")
    return known


def write_ends(checkpoint: Path, release: Path, tokens: Mapping[str, int]) -> JsonObject:
    """generation_config.json: what the import brought, ended by all that ended turns and documents in training. tokens: the
    tokenizer's own. Returns the eos_token_id of it, which config.json is to say as well."""
    stops = TextTokenizer(release, model=checkpoint).stops
    ends: JsonObject = {"eos_token_id": stops[0] if len(stops) == 1 else list(stops)} if stops else {}
    path = release / GENERATION_CONFIG
    kept = read_object(path) if path.is_file() else {}
    kept.pop("_from_model_config", None)  # it would have transformers make it anew
    if kept or ends:
        write_json(path, {**tokens, **kept, **ends})
    return ends


def hand_on_papers(checkpoint: Path, release: Path, *, generates: bool = True) -> None:
    """Generation config and licence files alone."""
    kept = checkpoint / HF
    _copy([*([kept / GENERATION_CONFIG] if generates else []), *_legal(kept)], release)


def imported_config(checkpoint: Path) -> JsonObject | None:
    """The config.json that the checkpoint's weights were imported with."""
    path = checkpoint / HF / CONFIG
    config: JsonObject | None = parse_json(path.read_bytes()) if path.is_file() else None
    return config


def copy_tokenizer(source: Path, target: Path) -> None:
    """The tokenizer's files of a folder (or a lone tokenizer.json), unpacked where it is a .json.gz."""
    if source.is_file():
        _copy_as(source, target / TOKENIZER_JSON)
        return
    _copy([source / name for name in TOKENIZER_FILES], target)
    packed = source / f"{TOKENIZER_JSON}.gz"
    if packed.is_file() and not (source / TOKENIZER_JSON).is_file():
        _copy_as(packed, target / TOKENIZER_JSON)
    if (source / _TEMPLATES).is_dir():
        shutil.copytree(source / _TEMPLATES, target / _TEMPLATES)


def find_tokenizer_json(source: Path) -> Path:
    """tokenizer.json, or tokenizer.json.gz, of a folder (or the file itself)."""
    if Path(source).is_file():
        return Path(source)
    plain = Path(source) / TOKENIZER_JSON
    return plain if plain.is_file() else plain.with_name(f"{TOKENIZER_JSON}.gz")


def special_tokens(release: Path) -> dict[str, int]:
    """bos_token_id, eos_token_id and pad_token_id as the tokenizer files of `release` say."""
    tokenizer, config = read_object(release / TOKENIZER_JSON), read_object(release / TOKENIZER_CONFIG)
    model = tokenizer.get("model")
    vocab = model.get("vocab") if isinstance(model, dict) else None
    ids = dict(vocab) if isinstance(vocab, dict) else {}
    ids |= added_tokens(tokenizer)
    found = {}
    for name in ("bos", "eos", "pad"):
        token = config.get(f"{name}_token")
        token = token.get("content") if isinstance(token, dict) else token
        if token in ids:
            found[f"{name}_token_id"] = ids[token]
    return found


def added_tokens(tokenizer: JsonObject, *, special: bool = False) -> dict[str, int]:
    """By text, those of a tokenizer.json that are found in text before all others; special: those alone that it calls so."""
    try:
        tokens = objects_of(tokenizer, "added_tokens") if tokenizer.get("added_tokens") else []
        return {text_of(token, "content"): whole_of(token, "id") for token in tokens
                if not special or token.get("special") is True}
    except ValueError as error:
        raise UserError(f"{TOKENIZER_JSON}: {error}") from None


def _plain_tokenizer_config(tokenizer: Path) -> JsonObject:
    """For a bare tokenizer.json: take it as it is, whatever the model's family."""
    added = added_tokens(read_object(tokenizer))
    config: JsonObject = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    end = next((token for token in _USUAL_END_TOKENS if token in added), None)
    return config | ({"eos_token": end} if end else {})


def read_object(path: Path) -> JsonObject:
    try:
        value = parse_json(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path.name} of the tokenizer cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path.name} of the tokenizer holds a {type(value).__name__}, not an object")
    return value


def _legal(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*")) if path.name.upper().startswith(_LEGAL)]


def _copy(paths: list[Path], target: Path) -> None:
    for path in paths:
        if path.is_file():
            _copy_as(path, target / path.name)


def _copy_as(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".gz":
        try:
            target.write_bytes(gzip.decompress(source.read_bytes()))
        except (OSError, EOFError) as error:
            raise UserError(f"{source}: not a gzip file: {error}") from None
    else:
        shutil.copyfile(source, target)
