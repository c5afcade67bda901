"""Tokens that end a response: one notion for whoever generates, and for the release.

They are the tokenizer's end, what its chat template puts after an answer, and what the generation config names that the model
came with. All of them always: a model that is asked for a document may end it as it ends a turn.
"""

import json
from pathlib import Path

from megatron_qm.chat import ChatTemplate, Messages, TemplateError, sentinel
from megatron_qm.checkpoint.manifest import HF
from megatron_qm.errors import UserError
from megatron_qm.hf_tokenizer import HfTokenizer
from megatron_qm.json_types import parse_json

GENERATION_CONFIG, CONFIG, _KEY = "generation_config.json", "config.json", "eos_token_id"
_PARAMETERS = {"type": "object", "properties": {"code": {"type": "string", "description": "The code."}}, "required": ["code"]}
_TOOL = {"type": "function", "function": {"name": "look_up", "description": "Looks up.", "parameters": _PARAMETERS}}


def stops_of(tokenizer: HfTokenizer, template: ChatTemplate | None, model: Path) -> tuple[int, ...]:
    """model: a checkpoint or a Hugging Face folder. Raises UserError for a generation config that cannot be read."""
    ends = set() if tokenizer.eos_token_id is None else {tokenizer.eos_token_id}
    return tuple(sorted(ends | (turn_ends(template) if template else set()) | named_ends(model)))


def turn_ends(template: ChatTemplate) -> set[int]:
    """What ends an answer: the first token after its text that is no text itself, be the answer the last turn or not. A template
    need not take every kind of conversation; none where it takes none, or ends turns with plain text."""
    template, word = template.any_day(), sentinel(template)
    system, user, answer = (_says(role, text) for role, text in (("system", "."), ("user", "?"), ("assistant", word)))
    turns = [[user, answer], [user, answer, user], [system, user, answer], [system, user, answer, user]]
    marks = {*template.tokenizer.all_special_ids, *template.tokenizer.added_tokens_decoder}
    after = [[token for token in _after(word, messages, template) if token in marks] for messages in turns]
    ends = {found[0] for found in after if found}
    return ends | _call_ends(template, word, ends)


def _call_ends(template: ChatTemplate, word: str, ends: set[int]) -> set[int]:
    """A call of a tool ends as answers do, or else with the last special token of its turn: others belong to the call."""
    call = {"id": "call00000", "type": "function", "function": {"name": "look_up", "arguments": {"code": word}}}
    calling = {**_says("assistant", ""), "tool_calls": [call]}
    after = _after(word, [_says("user", "?"), calling], template, tools=True)
    added = template.tokenizer.added_tokens_decoder
    special = [token for token in after if token in added and added[token].special]
    return set() if ends & set(after) else set(special[-1:])


def _says(role: str, content: str) -> dict[str, object]:
    return {"role": role, "content": content}


def _after(word: str, messages: Messages, template: ChatTemplate, *, tools: bool = False) -> list[int]:
    """Tokens of what the template writes behind the last `word`; none where it refuses the messages, or leaves them out."""
    try:
        _, found, tail = template.render(messages, tools=[_TOOL] if tools else None).rpartition(word)
    except TemplateError:
        return []
    return template.tokenizer.encode(tail, add_special_tokens=False) if found else []


def named_ends(model: Path) -> set[int]:
    """By the generation config of a Hugging Face folder, or that which a checkpoint keeps of its import; as transformers does it,
    by config.json only where there is none."""
    paths = (folder / name for folder in (model, model / HF) for name in (GENERATION_CONFIG, CONFIG))
    named = next((path for path in paths if path.is_file()), None)
    return set() if named is None else _ids(named)


def _ids(path: Path) -> set[int]:
    try:
        config = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {error}") from None
    value = config.get(_KEY) if isinstance(config, dict) else None
    ids = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(token, int) and not isinstance(token, bool) and token >= 0 for token in ids):
        raise UserError(f"{path}: {_KEY} = {json.dumps(value)}: must be a token's number, or a list of them")
    return set(ids)
