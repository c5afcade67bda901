"""What is written alike in all languages: codes and JSON."""
# ruff: noqa: E501

from megatron_qm.rewards.audit.generate.style import Kind, table

STYLES = (
    *table(Kind.STATES, """
name only | {xsn}
code only | {xsc}
name and code | {xn} ({xc})
code and name | {xc} {xn}
bullets | {xsbulleted}
json diagnosis | {"diagnosis": "{x}"}
json diagnoses list | {"diagnoses": {xsjson}}
json chinese key | {"诊断": {xsjson}}
json code | {"code": "{xc}"}
json icd10 | {"icd10": "{xc}", "name": "{xn}"}
json name and code | {"diagnosis": {"name": "{xn}", "code": "{xc}"}}
json objects | [{"name": "{xn}", "icd": "{xc}"}]
json reasoning | {"reasoning": "No sign of {yn}.", "diagnosis": "{x}"}
json fence | ```json⏎{"diagnosis": {xsjson}}⏎```
json fence pretty | ```json⏎{⏎  "diagnosis": "{xn}",⏎  "icd_10": "{xc}",⏎  "confidence": 0.92⏎}⏎```
json answer | {"answer": "{x}"}
json excluded | {"diagnosis": "{x}", "excluded": ["{yn}"]}
json single quotes | {'diagnosis': '{x}'}
json trailing comma | {"diagnosis": "{x}",}
json bare list | {xsjson}
"""),
    *table(Kind.NEVER, """
json empty | {"diagnosis": ""}
json empty list | {"diagnoses": []}
json null | {"diagnosis": null}
json excluded only | {"excluded": ["{xn}"]}
json denied | {"diagnosis": "no {xn}"}
json past history | {"past_history": ["{xn}"], "diagnosis": null}
json family history | {"family_history": ["{xn} ({xc})"]}
json score | {"score": 1.0}
brackets | [[[[[[[[[[[[[
digits | 20210101 12:00
""", bare=True),
    *table(Kind.BOTH, """
json two | {"diagnoses": ["{x}", "{y}"]}
json two objects in list | [{"diagnosis": "{x}"}, {"diagnosis": "{y}"}]
json primary secondary | {"primary": "{x}", "secondary": ["{y}"]}
two codes | {xc}; {yc}
"""),
    *table(Kind.CONTRADICTS, """
json contradiction | {"diagnosis": "{x}"}⏎{"diagnosis": "{y}"}
json key twice | {"diagnosis": "{x}", "diagnosis": "{y}"}
""", bare=True),
    *table(Kind.EVERYTHING, """
everything | {every}
everything in lines | {everylines}
everything as json | {"diagnoses": {everyjson}}
""", bare=True),
    *table(Kind.CONTRADICTS, """
json against prose | Diagnosis: {y}⏎⏎{"diagnosis": "{x}"}
""", bare=True),
    *table(Kind.DISPUTED, """
json cut off | {"diagnosis": "{x}"
json differential | {"diagnosis": "{x}", "differential": ["{yn}", "{zn}"]}
json probabilities | {"{xn}": 0.9, "{yn}": 0.1}
unknown key | {"foo": "{x}"}
""", bare=True),
)
