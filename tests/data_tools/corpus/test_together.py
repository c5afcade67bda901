"""Steps that take documents together: what becomes of each is what would become of it alone."""

import copy
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from data_tools.corpus.cleaning.cleaner import CleanConfig, cleaner
from data_tools.corpus.cleaning.counted import counted, rows_of
from data_tools.corpus.cleaning.language import LanguageConfig, language
from data_tools.corpus.cleaning.measures import Measures
from data_tools.corpus.cleaning.pairs import Pairs
from data_tools.corpus.cleaning.quality import SHIPPED, QualityConfig, quality, read_rules, still_open
from data_tools.corpus.cleaning.utf16 import batches
from data_tools.corpus.cleaning.whole import CleaningConfig, cleaning
from data_tools.corpus.document import Document, Dropped, Step, Together, through
from data_tools.corpus.reading import ReadAs
from data_tools.corpus.steps import Pass, StepOf
from data_tools.sources.blocks import Block, Position
from data_tools.sources.inputs import find_inputs
from megatron_qm.errors import UserError

PARTS = ["患者发热三天，", "咳嗽。", "的的", "楼主", "加微信", "免费咨询", "高血压", "\n", "首页\n", "&amp;", "\u3000", "𠮷", "é",
         "The patient has a fever of the lung. ", "casino jackpot ", "the of ", "read more...", "{x}", "= ';\n", "123 ",
         "麼", "あ"]


def texts(count: int, seed: int) -> list[str]:
    chance = random.Random(seed)
    return ["".join(chance.choices(PARTS, k=chance.randint(1, 40))) for _ in range(count)]


@pytest.mark.parametrize("step", [cleaner(CleanConfig()), language(LanguageConfig(["zh", "en"])), quality(QualityConfig()),
                                  cleaning(CleaningConfig())], ids=["clean", "language", "quality", "all"])  # fmt: skip
def test_many_documents_come_out_as_each_alone(step: Step) -> None:
    documents = [Document(text, {"id": str(number)}) for number, text in enumerate(texts(300, 1))]
    alone = [step(copy.deepcopy(document)) for document in documents]
    assert list(through(step, copy.deepcopy(documents))) == alone


def test_batches_are_the_documents_in_their_order() -> None:
    documents = [Document("x" * size) for size in (1, 1 << 17, 5, 1 << 16, 1 << 16, 3)]
    assert [len(some) for some in batches(documents)] == [2, 3, 1]
    assert [one for some in batches(documents) for one in some] == documents and not list(batches([]))


def test_pairs_are_counted_by_kind_and_not_across_texts() -> None:
    kinds = [{"ab", "bc", "天地"}, {"bc", "ca"}]
    made = ["".join(random.Random(seed).choices("abc天地𠮷", k=seed % 9)) for seed in range(200)]
    naive = [[sum(text[at : at + 2] in kind for at in range(len(text))) for kind in kinds] for text in made]
    assert Pairs(kinds).counts_of(made).tolist() == naive


def test_the_rules_left_open_by_counts_drop_what_all_rules_drop() -> None:
    rules = read_rules(SHIPPED)
    for name, made in (("zh", texts(200, 2)), ("en", texts(200, 3)), ("any", texts(200, 4))):
        columns = counted(made, [name == "zh"] * len(made), rules.lists)
        for text, known, left in zip(made, rows_of(columns), still_open(rules.of[name], columns), strict=True):
            measures = Measures(text, name, {}, rules.lists, known)
            broken = [rule for rule in rules.of[name]
                      if all(low <= getattr(measures, of) <= high for of, low, high in rule.when)
                      and not rule.low <= getattr(measures, rule.measure) <= rule.high]  # fmt: skip
            assert set(broken) <= set(left)


def test_counts_of_one_text_are_those_among_others() -> None:
    lists = read_rules(SHIPPED).lists
    made = ["", *texts(50, 5), ""]
    alone = [rows_of(counted([text], [True], lists))[0] for text in made]
    assert rows_of(counted(made, [True] * len(made), lists)) == alone
    assert all(np.isfinite(list(row.values())).all() for row in alone)


def test_a_step_that_fails_names_the_document_it_fails_on(tmp_path: Path) -> None:
    def broken(documents: Sequence[Document]) -> Iterator[Document | Dropped]:
        for document in documents:
            if document.text == "third":
                raise ValueError("no")
            yield document

    (tmp_path / "a.jsonl").write_bytes(data := b'{"text": "first"}\n{"text": "second"}\n{"text": "third"}\n')
    item = find_inputs([str(tmp_path / "a.jsonl")], None, "file")[0]
    work = Pass([ReadAs(item)], [StepOf("broken", lambda _: Together(broken), None)], 1 << 20)
    with pytest.raises(UserError, match=r"a\.jsonl:3: broken failed on this document: ValueError: no"):
        work(Block(0, 0, 3, data, Position(1, 0, 0), len(data)))
