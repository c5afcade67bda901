"""Which tokens of a conversation are learnt, and that nothing of it is lost: read off decoded text, and transformers' masks."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from megatron_qm.align.sft.conversations import Conversation, Message, UnusableError
from megatron_qm.align.sft.formats import parse
from megatron_qm.align.sft.packing import pack
from megatron_qm.align.sft.rendering import Rendered, Renderer, load_renderer
from megatron_qm.errors import UserError
from megatron_qm.said import EARLIER, REWRITTEN, TRIMMED
from tests.align.templates import (
    CHATML,
    DEEPSEEK_R1,
    EVERYTHING,
    GEMMA,
    LLAMA3,
    MISTRAL,
    QWEN3,
    QWEN25,
    tokenizer,
)

FORGETFUL = CHATML.replace("{{ m.content }}", "{{ '...' if m.role == 'assistant' and not loop.last else m.content }}")
GLUED = "{% for m in messages %}{{ m.content }} {% if m.role == 'assistant' %}<|im_end|>{% endif %}{% endfor %}"


def conversation(*turns: tuple[str, str]) -> Conversation:
    return Conversation(tuple(Message(role, text, role == "assistant") for role, text in turns), "file", 1)


TWO = conversation(("system", "be brief"), ("user", "patient?"), ("assistant", "answer one"), ("user", "头痛?"),
                   ("assistant", "患者头痛三天 two"))
CALL = {"type": "function", "function": {"name": "dose", "arguments": {"drug": "aspirin", "mg": 100, "note": "a \"b\" <c> 三"}}}
TOOL = {"type": "function", "function": {
    "name": "dose", "description": "The dose of a drug", "parameters": {
        "type": "object", "properties": {"drug": {"type": "string", "description": "its name"}, "mg": {"type": "number"},
                                         "note": {"type": "string", "enum": ["x1", "x2"]}}, "required": ["drug"]}}}
AGENT = {"tools": [TOOL], "messages": [
    {"role": "system", "content": "be brief"}, {"role": "user", "content": "which dose?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]}, {"role": "tool", "content": "{\"max\": \"4 g\"}"},
    {"role": "assistant", "content": "At most 4 g."}]}
FULL = {"tools": [TOOL], "messages": [
    AGENT["messages"][0], {**AGENT["messages"][1], "name": "Ann"}, *AGENT["messages"][2:4],
    {"role": "assistant", "reasoning_content": "It depends.", "content": "At most 4 g."}]}
THOUGHT = {"messages": [{"role": "user", "content": "how much?"},
                        {"role": "assistant", "reasoning_content": "It depends on age.", "content": "Four."}]}


def learnt(made, rendered: Rendered) -> list[str]:
    """Decoded runs of learnt tokens."""
    runs: list[list[int]] = []
    for at, (token, learn) in enumerate(zip(rendered.ids, rendered.learn, strict=True)):
        if learn and (at == 0 or not rendered.learn[at - 1]):
            runs.append([])
        if learn:
            runs[-1].append(int(token))
    return [made.decode(run) for run in runs]


def render(template: str, sample: dict, **options) -> list[str]:
    made = tokenizer(template)
    return learnt(made, Renderer(made, "t", **options).render(parse(sample)))


def refused(template: str, sample: dict | Conversation, **options) -> UnusableError:
    renderer = Renderer(tokenizer(template), "t", **options)
    with pytest.raises(UnusableError) as caught:
        renderer.render(sample if isinstance(sample, Conversation) else parse(sample))
    return caught.value


def test_every_answer_is_learnt_with_its_end_and_nothing_else() -> None:
    made = tokenizer(CHATML)
    rendered = Renderer(made, "t").render(TWO)
    assert learnt(made, rendered) == ["answer one<|im_end|>\n", "患者头痛三天 two<|im_end|>\n"]
    assert made.decode(rendered.ids.tolist()) == made.apply_chat_template(
        [{"role": m.role, "content": m.content} for m in TWO.messages], tokenize=False)


def test_the_last_answer_alone() -> None:
    made = tokenizer(CHATML)
    assert learnt(made, Renderer(made, "t", only_last=True).render(TWO)) == ["患者头痛三天 two<|im_end|>\n"]


def test_answers_of_no_weight_are_read_and_not_learnt() -> None:
    sample = {"messages": [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "wrong", "weight": 0},
                           {"role": "user", "content": "b?"}, {"role": "assistant", "content": "right", "weight": 1}]}
    assert render(CHATML, sample) == ["right<|im_end|>\n"]
    sample["messages"][3]["weight"] = 0
    assert refused(CHATML, sample).kind == "it has no answer to learn from"


ENDS = {"chatml": (CHATML, "<|im_end|>\n"), "qwen2.5": (QWEN25, "<|im_end|>\n"), "llama3": (LLAMA3, "<|eot_id|>"),
        "mistral": (MISTRAL, "</s>"), "gemma": (GEMMA, "<end_of_turn>\n")}


@pytest.mark.parametrize("style", ENDS)
def test_the_published_styles_teach_the_answers_with_their_end(style: str) -> None:
    template, end = ENDS[style]
    made = tokenizer(template)
    rendered = Renderer(made, "t").render(TWO)
    assert learnt(made, rendered) == [f"answer one{end}", f"患者头痛三天 two{end}"]
    assert "be brief" in made.decode(rendered.ids.tolist()) and not rendered.notes


@pytest.mark.parametrize("style", ["chatml", "llama3", "gemma"])
def test_the_mask_is_that_of_transformers(style: str) -> None:
    """Which follows `{% generation %}`, put round the answers by hand."""
    head, end = {
        "chatml": ("<|im_start|>assistant\n", "<|im_end|>\n"), "gemma": ("<start_of_turn>model\n", "<end_of_turn>\n"),
        "llama3": ("<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"),
    }[style]
    asked = head.replace("assistant", "user").replace("model", "user")
    made = tokenizer(
        "{% for m in messages %}{% if m.role == 'assistant' %}" + head + "{% generation %}{{ m.content }}" + end
        + "{% endgeneration %}{% else %}" + asked + "{{ m.content }}" + end + "{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}" + head + "{% endif %}")
    some = conversation(*[(m.role, m.content or "") for m in TWO.messages[1:]])
    turns = [m.for_template() for m in some.messages]
    theirs = made.apply_chat_template(turns, return_assistant_tokens_mask=True, return_dict=True)
    ours = Renderer(made, "t").render(some)
    assert ours.ids.tolist() == theirs["input_ids"] and ours.learn.astype(int).tolist() == theirs["assistant_masks"]
    assert 0 < ours.learn.sum() < len(ours)


def test_the_mask_is_that_of_transformers_with_tools_and_reasoning_too() -> None:
    body = EVERYTHING[EVERYTHING.index("{% if m.role != 'tool'") : EVERYTHING.index("{% endfor %}{% if add")]
    assert body.endswith("<|im_end|>\n")
    both = "{% if m.role == 'assistant' %}{% generation %}" + body + "{% endgeneration %}{% else %}" + body + "{% endif %}"
    made, some = tokenizer(EVERYTHING.replace(body, both)), parse(FULL)
    theirs = made.apply_chat_template([m.for_template() for m in some.messages], tools=list(some.tools),
                                      return_assistant_tokens_mask=True, return_dict=True)
    ours = Renderer(made, "t").render(some)
    assert ours.ids.tolist() == theirs["input_ids"] and ours.learn.astype(int).tolist() == theirs["assistant_masks"]


def test_tools_and_their_calls_are_rendered_and_the_calls_learnt() -> None:
    call = '{"name": "dose", "arguments": {"drug": "aspirin", "mg": 100, "note": "a \\"b\\" <c> 三"}}'
    for template in (QWEN25, QWEN3):
        thought = "" if template == QWEN25 else "<think>\n\n</think>\n\n"
        assert render(template, AGENT, only_last=True) == [f"{thought}At most 4 g.<|im_end|>\n"]
    assert render(QWEN25, AGENT) == [f"<tool_call>\n{call}\n</tool_call><|im_end|>\n", "At most 4 g.<|im_end|>\n"]
    assert render(LLAMA3, AGENT)[0] == call.replace("arguments", "parameters") + "<|eot_id|>"
    ended_with_a_call = {**AGENT, "messages": AGENT["messages"][:3]}
    assert render(QWEN25, ended_with_a_call) == [f"<tool_call>\n{call}\n</tool_call><|im_end|>\n"]


def test_arguments_of_a_call_may_be_json_text() -> None:
    text = json.loads(json.dumps(AGENT))
    function = text["messages"][2]["tool_calls"][0]["function"]
    function["arguments"] = json.dumps(function["arguments"])
    text["tools"] = json.dumps(text["tools"])
    assert parse(text) == parse(AGENT)


def test_an_argument_that_the_template_does_not_read_is_refused() -> None:
    why = "^t: the chat template reads no argument 'foo'; mend data.template_arguments = {'foo': 5}"
    with pytest.raises(UserError, match=why):
        Renderer(tokenizer(QWEN3), "t", arguments={"foo": 5})


def test_reasoning_is_learnt_where_the_template_shows_it() -> None:
    inline = {"prompt": "how much?", "completion": "<think>It depends on age.</think>Four."}
    expected = ["<think>\nIt depends on age.\n</think>\n\nFour.<|im_end|>\n"]
    assert render(QWEN3, THOUGHT) == expected == render(QWEN3, inline)
    made = tokenizer(QWEN3)
    assert Renderer(made, "t").render(parse(inline)).notes == {REWRITTEN}
    assert refused(CHATML, THOUGHT).kind == "the template leaves out the reasoning of the answer"
    for name in ("thinking", "reasoning"):
        assert parse(json.loads(json.dumps(THOUGHT).replace("reasoning_content", name))) == parse(THOUGHT)
    assert render(EVERYTHING.replace("m.reasoning_content", "m.thinking"), THOUGHT) == [
        "<think>It depends on age.</think>Four.<|im_end|>\n"]


def test_a_thought_is_left_open_by_what_asks_for_an_answer() -> None:
    opened = EVERYTHING.replace("assistant\n{% endif %}", "assistant\n<think>{% endif %}")
    assert render(opened, THOUGHT) == ["It depends on age.</think>Four.<|im_end|>\n"]
    said = refused(DEEPSEEK_R1, {"prompt": "how much?", "completion": "<think>It depends.</think>Four."})
    assert said.kind == "the chat template does not begin an answer as it asks for one" and "<think>" in said.detail


def test_the_templates_arguments_count() -> None:
    sample = {"prompt": "how much?", "completion": "Four."}
    assert render(QWEN3, sample) == ["<think>\n\n</think>\n\nFour.<|im_end|>\n"]
    assert render(QWEN3, sample, arguments={"enable_thinking": False}) == ["Four.<|im_end|>\n"]


@pytest.mark.parametrize("earlier", [{"reasoning_content": "It depends.", "content": "Four."},
                                     {"content": "<think>It depends.</think>Four."}])
def test_thoughts_of_earlier_turns_may_go_and_are_counted(earlier: dict) -> None:
    turns = [{"role": "user", "content": "a?"}, {"role": "assistant", "weight": 0, **earlier}, *THOUGHT["messages"]]
    made = tokenizer(QWEN3)
    rendered = Renderer(made, "t").render(parse({"messages": turns}))
    assert rendered.notes == {EARLIER} and "depends." not in made.decode(rendered.ids.tolist())
    turns[1]["weight"] = 1
    assert refused(QWEN3, {"messages": turns}).kind == "the chat template renders a turn otherwise when more turns follow"


WITHIN = ["over</think>dose", "Say </think> to end a thought.", "<think>a</think>b</think>c", "A <think>b</think> c",
          "<think>a<think>b</think>c", "It ends.\n</think>\n\nFour </think>.", "t</think>t"]


@pytest.mark.parametrize("text", WITHIN)
def test_marks_of_thoughts_within_a_text_cut_none(text: str) -> None:
    """Qwen3's rule takes what stands before the last of them for a thought, and loses what stands before that."""
    last = {"prompt": "how much?", "completion": text}
    earlier = {"messages": [{"role": "user", "content": "a?"}, {"role": "assistant", "content": text, "weight": 0},
                            {"role": "user", "content": "b?"}, {"role": "assistant", "content": "Four."}]}
    for sample, what in ((last, "answer: turn 2"), (earlier, "answer: turn 2")):
        said = str(refused(QWEN3, sample))
        assert said.startswith(f"the template leaves out the text of the {what}") and "marks of a thought, and cuts" in said
    assert render(CHATML, last) == [f"{text}<|im_end|>\n"] and render(CHATML, earlier) == ["Four.<|im_end|>\n"]


@pytest.mark.parametrize("text", ["It depends.\n</think>\n\nFour.", " <think>\nIt depends.</think>Four.", "<think></think>Four."])
def test_a_thought_before_the_answer_is_one(text: str) -> None:
    thought = "It depends." if "depends" in text else ""
    made = tokenizer(QWEN3)
    rendered = Renderer(made, "t").render(parse({"prompt": "how much?", "completion": text}))
    assert learnt(made, rendered) == [f"<think>\n{thought}\n</think>\n\nFour.<|im_end|>\n"] and rendered.notes <= {REWRITTEN}


@pytest.mark.parametrize("letters", [1, 2])
def test_a_template_that_loses_short_texts_is_told(letters: int) -> None:
    curt = CHATML.replace("{{ m.content }}", f"{{{{ m.content if m.content | length > {letters} or m.role == 'assistant' }}}}")
    sample = {"prompt": "as"[:letters], "completion": "Four."}  # both letters stand in "assistant"
    assert refused(curt, sample).kind == "the template leaves out the text of the user message"


def test_trimmed_blanks_are_counted() -> None:
    made = tokenizer(LLAMA3)
    rendered = Renderer(made, "t").render(conversation(("user", " why?\n"), ("assistant", "because ")))
    assert rendered.notes == {TRIMMED} and learnt(made, rendered) == ["because<|eot_id|>"]


def without(part: str, by: str = "", of: str = EVERYTHING) -> str:
    assert part in of
    return of.replace(part, by)


def without_texts_of(role: str) -> str:
    return without("{{ m.content or '' }}", f"{{{{ m.content or '' if m.role != '{role}' }}}}")


BROKEN = {
    "a typo in the content": (without("{{ m.content or '' }}", "{{ m.contnet or '' }}"), "the text of the system message"),
    "no system message": (without("{% for m in messages %}", "{% for m in messages if m.role != 'system' %}"),
                          "the text of the system message"),
    "no question": (without_texts_of("user"), "the text of the user message"),
    "no answer": (without_texts_of("assistant"), "the text of the answer"),
    "no result": (without_texts_of("tool"), "the text of the tool message"),
    "a cut answer": (without("{{ m.content or '' }}", "{{ (m.content or '')[:3] }}"), "the text of the system message"),
    "no reasoning": (without("{{ m.reasoning_content }}"), "the reasoning of the answer"),
    "no names of calls": (without("{{ call.function | tojson }}", "{{ call.function.arguments | tojson }}"),
                          "the tool call of the answer"),
    "no arguments": (without("{{ call.function | tojson }}", "{{ call.function.name }}"), "the tool call of the answer"),
    "no tools": (without("{{ tool | tojson }}"), "tools"),
    "tools by name alone": (without("{{ tool | tojson }}", "{{ tool.function.name }}"), "tools"),
    "no names": (without("[{{ m.name }}]"), "the name of the user message"),
}



@pytest.mark.parametrize("fault", BROKEN)
def test_a_template_that_loses_something_is_told(fault: str) -> None:
    template, lost = BROKEN[fault]
    assert refused(template, FULL).kind == f"the template leaves out {lost}"
    assert render(EVERYTHING, FULL)[-1] == "<think>It depends.</think>At most 4 g.<|im_end|>\n"


@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool"])
def test_a_loss_is_seen_where_the_text_is_found_elsewhere_by_chance(role: str) -> None:
    """Every text is in the other turns too."""
    turns = [("system", "e"), ("user", "e"), ("assistant", "e"), ("tool", "e"), ("assistant", "e")]
    refused(without_texts_of(role), conversation(*turns))
    Renderer(tokenizer(EVERYTHING), "t").render(conversation(*turns))


@pytest.mark.parametrize("sample", [FULL, THOUGHT, {**AGENT, "messages": AGENT["messages"][:3]}])
def test_an_answer_without_an_end_is_told(sample: dict) -> None:
    """The token that closes a call is no end of the turn."""
    assert refused(without("<|im_end|>"), sample).kind == "no end after the answer in what the template makes of it"
    before_the_next = "{% if not loop.first %}<|im_end|>{% endif %}<|im_start|>{{"
    assert refused(without("<|im_end|>\n{% endfor %}", "\n{% endfor %}").replace("<|im_start|>{{", before_the_next), sample)


def test_an_end_that_is_an_ordinary_added_token_is_one() -> None:
    made = tokenizer(CHATML, special=["<|im_start|>"], added=["<|im_end|>"])
    assert learnt(made, Renderer(made, "t").render(TWO))[0] == "answer one<|im_end|>\n"


@pytest.mark.parametrize(("role", "who"), [("system", "system message"), ("user", "user message"), ("assistant", "answer")])
def test_a_template_that_writes_a_message_twice_is_told(role: str, who: str) -> None:
    twice = CHATML.replace("{{ m.content }}", f"{{{{ m.content }}}}{{{{ m.content if m.role == '{role}' }}}}")
    said = refused(twice, conversation(("system", "s"), ("user", "yes yes"), ("assistant", "yes")))
    assert said.kind == f"the template writes the text of the {who} more than once" and "2 times" in said.detail
    made = tokenizer(CHATML)  # texts that hold each other are no fault
    Renderer(made, "t").render(conversation(("user", "yes yes"), ("assistant", "yes")))


def test_a_template_that_writes_reasoning_twice_is_told() -> None:
    twice = EVERYTHING.replace("{{ m.reasoning_content }}", "{{ m.reasoning_content }}{{ m.thinking }}")
    assert refused(twice, THOUGHT).kind == "the template writes the reasoning of the answer more than once"


def test_a_template_that_refuses_a_conversation_is_quoted() -> None:
    said = refused("{{ raise_exception('no thanks') }}", TWO)
    assert said.kind == "it cannot be rendered" and "no thanks" in str(said)


def test_a_template_that_drops_earlier_turns_is_refused_but_for_the_last() -> None:
    said = refused(FORGETFUL, TWO)
    assert said.kind == "the chat template renders a turn otherwise when more turns follow" and "turn 3" in said.detail
    assert refused(FORGETFUL, TWO, only_last=True).kind == "the template leaves out the text of the answer"


def test_a_token_over_the_border_is_refused() -> None:
    said = refused(GLUED, conversation(("user", "the patient has chest"), ("assistant", "pain")))
    assert said.kind == "a token lies across the border of an answer"


def test_without_a_template_or_a_tokenizer_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no chat template"):
        Renderer(tokenizer(None), "folder")
    with pytest.raises(UserError, match="cannot load this tokenizer"):
        load_renderer(tmp_path)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FILLED = TEXT.filter(str.strip)
VALUES = st.recursive(TEXT | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6)
CALLS = st.builds(lambda name, arguments: {"function": {"name": name, "arguments": arguments}},
                  FILLED, st.dictionaries(TEXT, VALUES, max_size=3))


def tool(name: str, said: str, keys: list[str]) -> dict:
    parameters = {"type": "object", "properties": {key: {"type": "string", "description": said} for key in keys}}
    return {"name": name, "description": said, "parameters": parameters}


TOOLS = st.lists(st.builds(tool, FILLED, TEXT, st.lists(TEXT, max_size=3)), max_size=2)


def texts_within(value: object) -> list[str]:
    """Every text of a JSON value, keys too, but for the names of fields."""
    if isinstance(value, dict):
        return [text for key, each in value.items() for text in (key, *texts_within(each))]
    if isinstance(value, list):
        return [text for each in value for text in texts_within(each)]
    return [value] if isinstance(value, str) else []


RENDERER = Renderer(tokenizer(EVERYTHING), "t")


@settings(max_examples=150, deadline=None)
@given(TEXT, TOOLS, TEXT, FILLED, TEXT, FILLED, CALLS, TEXT)
@example("", [], "", "0", "", "0", {"function": {"name": "0", "arguments": {"\n": None}}}, "")
def test_nothing_that_is_accepted_is_lost(
    system: str, tools: list, name: str, question: str, thought: str, answer: str, call: dict, result: str
) -> None:
    """Whatever the texts, each is found in the rendering, as it is or as JSON writes it; and the answers' in what is learnt."""
    sample = {"system": system, "tools": tools, "messages": [
        {"role": "user", "content": question, "name": name},
        {"role": "assistant", "tool_calls": [call], "reasoning_content": thought},
        {"role": "tool", "content": result}, {"role": "assistant", "content": answer}]}
    rendered = RENDERER.render(parse(sample))

    def within(text: str, whole: str) -> bool:
        return text in whole or json.dumps(text, ensure_ascii=False)[1:-1] in whole

    whole, answers = RENDERER.decode(rendered.ids), RENDERER.decode(rendered.ids[rendered.learn])
    assert all(within(text, whole) for text in [system, name, question, result, *texts_within(tools)])
    assert all(within(text, answers) for text in [thought, answer, *texts_within(call)[2:]])


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
