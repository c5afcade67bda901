"""What is written alike in all languages: names and JSON."""
# ruff: noqa: E501

from megatron_qm.rewards.audit.generate.style import Kind, table

STYLES = (
    *table(Kind.STATES, """
name | {xs}
name bold | **{x}**
bullets | {xsbulleted}
numbered | {xsnumbered}
json tests | {"tests": {xsjson}}
json test | {"test": "{x}"}
json orders | {"orders": {xsjson}}
json chinese key | {"检查": {xsjson}}
json answer list | {"answer": {xsjson}}
json bare list | {xsjson}
json objects | {"tests": [{"name": "{x}"}]}
json object reason | {"tests": [{"name": "{x}", "reason": "{xg}"}]}
json fence | ```json⏎{"tests": {xsjson}}⏎```
json fence pretty | ```json⏎{⏎  "orders": {xsjson},⏎  "urgency": "today"⏎}⏎```
json reasoning | {"reasoning": "{y} is not needed.", "tests": {xsjson}}
json not needed | {"tests": {xsjson}, "not_needed": ["{y}"]}
json trailing comma | {"tests": ["{x}",]}
json single quotes | {'tests': ['{x}']}
"""),
    *table(Kind.NEVER, """
json empty | {"tests": []}
json null | {"tests": null}
json not needed only | {"not_needed": ["{x}"]}
json cancelled only | {"cancelled": ["{x}"]}
json denied | {"tests": ["no {x}"]}
json score | {"score": 1.0}
json refused | {"refused": ["{x}"], "tests": []}
brackets | [[[[[[[[[[[[[
digits | 120/80 37.2 98%
""", bare=True),
    *table(Kind.BOTH, """
json two | {"tests": ["{x}", "{y}"]}
json two objects | {"tests": [{"name": "{x}"}, {"name": "{y}"}]}
json labs and imaging | {"labs": ["{x}"], "imaging": ["{y}"]}
"""),
    *table(Kind.EVERYTHING, """
everything | {every}
everything in lines | {everylines}
everything as json | {"tests": {everyjson}}
""", bare=True),
    *table(Kind.CONTRADICTS, """
json contradiction | {"tests": ["{x}"]}⏎{"tests": ["{y}"]}
json key twice | {"test": "{x}", "test": "{y}"}
json against prose | Order {y}.⏎⏎{"tests": ["{x}"]}
""", bare=True),
    *table(Kind.DISPUTED, """
json cut off | {"tests": ["{x}"
json optional | {"tests": ["{x}"], "optional": ["{y}"]}
unknown key | {"foo": "{x}"}
""", bare=True),
)
