"""What is put to a model, and what verifiers see of its answers: in examinations as in RL."""

from pathlib import Path

import pytest

from megatron_qm.align.rl.collect import Collector
from megatron_qm.align.rl.judging import Judging
from megatron_qm.align.rl.sampler import PromptSampler
from megatron_qm.align.rl.verdicts import Verdicts
from megatron_qm.align.rollouts.rollout import Rollout
from megatron_qm.config.rl import CurriculumConfig, RlConfig, SamplingConfig
from megatron_qm.errors import UserError
from megatron_qm.evals.answers import texts_of
from megatron_qm.evals.prompts import prompts_of
from megatron_qm.rewards.exam import exam
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Scored
from megatron_qm.tokenizer import TextTokenizer
from tests import templates
from tests.templates import save_chat_tokenizer

OPTIONS = {"A": "aspirin", "B": "heparin"}
ITEMS = [Item(str(n), "exam", ({"role": "user", "content": f"{n}: A or B?"},), "A", {"options": OPTIONS}) for n in range(2)]
# template: {what the model writes: what it is worth}
WORTH = {
    templates.R1: {"The answer is A": 0, "B?</think>The answer is A<|end|>": 1, "The answer is A</think>B": 0, "A<|end|>": 0,
                   "<think>B</think>A": 1},
    templates.QWEN3: {"The answer is A<|im_end|>": 1, "<think>B?</think>A<|im_end|>": 1, "<think>A": 0},
}


def tokenizer_of(folder: Path, template: str) -> TextTokenizer:
    tags = ("<think>", "</think>")  # special: they are kept all the same
    return TextTokenizer(save_chat_tokenizer(folder, template, special=(*templates.SPECIAL, *tags)))


@pytest.mark.parametrize("template", WORTH)
def test_an_answer_whose_thought_was_never_closed_is_worth_nothing(template: str, tmp_path: Path) -> None:
    tokenizer = tokenizer_of(tmp_path, template)
    for written, worth in WORTH[template].items():
        [text] = texts_of(ITEMS[:1], [tokenizer.encode(written)], tokenizer)
        scored = exam("", text, "A", {"options": OPTIONS})
        assert isinstance(scored, Scored) and scored.value == worth, (written, text)


class Heard:
    """Judges that give every answer what an exam gives it, and remember it."""

    def verdicts(self, items: list[Item], texts: list[str]) -> Verdicts:
        self.texts = texts
        return Verdicts([exam("", text, item.reference, item.metadata) for item, text in zip(items, texts, strict=True)], None)


def collector(folder: Path, tokenizer: TextTokenizer) -> Collector:
    config = RlConfig(items="items.jsonl", sampling=SamplingConfig(max_new_tokens=8))
    judging = Judging(config, tokenizer, None, None, lambda: None)
    return Collector(config, folder, PromptSampler(ITEMS, CurriculumConfig(), 0), tokenizer, 256, 0, judging, lambda: None)


def test_rl_judges_the_same_texts_as_examinations(tmp_path: Path) -> None:
    tokenizer = tokenizer_of(tmp_path / "tokenizer", templates.R1)
    responses = [tuple(tokenizer.encode(text)) for text in ("The answer is A", "B?</think>The answer is A<|end|>")]
    rollouts = [Rollout(str(n), (), tokens, (), None, "stop", 0, 0, "") for n, tokens in enumerate(responses)]
    (tmp_path / "rollouts").mkdir()
    heard = Heard()
    judging = Judging(RlConfig(items="items.jsonl"), tokenizer, heard, None, lambda: None)
    judging.begin(0, tmp_path / "rollouts" / "0.outcomes.jsonl", ITEMS, rollouts)
    found = judging.verdicts(0, ITEMS, rollouts)
    judging.close()
    assert heard.texts == ["<think>\nThe answer is A", "<think>\nB?</think>The answer is A"]
    assert heard.texts == texts_of(ITEMS, responses, tokenizer)
    assert [outcome.value for outcome in found.outcomes] == [0, 1]


def test_an_item_that_the_template_refuses_is_named(tmp_path: Path) -> None:
    """Some templates take no question that ends in '1'."""
    refuses = "{% if messages[-1].content[0] == '1' %}{{ raise_exception('no ones') }}{% endif %}" + templates.CHATML
    tokenizer = tokenizer_of(tmp_path, refuses)
    with pytest.raises(UserError, match="^exams.jsonl: the item '1': the chat template refuses it: no ones$"):
        prompts_of(ITEMS, tokenizer, "exams.jsonl")
    with pytest.raises(UserError, match="^rl.items = items.jsonl: the item '1': the chat template refuses it: no ones$"):
        collector(tmp_path, tokenizer)
