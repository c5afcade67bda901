"""Which token ends documents, and whether a model would take it for the end of an answer."""

import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from megatron_qm.errors import UserError

if TYPE_CHECKING:
    import tokenizers

log = logging.getLogger(__name__)

# Searched where no tokenizer_config.json or special_tokens_map.json names an eos_token; base models end documents with them.
_USUAL = ("<|endoftext|>", "<|end_of_text|>", "<|end▁of▁sentence|>", "</s>", "<eos>", "<eod>")
_ANSWER = "An answer, and nothing behind it."
_TURNS = [{"role": "user", "content": "A question."}, {"role": "assistant", "content": _ANSWER}]
# A tag of transformers' own, which marks the text of the assistant and writes nothing.
_GENERATION = re.compile(r"\{%-?\s*(end)?generation\s*-?%\}")


@dataclass(frozen=True)
class NamedTokens:
    """What lies beside a tokenizer.json. candidates: (where it is named, eos_token); values: of the template's variables."""

    candidates: list[tuple[str, str]]
    chat_template: str | None
    variables: dict[str, str]


def read_named_tokens(folder: Path) -> NamedTokens:
    """What transformers would read in `folder`. Raises UserError for a file that cannot be read."""
    found: list[tuple[str, str]] = []
    variables: dict[str, str] = {}
    template: object = None
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        tree = _tree(folder / name)
        named = {key: token for key, value in tree.items() if key.endswith("_token") and (token := _content(value))}
        variables = {**named, **variables}
        found += [(name, named["eos_token"])] if "eos_token" in named else []
        template = template or tree.get("chat_template")
    if isinstance(template, list):  # several, by name
        template = next((item.get("template") for item in template if item.get("name") == "default"), None)
    file = folder / "chat_template.jinja"
    template = file.read_text(errors="replace") if file.is_file() else template
    return NamedTokens(found, template if isinstance(template, str) else None, variables)


def choose_document_end(file: Path, named: NamedTokens, hf: "tokenizers.Tokenizer", wanted: str | None) -> str:
    """The token that ends documents: --eod-token, else the eos_token (as Megatron-LM's), else a usual name; it is told."""
    if wanted is not None:
        if hf.token_to_id(wanted) is None:
            raise UserError(f"--eod-token {wanted!r}: not in the vocabulary of {file}")
        token, said = wanted, "as --eod-token says"
    else:
        token, said = _found(file, named, hf)
        _warn_of_turns(token, named, hf)
    log.info("documents end with %s (id %d), %s", token, hf.token_to_id(token), said)
    return token


def _found(file: Path, named: NamedTokens, hf: "tokenizers.Tokenizer") -> tuple[str, str]:
    """(token, where it is from)."""
    lacked = "; ".join(f"{place} names {token!r}, which the vocabulary lacks" for place, token in named.candidates
                       if hf.token_to_id(token) is None)
    places = [(token, f"the eos_token of {place}") for place, token in named.candidates]
    for token, place in [*places, *((token, "the first usual name in its vocabulary") for token in _USUAL)]:
        if hf.token_to_id(token) is not None:
            return token, place + (f" ({lacked})" if lacked else "")
    raise UserError(
        f"--append-eod: {file} has no end-of-document token: searched eos_token in tokenizer_config.json and "
        f"special_tokens_map.json beside it ({lacked or 'none there'}), then {', '.join(_USUAL)} in its "
        "vocabulary; name one of its tokens with --eod-token"
    )


def _warn_of_turns(token: str, named: NamedTokens, hf: "tokenizers.Tokenizer") -> None:
    if named.chat_template is None:
        return
    try:
        ends_turns = _behind_an_answer(named.chat_template, named.variables).lstrip().startswith(token)
    except Exception as error:  # jinja's errors, and what a template of anybody's may raise
        log.warning("the chat template cannot be rendered (%s), so nobody looked whether %s ends turns in it", error, token)
        return
    if ends_turns:
        others = [other for other in _USUAL if other != token and hf.token_to_id(other) is not None]
        more = "".join(f"; a base model of this family may have seen {other} there: --eod-token '{other}'" for other in others)
        log.warning("documents end with %s, with which this tokenizer's chat template ends turns%s", token, more)


def _behind_an_answer(template: str, variables: dict[str, str]) -> str:
    """What a chat template writes behind the last answer, rendered as transformers does."""
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda _: ""
    text = environment.from_string(_GENERATION.sub("", template)).render(messages=_TURNS, **variables)
    return text.rpartition(_ANSWER)[2]


def _refuse(reason: str) -> None:
    raise ValueError(reason)


def _tree(file: Path) -> dict[str, object]:
    """Raises UserError for one that is there and cannot be read: what it names would be missed unseen."""
    try:
        tree = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file}: cannot be read, and may name the token that ends documents: {error}; mend it") from None
    if not isinstance(tree, dict):
        raise UserError(f"{file}: is no JSON object, and may name the token that ends documents; mend it")
    return tree


def _content(value: object) -> str | None:
    token = value.get("content") if isinstance(value, dict) else value
    return token if isinstance(token, str) else None
