"""Chat templates in the ways of those that models are released with, and tokenizers that know their special tokens."""

import json
from pathlib import Path
from typing import Any

from data_tools.train_tokenizer import save, train

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "{% for c in m.tool_calls or [] %}\n<tool_call>\n{{ c.function | tojson }}\n</tool_call>{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# As Qwen3's: an empty thought before the last answer alone, or in the prompt where thinking is switched off.
QWEN3 = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if loop.last and m.role == 'assistant' %}<think>\n{{ (m.reasoning_content or '').strip() }}\n</think>\n\n{% endif %}"
    "{{ m.content.split('</think>')[-1].lstrip('\n') }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
THINKING = QWEN3.replace("{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}",
                         "<think>\n")
# As DeepSeek-R1's and QwQ's: thoughts are dropped from the past, and opened in the prompt.
R1 = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}<|user|>{{ m.content }}"
    "{% else %}<|assistant|>{{ m.content.split('</think>')[-1] }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}"
)
# As DeepSeek-V3.1's: every answer stands behind a closed thought, and the prompt opens or closes it.
V31 = (
    "{% for m in messages %}{% if m.role == 'user' %}<|user|>{{ m.content }}"
    "{% else %}<|assistant|></think>{{ m.content }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{{ '<think>' if thinking else '</think>' }}{% endif %}"
)
# As GLM-4.5's: every answer has its thought.
ALWAYS = (
    "{% for m in messages %}<|{{ m.role }}|>\n{% if m.role == 'assistant' %}<think>{{ m.reasoning_content }}</think>\n{% endif %}"
    "{{ m.content }}{% if m.role == 'assistant' %}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n<think>{% endif %}"
)
# As Gemma's: no system message, turns change, contents are trimmed.
STRICT = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}"
    "{% endif %}<|{{ m.role }}|>\n{{ m.content | trim }} \n<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
# As GLM-4's: nothing ends an answer but the header of the next turn.
NEXT_HEADER = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
# As gpt-oss's: a call ends otherwise than an answer.
CALLS = (
    "{% for m in messages %}<|{{ m.role }}|>{% if m.tool_calls %}to={{ m.tool_calls[0].function.name }}<|message|>"
    "{{ m.tool_calls[0].function.arguments | tojson }}<|call|>{% else %}<|message|>{{ m.content }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
BOX = CHATML.replace("<|im_end|>", "<|box_end|>")
PLAIN = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
# A beginning of the answer that is no thought.
PREFILLED = CHATML.replace("assistant\n{% endif %}", "assistant\n{\"answer\": {% endif %}")

SPECIAL = ("<|user|>", "<|assistant|>", "<|system|>", "<|end|>", "<|call|>", "<|message|>", "<|box_end|>")
ADDED = ("<think>", "</think>", "<tool_call>", "</tool_call>")  # tokens, and not special


def save_chat_tokenizer(folder: Path, template: str | None, *, special: tuple[str, ...] = SPECIAL, **config: Any) -> Path:
    """The quickstart's tokenizer with the tokens of all templates above, and `template`."""
    save(train(["the patient has chest pain and a fever: answer A", "患者头痛三天"] * 5, 300), folder)
    path, settings = folder / "tokenizer.json", folder / "tokenizer_config.json"
    tokenizer = json.loads(path.read_text())
    base, first = tokenizer["added_tokens"][0], max(tokenizer["model"]["vocab"].values()) + 1
    for number, text in enumerate((*SPECIAL, *ADDED)):
        tokenizer["added_tokens"].append(base | {"id": first + number, "content": text, "special": text in special})
    path.write_text(json.dumps(tokenizer))
    written = json.loads(settings.read_text()) | {"chat_template": template} | config
    settings.write_text(json.dumps({name: value for name, value in written.items() if value is not None}))
    return folder
