"""Does the released model end its turns? By its files, by what transformers does with them, and, where it was fine-tuned, by an
answer."""

from pathlib import Path

from megatron_qm.chat import ChatTemplate, TemplateError, check_syntax, sentinel
from megatron_qm.config.run import RunConfig
from megatron_qm.hf.errors import GateError
from megatron_qm.hf.opened import Opened
from megatron_qm.hf.prompts import QUESTIONS
from megatron_qm.hf.transformers_side import Answering, generated_stop, load_tokenizer, shipped_stops
from megatron_qm.hf_tokenizer import HfTokenizer
from megatron_qm.stops import GENERATION_CONFIG, turn_ends


def check_stops(release: Path, vocab_size: int) -> str:
    """The chat template takes a question and its answer; what ends a document or a turn is in the shipped generation config, and
    transformers' generate ends there, whatever the weights are."""
    tokenizer = load_tokenizer(release)
    ends = _turn_ends(tokenizer) if tokenizer.chat_template else set()
    wanted = ends | ({tokenizer.eos_token_id} if tokenizer.eos_token_id is not None else set())
    listed = shipped_stops(release)
    for token in sorted(wanted - set(listed)):
        what = "the chat template ends a turn" if token in ends else "the tokenizer ends a document"
        raise GateError(f"{GENERATION_CONFIG}: eos_token_id = {listed} lacks {_shown(tokenizer, token)}, with which {what}: "
                        "the release would not stop")
    for token in listed:
        if token >= vocab_size:
            raise GateError(f"{GENERATION_CONFIG}: eos_token_id has {token}, but the model has {vocab_size} rows")
        if not generated_stop(release, vocab_size, token):
            raise GateError(f"{GENERATION_CONFIG}: transformers goes on after {_shown(tokenizer, token)}")
    shown = ", ".join(_shown(tokenizer, token) for token in listed) or "nothing"
    plain = "; the chat template ends turns with plain text, which no token stops" if tokenizer.chat_template and not ends else ""
    return f"generation ends with {shown}{plain}"


def check_answer(opened: Opened, release: Path, tokens: int) -> str:
    """A model that was fine-tuned here ends one of a few answers within `tokens`, greedily, by what is shipped."""
    tokenizer = load_tokenizer(release)
    if opened.manifest.config.get("stage", RunConfig.stage) == RunConfig.stage or not tokenizer.chat_template:
        return "not asked: the model was not fine-tuned here to answer in turns"
    answering = Answering(release, opened.model.tied_embeddings)
    most = min(tokens, opened.model.max_positions // 2)
    for question in QUESTIONS:
        text = ChatTemplate(tokenizer).any_day().render([{"role": "user", "content": question}], asked=True)
        answer = answering(tokenizer.encode(text, add_special_tokens=False)[-most:], most)
        if answer[-1] in answering.stops:
            return f"{question!r} answered in {len(answer)} tokens, ended by {_shown(tokenizer, answer[-1])}"
    end = tokenizer.decode(answer[-16:], skip_special_tokens=False)
    raise GateError(
        f"the model was fine-tuned, and ends none of {len(QUESTIONS)} answers within {most} tokens by {GENERATION_CONFIG} "
        f"(eos_token_id = {answering.stops}; the last answer ran out at {end!r}): train it with the chat template that it is "
        "released with, allow more with --answer-tokens N, or leave this check out with --skip-answer (the model card says so)"
    )


def _turn_ends(tokenizer: HfTokenizer) -> set[int]:
    """Raises GateError for a template that no conversation gets through."""
    template = ChatTemplate(tokenizer).any_day()
    word = sentinel(template)
    question, answer = {"role": "user", "content": QUESTIONS[0]}, {"role": "assistant", "content": word}
    try:
        check_syntax(tokenizer)
        template.render([question], asked=True)
        if word not in template.render([question, answer]):
            raise GateError("chat template: leaves out the text of an answer")
    except TemplateError as error:
        raise GateError(f"chat template: {error}") from None
    return turn_ends(template)


def _shown(tokenizer: HfTokenizer, token: int) -> str:
    return f"{token} ({tokenizer.decode([token], skip_special_tokens=False)!r})"
