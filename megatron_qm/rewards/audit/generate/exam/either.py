"""What is written alike in all languages: bare letters, and JSON of the shapes that models are asked for, or make up."""
# ruff: noqa: E501

from megatron_qm.rewards.audit.generate.style import Kind, table

STYLES = (
    *table(Kind.STATES, """
letter | {x}
letter dot | {x}.
letter ideographic stop | {x}。
letter bracket | {x})
letter in brackets | ({x})
letter in square brackets | [{x}]
letter bold | **{x}**
letter bold dot text | **{x}.** {xt}
letter code | `{x}`
letter italic | *{x}*
letter wide | {xw}
letter in wide brackets | （{xw}）
letter with text | {xo}
heading letter | # {x}
quoted letter | "{x}"
json answer | {"answer": "{x}"}
json capital key | {"Answer": "{x}"}
json final answer | {"final_answer": "{x}"}
json answer choice | {"answer_choice": "{x}"}
json correct option | {"correct_option": "{x}"}
json chinese key | {"答案": "{x}"}
json chinese reasons | {"分析": "题干明确", "答案": "{x}"}
json bracket | {"answer": "({x})"}
json option | {"answer": "Option {x}"}
json bold | {"answer": "**{x}**"}
json letter text | {"answer": "{xo}"}
json text | {"answer": "{xt}"}
json list | {"answer": ["{x}"]}
json list of objects | [{"answer": "{x}"}]
json letter and text | {"answer": {"letter": "{x}", "text": "{xt}"}}
json reasoning first | {"reasoning": "Option {y} does not fit the stem; {z} neither.", "answer": "{x}"}
json step list | {"steps": ["read", "compare", "decide"], "answer": "{x}"}
json confidence | {"answer": "{x}", "confidence": 0.93}
json options and answer | {"options": {optionsj}, "answer": "{x}"}
json fence | ```json⏎{"answer": "{x}"}⏎```
json fence pretty | ```json⏎{⏎  "explanation": "{xt} fits.",⏎  "answer": "{x}"⏎}⏎```
json single quotes | {'answer': '{x}'}
json trailing comma | {"answer": "{x}",}
json lower | {"answer": "{xl}"}
json bare string | "{xo}"
yaml answer | answer: {x}⏎explanation: fits the stem
"""),
    *table(Kind.STATES, """
letters comma | {xs}
letters run together | {xstight}
letters json list | {"answer": {xsjson}}
letters json text | {"answer": "{xs}"}
letters fence | ```json⏎{"answer": {xsjson}}⏎```
letters numbered | {xsnumbered}
letters slash | {xsslashed}
"""),
    *table(Kind.NEVER, """
json empty | {"answer": ""}
json null | {"answer": null}
json denied | {"answer": "not {x}"}
json not sure | {"answer": "I don't know"}
json wrong answer key | {"incorrect_answers": ["{x}"]}
json options only | {"options": {optionsj}}
json question repeated | {"question": "Which is right, {x} or {y}?"}
json score | {"score": 1.0, "verdict": "correct"}
json nested objects | {"a": {"a": {"a": {"a": {}}}}}
brackets | {{{{{{{{{{{{
digits | 1234567890
dots | ............
emoji only | 🤔🤔🤔
""", bare=True),
    *table(Kind.CONTRADICTS, """
json two objects | {"answer": "{x}"}⏎{"answer": "{y}"}
json key twice | {"answer": "{x}", "answer": "{y}"}
json two keys | {"answer": "{x}", "final_answer": "{y}"}
json list contradicts | [{"answer": "{x}"}, {"answer": "{y}"}]
json against line | {"answer": "{x}"}⏎⏎Answer: {y}
json line against | Answer: {y}⏎⏎{"answer": "{x}"}
""", bare=True),
    *table(Kind.EVERYTHING, """
json all | {"answer": {allj}}
""", bare=True),
    *table(Kind.DISPUTED, """
json cut off | {"answer": "{x}"
json booleans | {"{x}": true, "{y}": false, "{z}": false}
json probabilities | {"{x}": 0.9, "{y}": 0.06, "{z}": 0.04}
homoglyph or letter apart | Answer: {xh}
zero width inside | Ans​wer: {x}
lower letter bracket | ({xl})
enumerated twice | {x} {x} {x}
unknown json key | {"foo": "{x}"}
""", bare=True),
)
