"""Which token pads. transformers' classifiers read a score at the last token that is not the one that pads: a conversation that
ends with it would be scored at another, in a batch or alone."""

import logging
from pathlib import Path

from megatron_qm.config.model import ModelConfig
from megatron_qm.errors import UserError
from megatron_qm.files import write_json
from megatron_qm.hf.companions import TOKENIZER_CONFIG, TOKENIZER_JSON, added_tokens, read_object
from megatron_qm.hf.config import CONFIG, read_config
from megatron_qm.hf.conversations import encode_conversations, template_of
from megatron_qm.hf.errors import GateError
from megatron_qm.hf.opened import Opened
from megatron_qm.hf.prompts import PROMPTS
from megatron_qm.hf.transformers_side import load_tokenizer
from megatron_qm.hf_tokenizer import HfTokenizer
from megatron_qm.json_types import JsonObject
from megatron_qm.stops import turn_ends

logger = logging.getLogger(__name__)

_KEY, _SPECIAL_TOKENS = "pad_token", "special_tokens_map.json"
# transformers' classifiers before 5 take no others, and its plain tokenizer classes make token_type_ids.
_INPUTS = ["input_ids", "attention_mask"]


def name_pad_token(opened: Opened, release: Path) -> JsonObject:
    """The tokenizer's own where no conversation has it, else another special token that none has, written into the release's
    tokenizer. Returns what config.json is to say. Raises UserError where there is none."""
    tokenizer = load_tokenizer(release)
    taken = _taken(opened, tokenizer)
    spare = {token: text for text, token in _special(release, opened.model).items() if token not in taken}
    own = tokenizer.pad_token_id
    if not spare:
        raise UserError(
            f"{opened.folder}: its release needs a token that pads and that no conversation has, for a score is read at the last "
            f"token that does not pad; the tokenizer pads with {_shown(tokenizer, own)}, and conversations have all its special "
            "tokens: add one, such as <|pad|>, to a copy of the tokenizer, and name that with --tokenizer DIR"
        )
    known = {tokenizer.eos_token_id, *tokenizer.all_special_ids}
    token = own if own in spare else min(spare, key=lambda one: ("pad" not in spare[one].lower(), one in known, one))
    if token != own:
        logger.warning("the release pads with %s: the tokenizer's own is %s", _shown(tokenizer, token), _shown(tokenizer, own))
    _write(release, spare[token])
    return {"pad_token_id": token}


def check_pad_token(opened: Opened, release: Path) -> str:
    """config.json and the tokenizer name one token that pads, and no conversation has it. Raises GateError."""
    tokenizer, said = load_tokenizer(release), read_config(release).get("pad_token_id")
    if said is None or said != tokenizer.pad_token_id:
        theirs = _shown(tokenizer, tokenizer.pad_token_id)
        raise GateError(f"{CONFIG}: pad_token_id = {said}, and the tokenizer pads with {theirs}: scores would be read "
                        "elsewhere than at the end")
    if said not in _special(release, opened.model).values():
        raise GateError(f"{CONFIG}: pad_token_id = {_shown(tokenizer, said)} is no special token of the tokenizer: text may end "
                        "with it")
    if said in _taken(opened, tokenizer):
        raise GateError(f"{CONFIG}: pad_token_id = {_shown(tokenizer, said)} stands in conversations as the chat template writes "
                        "them: scores would be read elsewhere than at the end")
    return f"pads with {_shown(tokenizer, said)}, which no conversation has"


def _taken(opened: Opened, tokenizer: HfTokenizer) -> set[int]:
    """Tokens of conversations, and what else may end one."""
    template = template_of(tokenizer, opened.template_arguments)
    return set().union(*encode_conversations(template, PROMPTS), turn_ends(template))


def _special(release: Path, model: ModelConfig) -> dict[str, int]:
    """Those of the model's vocabulary, which stand for no text."""
    found = added_tokens(read_object(release / TOKENIZER_JSON), special=True)
    return {text: token for text, token in found.items() if token < model.vocab_size}


def _write(release: Path, text: str) -> None:
    config = read_object(release / TOKENIZER_CONFIG)
    write_json(release / TOKENIZER_CONFIG, {"model_input_names": _INPUTS} | config | {_KEY: text})
    if (release / _SPECIAL_TOKENS).is_file():  # which releases of transformers before 5 read as well
        write_json(release / _SPECIAL_TOKENS, read_object(release / _SPECIAL_TOKENS) | {_KEY: text})


def _shown(tokenizer: HfTokenizer, token: int | None) -> str:
    return "nothing" if token is None else f"{token} ({tokenizer.decode([token], skip_special_tokens=False)!r})"
