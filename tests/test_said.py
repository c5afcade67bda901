"""No message is lost on its way through a chat template: at each door that renders messages for a model."""

import json
import re
from argparse import Namespace
from pathlib import Path

import pytest

from megatron_qm.align.rl.collect import Collector
from megatron_qm.align.rl.judging import Judging
from megatron_qm.align.rl.sampler import PromptSampler
from megatron_qm.align.rollouts.prompts import read_requests
from megatron_qm.chat import TemplateError
from megatron_qm.checkpoint.manifest import MANIFEST
from megatron_qm.commands import pairs
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.rl import CurriculumConfig, RlConfig, SamplingConfig
from megatron_qm.errors import UserError
from megatron_qm.evals.prompts import prompts_of
from megatron_qm.loopback import Refused
from megatron_qm.model.generation.request import Sampling
from megatron_qm.rewards.items import Item
from megatron_qm.said import end_of_leaf
from megatron_qm.serving.asked import read
from megatron_qm.serving.text import SharedTokenizer
from megatron_qm.tokenizer import TextTokenizer
from tests import templates
from tests.align import templates as styles
from tests.templates import save_chat_tokenizer

Turns = list[dict[str, str]]


def turns(*said: tuple[str, str]) -> Turns:
    return [{"role": role, "content": text} for role, text in said]


NO_SYSTEM = templates.CHATML.replace("{% for m in messages %}", "{% for m in messages if m.role != 'system' %}")
# template, messages, and which of them is lost
LOST = [
    (styles.QWEN3, turns(("developer", "IMPORTANT"), ("user", "Q")), 0),
    (styles.QWEN3, turns(("User", "Q")), 0),
    (styles.QWEN3, turns(("user", "Q"), ("assistant", "A"), ("system", "Be brief")), 2),
    (NO_SYSTEM, turns(("system", "Be brief"), ("user", "Q")), 0),
    (NO_SYSTEM, turns(("system", "s"), ("user", "Is it so?")), 0),  # found in the question by chance
    (styles.MISTRAL, turns(("system", "Be brief"), ("User", "Q")), 0),
    (styles.QWEN25, turns(("system", "Be"), ("system", "Be brief"), ("user", "Q")), 1),
    (styles.QWEN25, turns(("system", "Be brief"), ("system", "Be"), ("user", "Q")), 1),  # found in the first by chance
    (templates.CHATML.replace("{{ m.content }}", "{{ m.content if m.content | length > 1 }}"), turns(("user", "u")), 0),
    (styles.MISTRAL, turns(("user", "Q"), ("User", "Q")), 1),
    (templates.CHATML.replace("in messages", "in messages | reverse"), turns(("user", "Q"), ("assistant", "A")), 1),
]
LEGAL = turns(("system", " Be brief.\n"), ("user", "Which?\n"), ("assistant", "<think>\nHm.\n</think>\n\nA"), ("user", "A"))
STYLES = {name: getattr(styles, name) for name in ("CHATML", "EVERYTHING", "QWEN25", "QWEN3", "LLAMA3", "MISTRAL", "GEMMA",
                                                    "DEEPSEEK_R1")}


def tokenizer_of(folder: Path, template: str) -> TextTokenizer:
    return TextTokenizer(save_chat_tokenizer(folder, template))


@pytest.mark.parametrize(("template", "messages", "lost"), LOST)
def test_a_message_that_the_template_drops_is_named(template: str, messages: Turns, lost: int, tmp_path: Path) -> None:
    tokenizer, role = tokenizer_of(tmp_path, template), messages[lost]["role"]
    for rendered in (tokenizer.encode, tokenizer.conversation):
        with pytest.raises(TemplateError, match=rf"leaves out messages\[{lost}\], '.*', whose role is '{role}'; put it"):
            rendered(messages)


@pytest.mark.parametrize("text", ["Which?", "u", "no no"])
def test_a_message_that_the_template_writes_twice_is_named(text: str, tmp_path: Path) -> None:
    tokenizer = tokenizer_of(tmp_path, templates.CHATML.replace("{{ m.content }}", "{{ m.content }} {{ m.content }}"))
    for rendered in (tokenizer.encode, tokenizer.conversation):
        with pytest.raises(TemplateError, match=rf"writes 2 times messages\[0\], '{re.escape(text)}', whose role is 'user'; "):
            rendered(turns(("user", text)))


@pytest.mark.parametrize("text", ["over</think>dose", "A <think>b</think> c", "<think>a</think>b</think>c"])
def test_marks_of_thoughts_within_a_text_cut_none(text: str, tmp_path: Path) -> None:
    tokenizer = tokenizer_of(tmp_path, styles.QWEN3)
    messages = turns(("user", "Q"), ("assistant", text), ("user", "R"))
    for rendered, some in ((tokenizer.encode, messages), (tokenizer.conversation, messages[:2])):
        with pytest.raises(TemplateError, match=r"out messages\[1\], .* whose role is 'assistant'; .* cuts the text there"):
            rendered(some)
    plain = tokenizer_of(tmp_path, templates.CHATML)
    assert text in plain.decode(plain.encode(messages))


@pytest.mark.parametrize("style", STYLES)
def test_what_templates_do_by_design_is_no_loss(style: str, tmp_path: Path) -> None:
    """Blanks are trimmed, thoughts of the past are left out, the system's text stands in the question."""
    tokenizer = tokenizer_of(tmp_path, STYLES[style])
    for messages in (LEGAL, LEGAL[1:], LEGAL[1:2], [*LEGAL[:1], *LEGAL[3:]], turns(("user", "")), turns(("user", " \n"))):
        written = tokenizer.decode(tokenizer.encode(messages))
        assert all(one["content"].split("</think>")[-1].strip() in written for one in messages)
        tokenizer.conversation([*messages, *turns(("assistant", "B"))])


@pytest.mark.parametrize("template", [value for name, value in vars(templates).items()
                                      if name.isupper() and isinstance(value, str) and "messages" in value])
def test_a_question_passes_every_template(template: str, tmp_path: Path) -> None:
    tokenizer = tokenizer_of(tmp_path, template)
    assert "Which?" in tokenizer.decode(tokenizer.encode(turns(("user", "Which?"))))


def test_a_system_text_that_the_last_question_holds_is_no_loss(tmp_path: Path) -> None:
    last = ("{% for m in messages if m.role != 'system' %}{% if loop.last and messages[0].role == 'system' %}"
            "{{ messages[0].content }}\n{% endif %}<|{{ m.role }}|>{{ m.content }}{% endfor %}")
    tokenizer = tokenizer_of(tmp_path, last)
    assert tokenizer.encode(turns(("system", "Be brief"), ("user", "Q"), ("assistant", "A"), ("user", "R")))


@pytest.mark.parametrize(("leaf", "written"), [
    (100.0, "100"), (100.0, "100.0"), (1e3, "1000.0"), (-2.0, "-2"), (0.5, "0.5"), (7, "7")])
def test_a_number_stands_however_it_is_spelt(leaf: float, written: str) -> None:
    assert end_of_leaf(leaf, f"mg: {written} ", 0, 99) == 4 + len(written)
    assert end_of_leaf(leaf, "mg: 3", 0, 99) is None


def test_a_conversation_of_one_shape_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from megatron_qm.chat import ChatTemplate

    tokenizer, rendered, real = tokenizer_of(tmp_path, templates.CHATML), [], ChatTemplate.render
    tokenizer.encode(turns(("system", "s"), ("user", "?")))  # the template's control tokens are found once
    monkeypatch.setattr(ChatTemplate, "render", lambda *given, **more: rendered.append(1) or real(*given, **more))
    for number in range(9):
        tokenizer.encode(turns(("user", f"{number}?")))
    assert len(rendered) == 10


DROPPED, SAID = LOST[0][1], r"leaves out messages\[0\], 'IMPORTANT', whose role is 'developer'"


def test_rl_and_evaluate_name_file_and_item(tmp_path: Path) -> None:
    tokenizer = tokenizer_of(tmp_path, styles.QWEN3)
    items = [Item("a", "format", tuple(DROPPED), "x")]
    with pytest.raises(UserError, match=f"^exams.jsonl: the item 'a': the chat template {SAID}"):
        prompts_of(items, tokenizer, "exams.jsonl")
    config = RlConfig(items="items.jsonl", sampling=SamplingConfig(max_new_tokens=8))
    judging = Judging(config, tokenizer, None, None, lambda: None)
    with pytest.raises(UserError, match=f"^rl.items = items.jsonl: the item 'a': the chat template {SAID}"):
        Collector(config, tmp_path, PromptSampler(items, CurriculumConfig(), 0), tokenizer, 256, 0, judging, lambda: None)


def test_generate_names_the_line(tmp_path: Path) -> None:
    tokenizer, prompts = tokenizer_of(tmp_path, styles.QWEN3), tmp_path / "prompts.jsonl"
    prompts.write_text("\n".join(json.dumps({"messages": messages}) for messages in (DROPPED[1:], DROPPED)))
    with pytest.raises(UserError, match=f"prompts.jsonl, line 2: .*{SAID}"):
        read_requests(prompts, tokenizer.encode, Sampling())


def test_evaluate_of_pairs_names_the_line_before_a_rank_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer, lines = tokenizer_of(tmp_path / "t", styles.QWEN3), tmp_path / "pairs.jsonl"
    said = [{"messages": LEGAL[:2], "chosen": "a", "rejected": "b"},
            {"messages": LEGAL[:2], "chosen": "a", "rejected": "over</think>dose", "key": "k"}]
    lines.write_text("\n".join(map(json.dumps, said)))
    (tmp_path / MANIFEST).write_text("{}")
    for name in ("read_manifest", "reward_model_of", "on_ranks"):
        monkeypatch.setattr(pairs, name, lambda *given: None)
    monkeypatch.setattr(pairs, "layout", lambda *given: (ParallelConfig(), 1))
    monkeypatch.setattr(pairs, "tokenizer_of", lambda *given: tokenizer)
    args = Namespace(model=tmp_path, pairs=lines, tp=1, pp=1, nproc=1, dtype=None, device="cpu", tokenizer=None,
                     template_argument=[])
    with pytest.raises(UserError, match=r"pairs.jsonl:2: the pair 'k': the chat template leaves out messages\[2\], 'over</"):
        pairs.evaluate_by_model(args)
    lines.write_text(json.dumps(said[0]))
    pairs.evaluate_by_model(args)


def test_serve_answers_400(tmp_path: Path) -> None:
    tokenizer = SharedTokenizer(tokenizer_of(tmp_path, styles.QWEN3))
    assert read({"messages": DROPPED[1:]}, tokenizer, 256, 16, chat=True).requests
    with pytest.raises(Refused, match=f"^messages: .*{SAID}") as refused:
        read({"messages": DROPPED}, tokenizer, 256, 16, chat=True)
    assert refused.value.status == 400
