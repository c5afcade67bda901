"""Which token ends documents: chosen in order, told, and compared with what the chat template ends turns with."""

import json
import logging
from pathlib import Path

import pytest
import tokenizers

from data_tools.document_end import choose_document_end, read_named_tokens
from megatron_qm.errors import UserError

CHATML = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}"
    "{% generation %}{{- message.content }}{% endgeneration %}{{- '<|im_end|>\\n' }}{% endfor %}"
)
LLAMA = "{{ bos_token }}{% for m in messages %}{{ '[' + m['role'] + ']' + m['content'] | trim }}{{ eos_token }}{% endfor %}"
REFUSES = "{{ raise_exception('only with tools') }}"
TOKENS = ["[UNK]", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "</s>", "<s>"]


def _choose(
    folder: Path, caplog: pytest.LogCaptureFixture, eos: str, template: object = None, wanted: str | None = None
) -> tuple[str, list[str]]:
    """(token, what is warned of)."""
    vocabulary = {token: number for number, token in enumerate(TOKENS)}
    hf = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    config = {"eos_token": eos, "bos_token": {"content": "<s>"}, "chat_template": template}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    with caplog.at_level(logging.INFO):
        token = choose_document_end(folder / "tokenizer.json", read_named_tokens(folder), hf, wanted)
    assert f"documents end with {token} (id {vocabulary[token]})" in caplog.text
    return token, [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_an_instruct_tokenizer_is_warned_of_with_the_token_of_its_base_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token, (warned,) = _choose(tmp_path, caplog, "<|im_end|>", CHATML)
    assert token == "<|im_end|>" and "the eos_token of tokenizer_config.json" in caplog.text
    assert "with which this tokenizer's chat template ends turns" in warned and "--eod-token '<|endoftext|>'" in warned


@pytest.mark.parametrize(
    ("eos", "template", "warned"),
    [
        ("<|endoftext|>", CHATML, False),
        ("<|im_end|>", None, False),
        ("</s>", LLAMA, True),
        ("<|im_end|>", [{"name": "default", "template": CHATML}, {"name": "tools", "template": LLAMA}], True),
        ("</s>", [{"name": "default", "template": CHATML}], False),
    ],
)
def test_what_ends_turns_is_asked_of_the_template(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, eos: str, template: object, warned: bool
) -> None:
    token, warnings = _choose(tmp_path, caplog, eos, template)
    assert token == eos and bool(warnings) == warned


def test_a_template_of_its_own_file_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "chat_template.jinja").write_text(CHATML)
    assert _choose(tmp_path, caplog, "<|im_end|>", LLAMA)[1]


def test_the_token_that_the_user_names_is_taken_without_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert _choose(tmp_path, caplog, "<|endoftext|>", CHATML, wanted="<|im_end|>") == ("<|im_end|>", [])


@pytest.mark.parametrize("template", [REFUSES, "{% for %}", "{{ messages[7].content }}"])
def test_a_template_that_cannot_be_rendered_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, template: str
) -> None:
    token, (warned,) = _choose(tmp_path, caplog, "<|im_end|>", template)
    assert token == "<|im_end|>" and "cannot be rendered" in warned


@pytest.mark.parametrize("name", ["tokenizer_config.json", "special_tokens_map.json"])
@pytest.mark.parametrize("text", ["", "{", "[]", "5", "[" * 5000], ids=lambda text: repr(text[:3]))
def test_a_file_that_may_name_the_token_and_cannot_be_read_is_refused(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=f"{name}: .* may name the token that ends documents"):
        read_named_tokens(tmp_path)
