"""What is wrong in the files of a tokenizer's folder is named by file, key and line: once, before anything is made of it."""

import json
from pathlib import Path

import pytest

from megatron_qm.align.sft.rendering import load_renderer
from megatron_qm.errors import UserError
from megatron_qm.hf_tokenizer import load_tokenizer
from megatron_qm.template_program import LONGEST_SOURCE
from megatron_qm.tokenizer_files import check_files
from tests.templates import CHATML, save_chat_tokenizer

CONFIG = "tokenizer_config.json"
BAD = "{% for m in messages %}\n{{ m.content }}\n{% endfro %}"


def said(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_tokenizer(folder)
    return str(caught.value).replace(str(folder), "DIR")


@pytest.mark.parametrize("key", ["eos_token", "bos_token", "pad_token", "unk_token"])
@pytest.mark.parametrize("value", [7, ["<s>"], 1.5, True, {"id": 7}, {"content": 7}, "", {"content": ""}])
@pytest.mark.parametrize("file", [CONFIG, "special_tokens_map.json"])
def test_a_token_that_is_no_text_is_refused_by_name(key: str, value: object, file: str, tmp_path: Path) -> None:
    folder = save_chat_tokenizer(tmp_path, CHATML)
    path = folder / file
    path.write_text(json.dumps((json.loads(path.read_text()) if path.is_file() else {}) | {key: value}))
    assert said(folder).startswith(f"DIR/{file}: {key} = {value!r} is no token: write its text")


@pytest.mark.parametrize("value", [None, "<|im_end|>", {"content": "<|im_end|>", "__type": "AddedToken", "lstrip": False}])
def test_a_token_that_is_text_is_taken(value: object, tmp_path: Path) -> None:
    folder = save_chat_tokenizer(tmp_path, CHATML)
    config = json.loads((folder / CONFIG).read_text()) | {"pad_token": value}
    (folder / CONFIG).write_text(json.dumps(config))
    assert load_tokenizer(folder).chat_template == CHATML


@pytest.mark.parametrize(("value", "where"), [
    ([1, 2], "chat_template[0] = 1"), (7, "chat_template = 7"), ([{"name": "default"}], "chat_template[0] = {'name': 'default'}"),
    ([{"name": "default", "template": CHATML}, {"name": 1, "template": "x"}], "chat_template[1] = {'name': 1, "),
    ({"default": 3}, "chat_template = {'name': 'default', 'template': 3}"), (True, "chat_template = True"),
])
def test_a_template_that_is_no_text_is_refused_by_name(value: object, where: str, tmp_path: Path) -> None:
    assert said(save_chat_tokenizer(tmp_path, value)).startswith(f"DIR/{CONFIG}: {where}")


@pytest.mark.parametrize("value", [[{"name": "default", "template": CHATML}], {"default": CHATML}])
def test_templates_by_name_are_taken(value: object, tmp_path: Path) -> None:
    assert load_tokenizer(save_chat_tokenizer(tmp_path, value)).chat_template == {"default": CHATML}


def test_a_template_that_is_no_program_is_told_with_its_line(tmp_path: Path) -> None:
    folder = save_chat_tokenizer(tmp_path, BAD)
    assert said(folder).startswith(f"DIR/{CONFIG}: chat_template: line 3: the chat template cannot be read: Encountered")
    (folder / "chat_template.jinja").write_text("\n" + BAD)
    assert said(folder).startswith("DIR/chat_template.jinja:4: the chat template cannot be read: ")
    with pytest.raises(UserError, match="chat_template.jinja:4: "):
        load_renderer(folder)  # before any sample
    (folder / "chat_template.jinja").write_text(CHATML)  # is read in the place of the other
    load_tokenizer(folder)
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "rag.jinja").write_text(BAD)
    assert said(folder).startswith("DIR/additional_chat_templates/rag.jinja:3: ")


def test_a_template_of_enormous_length_is_not_read(tmp_path: Path) -> None:
    folder = save_chat_tokenizer(tmp_path, CHATML)
    path = folder / "chat_template.jinja"
    with open(path, "wb") as stream:
        stream.truncate(10**9)  # a hole: no disk is filled
    assert said(folder).startswith("DIR/chat_template.jinja: 1,000,000,000 bytes are no chat template")
    path.write_text("x" * (LONGEST_SOURCE + 1))
    assert said(folder).startswith(f"DIR/chat_template.jinja: the chat template has {LONGEST_SOURCE + 1:,} characters")
    path.unlink()
    assert said(save_chat_tokenizer(folder, "x" * (LONGEST_SOURCE + 1))).startswith(f"DIR/{CONFIG}: chat_template: the chat tem")
    with open(folder / CONFIG, "wb") as stream:
        stream.truncate(10**9)
    assert said(folder).startswith(f"DIR/{CONFIG}: 1,000,000,000 bytes are no settings of a tokenizer")


@pytest.mark.parametrize(("text", "why"), [
    (b"{", "cannot be read as JSON: Expecting property name"), (b"[1]", "not a JSON object"),
    (b"\xff{}", "cannot be read as JSON: "),
    (b'{\n"a": ' + b"9" * 5000 + b"}", "cannot be read as JSON: line 2: a number of 5,000 digits, more than 4,300"),
    (b"[" * 10**5, "cannot be read as JSON: nested too deep"),
])
def test_settings_that_are_no_json_object_are_named(text: bytes, why: str, tmp_path: Path) -> None:
    folder = save_chat_tokenizer(tmp_path, CHATML)
    (folder / CONFIG).write_bytes(text)
    assert said(folder).startswith(f"DIR/{CONFIG}: {why}")


def test_a_template_that_is_no_text_file_is_named(tmp_path: Path) -> None:
    folder = save_chat_tokenizer(tmp_path, CHATML)
    (folder / "chat_template.jinja").write_bytes(b"ab\xff")
    assert said(folder).startswith("DIR/chat_template.jinja: not UTF-8 at byte 2")


@pytest.mark.parametrize(("key", "values", "wanted"), [
    ("model_max_length", ["x", True, [1]], "a number"), ("tokenizer_class", [7, ["a"]], "text"),
    ("added_tokens_decoder", [[1], "x"], "an object of tokens by id"), ("model_input_names", [7, "x"], "a list of texts"),
    ("additional_special_tokens", ["x", 7], "a list of tokens"), ("extra_special_tokens", ["x", 7], "a list of tokens, or"),
    ("split_special_tokens", ["x", 1], "true or false"), ("add_bos_token", ["no"], "true or false"),
])
def test_a_setting_of_another_kind_is_refused_by_its_key(key: str, values: list, wanted: str, tmp_path: Path) -> None:
    folder = save_chat_tokenizer(tmp_path, CHATML)
    good = json.loads((folder / CONFIG).read_text())
    for value in values:
        (folder / CONFIG).write_text(json.dumps(good | {key: value}))
        assert said(folder).startswith(f"DIR/{CONFIG}: {key} = {value!r} is not {wanted}")
    (folder / CONFIG).write_text(json.dumps(good | {key: None}))
    check_files(folder)  # released ones have a null here and there


@pytest.mark.parametrize(("text", "why"), [("[1]", "not a JSON object"), ('{"<z>": "x"}', "'<z>' = 'x' is not the id of a token"),
                                           ('{"<z>": true}', "'<z>' = True is not the id")])
def test_added_tokens_without_ids_are_named(text: str, why: str, tmp_path: Path) -> None:
    folder = save_chat_tokenizer(tmp_path, CHATML)
    (folder / "added_tokens.json").write_text(text)
    assert said(folder).startswith(f"DIR/added_tokens.json: {why}")


def test_a_byte_order_mark_is_not_learnt(tmp_path: Path) -> None:
    folder = save_chat_tokenizer(tmp_path, CHATML)
    (folder / "chat_template.jinja").write_text("\ufeff" + CHATML, encoding="utf-8")
    assert said(folder).startswith("DIR/chat_template.jinja: begins with a byte order mark")
