"""Items of every published form, planted in every way in which they are changed, are found; what only sounds like them is not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_tools.corpus.contamination.config import ContaminationConfig
from data_tools.corpus.contamination.index import build_index, phrases_of
from data_tools.corpus.contamination.items import Item, read_items, split_options
from data_tools.corpus.contamination.match import find_items, first_look
from data_tools.decontaminate import main

ZH = Item("zh", "患者女性，48岁，反复上腹痛3年，进食后加重，伴反酸、嗳气，胃镜示胃窦部溃疡。首选的治疗方案是",
          ("质子泵抑制剂联合两种抗生素", "单用铋剂", "胃大部切除术", "暗示疗法"))
EN = Item("en", "A 62-year-old man with long-standing hypertension presents with sudden tearing chest pain radiating to the "
          "back. Which investigation should be performed next?",
          ("CT angiography of the aorta", "Exercise test", "Sputum culture", "EEG"))
BEFORE, AFTER = "本章复习题选自历年真题，供读者自测。" * 3, "The explanation follows on the next page. " * 4
Change = Callable[[Item], str]


def asked(item: Item, options: tuple[str, ...] | None = None, letters: str = "ABCD", mark: str = ". ") -> str:
    offered = item.options if options is None else options
    return item.question + "\n" + "\n".join(f"{letter}{mark}{option}" for letter, option in zip(letters, offered, strict=False))


CHANGES: dict[str, Change] = {
    "exact": asked,
    "one line": lambda item: asked(item).replace("\n", " "),
    "re-spaced": lambda item: asked(item).replace(" ", " \n\t "),
    "spaces in Chinese": lambda item: " ".join(asked(item)) if item.key == "zh" else asked(item),
    "options shuffled": lambda item: asked(item, item.options[::-1]),
    "letters changed": lambda item: asked(item, letters="1234", mark=") "),
    "punctuation translated": lambda item: asked(item).translate(str.maketrans("，。、.?,-", ",.,。？，－")),
    "full width, capitals": lambda item: asked(item).upper().translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}),
    "embedded": lambda item: BEFORE + asked(item) + AFTER,
    "no options": lambda item: BEFORE + item.question + AFTER,
    "options paraphrased": lambda item: asked(item, ("another choice", "something else", "以上都不是")),
    "interrupted": lambda item: item.question[:20] + "【第3页】" + asked(item)[20:],
    "one word changed": lambda item: asked(item).replace("反复", "长期").replace("sudden", "abrupt"),
}


def found(items: list[Item], *texts: str, **settings: Any) -> list[tuple[int, str]]:
    index = build_index({"set": items}, ContaminationConfig(**settings))
    return [(match.text, index.items[match.item].key) for match in find_items(index, texts)]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("item", [ZH, EN], ids=["zh", "en"])
def test_a_planted_item_is_found(item: Item, change: str) -> None:
    assert found([ZH, EN], AFTER, CHANGES[change](item), BEFORE) == [(1, item.key)]


@pytest.mark.parametrize("text", [
    "", BEFORE, AFTER, ZH.question[:22] + "建议住院。", "首选的治疗方案是什么？胃大部切除术，暗示疗法，单用铋剂。",
    "Which investigation should be performed next? CT angiography of the aorta, exercise test, sputum culture, EEG.",
    # The same words far apart from each other.
    ("。" + "无关文字" * 40).join(ZH.question[at : at + 7] for at in range(0, 49, 7)),
])  # fmt: skip
def test_what_only_sounds_like_an_item_is_kept(text: str) -> None:
    assert not found([ZH, EN], text)


def test_a_short_question_needs_its_options() -> None:
    item = Item("short", "高血压的首选药物是", ("氨氯地平片", "阿司匹林肠溶片", "头孢克肟胶囊", "维生素C片"))
    assert not found([item], "有人问：高血压的首选药物是什么？因人而异。")
    assert found([item], asked(item, item.options[::-1])) == [(0, "short")]


def test_the_wording_of_a_set_is_no_evidence() -> None:
    """What many items begin with is in no way one of them."""
    wording = "以下关于该种疾病的各项说法当中，错误的一项是哪一项，请选出最恰当的答案："
    names = ("头孢克肟", "阿莫西林", "布洛芬片", "华法林钠", "地高辛片", "氨茶碱片", "呋塞米片", "胺碘酮片", "吗啡注射",
             "胰岛素针", "奥美拉唑", "氯雷他定", "左氧氟沙", "甲硝唑片")
    items = [Item(str(at), wording, (f"{name}由肾脏以{name}原形排出", f"孕妇禁用{name}而儿童慎用{name}"))
             for at, name in enumerate(names)]
    assert not found(items, wording + "答案在书末。")
    assert found(items, asked(items[3]))[0] == (0, "3")


def test_phrases_that_many_documents_share_are_no_evidence() -> None:
    """What stands in document after document is no item, whatever items hold of it; an item of its own words is still found."""
    phrase = "This condition is inherited in an autosomal recessive pattern, which means both copies of the gene have mutations."
    items = [Item("phrase", phrase, ()), EN]
    texts = [*(f"Syndrome {at}. {phrase}" for at in range(30)), asked(EN)]
    index = build_index({"set": items}, ContaminationConfig())
    assert len(find_items(index, texts)) == 31
    phrases = phrases_of(index, first_look(index, index.bodies, texts)[0], len(texts))
    index = build_index({"set": items}, ContaminationConfig(), phrases)
    assert [match.text for match in find_items(index, texts)] == [30] and index.too_short == {"set": ["phrase"]}


def test_items_too_short_to_be_told_from_a_phrase_are_named() -> None:
    sets = {"a": [Item("x", "什么是高血压", ()), ZH], "b": [Item("y", "Is it safe?", ("yes", "no"))]}
    index = build_index(sets, ContaminationConfig())
    assert dict(index.too_short) == {"a": ["x"], "b": ["y"]} and [item.key for item in index.items] == ["zh"]


@pytest.mark.parametrize("row", [
    {"question": "Q", "options": ["one", "two"]}, {"question": "Q", "options": {"A": "one", "B": "two"}},
    {"question": "Q", "choices": {"text": ["one", "two"], "label": ["A", "B"]}},
    {"question": {"stem": "Q", "choices": [{"text": "one", "label": "A"}, {"text": "two", "label": "B"}]}},
    {"question": "Q", "options": [{"key": "A", "value": "one"}, {"key": "B", "value": "two"}]},
    {"question": "Q", "opa": "one", "opb": "two", "cop": 1}, {"Question": "Q", "Options": "A one\nB two", "Answer": "A"},
    {"prompt": "Q\nA. one\nB. two\nAnswer as JSON.", "answer": "A"}, {"prompt": "Q (A) one (B) two"},
    {"prompt": "Q A、one B、two"},
    {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Q\nA: one\nB: two"}]},
    {"key": "k", "task": "exam", "prompt": "Q", "reference": "A", "metadata": {"options": {"A": "one", "B": "two"}}},
])  # fmt: skip
def test_forms_of_items(row: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text(json.dumps(row) + "\n")
    (item,) = read_items(tmp_path / "items.jsonl")
    assert (item.question.strip(), item.options, item.key) == ("Q", ("one", "two"), row.get("key", "1"))


@pytest.mark.parametrize("text", ["Hepatitis A and hepatitis B are both preventable.", "维生素A、B、C均为", "Type A. influenza"])
def test_letters_in_a_sentence_are_no_options(text: str) -> None:
    assert split_options(text) == (text, [])


@pytest.mark.parametrize("workers", [1, 2])
def test_the_command_reports_by_set_and_item(tmp_path: Path, workers: int) -> None:
    rows = [{"id": "a", "text": BEFORE}, {"id": "b", "text": asked(ZH)}, {"text": BEFORE + asked(EN) + asked(ZH)},
            {"text": AFTER}]
    for name, lines in (("in", rows), ("zh", [{"id": "q1", "question": ZH.question, "options": ZH.options}]),
                        ("en", [{"question": EN.question, "options": EN.options}, {"question": "Why?"}])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    named = {name: str(tmp_path / f"{name}.out.jsonl") for name in ("output", "removed", "report")}
    command = ["--input", str(tmp_path / "in.jsonl"), "--against", f"zh={tmp_path / 'zh.jsonl'}", f"en={tmp_path / 'en.jsonl'}",
               *(part for name, file in named.items() for part in (f"--{name}", file)), "--workers", str(workers)]
    assert main(command) == 0
    lines = (tmp_path / "in.jsonl").read_text().splitlines(keepends=True)
    assert Path(named["output"]).read_text() == lines[0] + lines[3]
    removed = [json.loads(line) for line in Path(named["removed"]).read_text().splitlines()]
    assert [row["id"] for row in removed] == ["b", f"{tmp_path / 'in.jsonl'}:3"]
    assert [{item["set"] for item in row["items"]} for row in removed] == [{"zh"}, {"zh", "en"}]
    report = json.loads(Path(named["report"]).read_text())
    assert report["documents"] == 4 and report["kept"] == report["dropped"] == 2
    assert report["sets"]["zh"]["documents_by_item"] == {"q1": 2} and report["sets"]["en"]["too_short"] == ["2"]
    assert main(command) == 2  # is there already


@pytest.mark.parametrize(("against", "said"), [
    ("items.jsonl", "NAME=FILE"), ("a=none.jsonl", "none.jsonl"), ("a={bad}", ":2: holds no question"), ("a={empty}", "no item"),
])  # fmt: skip
def test_refusals(tmp_path: Path, against: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad").write_text('{"question": "a"}\n{"answer": "b"}\n')
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    against = against.format(bad=tmp_path / "bad", empty=tmp_path / "empty")
    assert main(["--input", str(tmp_path / "in.jsonl"), "--against", against, "--output", str(tmp_path / "out.jsonl")]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "out.jsonl").exists()
