"""What ends a response, asked of templates in the ways of those that are released; and of the configs beside them."""

import json
import random
import string
from pathlib import Path

import pytest

from megatron_qm.errors import UserError
from megatron_qm.tokenizer import TextTokenizer
from tests import templates
from tests.templates import save_chat_tokenizer

END = "<|endoftext|>"  # of documents, in all of them
ENDS = {
    templates.CHATML: {"<|im_end|>"}, templates.QWEN3: {"<|im_end|>"}, templates.THINKING: {"<|im_end|>"},
    templates.R1: {"<|end|>"}, templates.V31: {"<|end|>"}, templates.ALWAYS: {"<|end|>"}, templates.STRICT: {"<|end|>"},
    templates.NEXT_HEADER: {"<|user|>"}, templates.CALLS: {"<|end|>", "<|call|>"}, templates.BOX: {"<|box_end|>"},
    templates.PLAIN: set(), "{{ raise_exception('no') }}": set(), "nothing is said": set(),
}


def stops(folder: Path, **given: Path) -> set[str]:
    tokenizer = TextTokenizer(folder, **given)
    return {tokenizer.decode([token]) for token in tokenizer.stops}


@pytest.mark.parametrize("template", ENDS)
def test_an_answer_ends_with_what_the_template_puts_behind_it(template: str, tmp_path: Path) -> None:
    assert stops(save_chat_tokenizer(tmp_path, template)) == {END} | ENDS[template]


@pytest.mark.parametrize("seed", range(20))
def test_no_letter_of_an_end_is_taken_for_the_answer(seed: int, tmp_path: Path) -> None:
    """Ends drawn by chance, between texts of the template drawn by chance."""
    draw = random.Random(seed)
    word = "".join(draw.choices(string.ascii_letters + string.digits, k=draw.randint(1, 12)))
    said = "".join(draw.choices(string.ascii_letters + string.digits + " \n", k=200))
    template = f"{said}{{% for m in messages %}}{said}{{{{ m.content }}}}\n<|{word}|>{said}{{% endfor %}}"
    folder = save_chat_tokenizer(tmp_path, template)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    last = max(token["id"] for token in tokenizer["added_tokens"])
    tokenizer["added_tokens"].append(tokenizer["added_tokens"][0] | {"id": last + 1, "content": f"<|{word}|>"})
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert stops(folder) == {END, f"<|{word}|>"}


def test_a_generation_config_adds_its_own(tmp_path: Path) -> None:
    """Of a Hugging Face folder; of a checkpoint, which keeps it beside its tokenizer; and of the model that is named."""
    folder = save_chat_tokenizer(tmp_path / "release", templates.CHATML)
    call, box = (TextTokenizer(folder).token(text) for text in ("<|call|>", "<|box_end|>"))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [call, box]}))
    assert stops(folder) == {END, "<|im_end|>", "<|call|>", "<|box_end|>"}
    checkpoint = tmp_path / "checkpoint"
    save_chat_tokenizer(checkpoint / "tokenizer", templates.CHATML)
    (checkpoint / "hf").mkdir()
    (checkpoint / "hf" / "generation_config.json").write_text(json.dumps({"eos_token_id": box}))
    assert stops(checkpoint / "tokenizer") == {END, "<|im_end|>"}  # a folder that lies beside one called hf is no checkpoint
    (checkpoint / "manifest.json").write_text("{}")
    assert stops(checkpoint / "tokenizer") == {END, "<|im_end|>", "<|box_end|>"}
    assert stops(folder, model=checkpoint) == {END, "<|im_end|>", "<|box_end|>"}


def test_a_config_speaks_where_there_is_no_generation_config(tmp_path: Path) -> None:
    """As transformers has it; the class of a model writes ends into config.json that nobody has meant."""
    folder = save_chat_tokenizer(tmp_path, templates.CHATML)
    box, call = (TextTokenizer(folder).token(text) for text in ("<|box_end|>", "<|call|>"))
    (folder / "config.json").write_text(json.dumps({"eos_token_id": box}))
    assert stops(folder) == {END, "<|im_end|>", "<|box_end|>"}
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": call}))
    assert stops(folder) == {END, "<|im_end|>", "<|call|>"}


@pytest.mark.parametrize("text", ["{", '{"eos_token_id": "x"}', '{"eos_token_id": [1, null]}', '{"eos_token_id": true}',
                                  '{"eos_token_id": -1}', '{"eos_token_id": 1.5}'])
def test_a_generation_config_that_cannot_be_read_is_named(text: str, tmp_path: Path) -> None:
    folder = save_chat_tokenizer(tmp_path, templates.CHATML)
    (folder / "generation_config.json").write_text(text)
    with pytest.raises(UserError, match="generation_config.json: "):
        _ = TextTokenizer(folder).stops


def test_a_token_that_stands_for_what_is_unknown_may_be_named_too(tmp_path: Path) -> None:
    """Qwen2's document end does."""
    tokenizer = TextTokenizer(save_chat_tokenizer(tmp_path, templates.CHATML, unk_token=END))
    assert tokenizer.decode([tokenizer.token(END)]) == END
    with pytest.raises(UserError, match="--stop-token nothing: not a token"):
        tokenizer.token("nothing")
