"""Which tokens of a conversation are learnt, read off decoded text; and samples packed into rows, against a slow reading."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megatron_qm.align.sft.conversations import Conversation, Message
from megatron_qm.align.sft.packing import pack
from megatron_qm.align.sft.rendering import Rendered, Renderer, load_renderer
from megatron_qm.errors import UserError

CHATML = ("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
          "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
FORGETFUL = ("{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and not loop.last %}..."
             "{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
             "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
PLAIN = "{% for m in messages %}{{ m.content }} {% endfor %}"


def tokenizer(template: str | None):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<|im_start|>", "<|im_end|>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    inner.train_from_iterator(["assistant\nthe patient has chest pain, answer one two", "患者头痛三天"] * 9, trainer)
    made = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|im_end|>")
    made.chat_template = template
    return made


def conversation(*turns: tuple[str, str]) -> Conversation:
    return Conversation(tuple(Message(role, text, role == "assistant") for role, text in turns), "file", 1)


TWO = conversation(("system", "be brief"), ("user", "patient?"), ("assistant", "answer one"), ("user", "头痛?"),
                   ("assistant", "患者头痛三天 two"))


def learnt(made, rendered: Rendered) -> list[str]:
    """Decoded runs of learnt tokens."""
    runs: list[list[int]] = []
    for at, (token, learn) in enumerate(zip(rendered.ids, rendered.learn, strict=True)):
        if learn and (at == 0 or not rendered.learn[at - 1]):
            runs.append([])
        if learn:
            runs[-1].append(int(token))
    return [made.decode(run) for run in runs]


def test_every_answer_is_learnt_with_its_end_and_nothing_else() -> None:
    made = tokenizer(CHATML)
    rendered = Renderer(made, "t").render(TWO)
    assert learnt(made, rendered) == ["answer one<|im_end|>\n", "患者头痛三天 two<|im_end|>\n"]
    assert made.decode(rendered.ids.tolist()) == made.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in TWO.messages], tokenize=False)


def test_the_last_answer_alone() -> None:
    made = tokenizer(CHATML)
    assert learnt(made, Renderer(made, "t", only_last=True).render(TWO)) == ["患者头痛三天 two<|im_end|>\n"]


def test_a_template_that_drops_earlier_turns_is_refused_but_for_the_last() -> None:
    made = tokenizer(FORGETFUL)
    with pytest.raises(ValueError, match="renders turn 3 otherwise when more turns follow"):
        Renderer(made, "t").render(TWO)
    assert learnt(made, Renderer(made, "t", only_last=True).render(TWO)) == ["患者头痛三天 two<|im_end|>\n"]


def test_a_token_over_the_border_is_refused() -> None:
    made = tokenizer(PLAIN)
    with pytest.raises(ValueError, match="across the border of an answer"):
        Renderer(made, "t").render(conversation(("user", "the patient has chest"), ("assistant", "pain")))


def test_without_a_template_or_a_tokenizer_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no chat template"):
        Renderer(tokenizer(None), "folder")
    with pytest.raises(UserError, match="cannot load this tokenizer"):
        load_renderer(tmp_path)


@given(st.lists(st.integers(1, 24), max_size=60), st.integers(24, 40), st.integers(1, 8))
def test_packing_loses_nothing_and_overfills_nothing(lengths: list[int], capacity: int, open_rows: int) -> None:
    samples = [[n] * length for n, length in enumerate(lengths)]
    rows = list(pack(samples, capacity, open_rows))
    assert sorted(sample[0] for row in rows for sample in row) == list(range(len(lengths)))
    assert all(sum(map(len, row)) <= capacity for row in rows)
    assert rows == list(pack(samples, capacity, open_rows))


def test_packing_cuts_nothing() -> None:
    with pytest.raises(ValueError, match="25 tokens in rows of 24"):
        list(pack([[0] * 25], 24))
