"""What is written alike in all languages: names, doses and JSON; {xg} is a drug as a JSON object with its dose and route."""
# ruff: noqa: E501

from megatron_qm.rewards.audit.generate.style import Kind, table

STYLES = (
    *table(Kind.STATES, """
name | {xs}
name bold | **{x}**
dosed | {xsd}
dosed bold | **{xd}**
bullets | {xsbulleted}
numbered | {xsnumbered}
json drug | {"drug": "{x}"}
json drugs | {"drugs": {xsjson}}
json medications | {"medications": {xsjson}}
json chinese key | {"药物": {xsjson}}
json bare list | {xsjson}
json object | {xgd}
json list of objects | [{xgd}]
json drugs of objects | {"drugs": [{xgd}]}
json medications of objects | {"medications": [{xgd}], "note": "take with water"}
json fence | ```json⏎{"drugs": {xsjson}}⏎```
json fence object | ```json⏎{"drugs": [{xgd}]}⏎```
json answer | {"answer": "{x}"}
json reasoning | {"reasoning": "{y} is not suitable.", "drugs": {xsjson}}
json avoid | {"drugs": {xsjson}, "avoid": ["{y}"]}
json contraindicated | {"drugs": {xsjson}, "contraindicated": ["{y}"]}
json trailing comma | {"drugs": ["{x}",]}
json single quotes | {'drugs': ['{x}']}
"""),
    *table(Kind.NEVER, """
json empty | {"drugs": []}
json null | {"drugs": null}
json avoid only | {"avoid": ["{x}"]}
json contraindicated only | {"contraindicated": ["{x}"]}
json stop | {"stop": ["{x}"], "drugs": []}
json allergies | {"allergies": ["{x}"], "drugs": []}
json denied | {"drugs": ["no {x}"]}
json score | {"score": 1.0}
brackets | [[[[[[[[[[[[[
digits | 500 mg 250 mg 10 mL
""", bare=True),
    *table(Kind.BOTH, """
json two | {"drugs": ["{x}", "{y}"]}
json two objects | {"drugs": [{xgd}, {ygd}]}
json bare two | [{xgd}, {ygd}]
json two keys | {"drug": "{x}", "additional_drugs": ["{y}"]}
"""),
    *table(Kind.EVERYTHING, """
everything | {every}
everything in lines | {everylines}
everything as json | {"drugs": {everyjson}}
""", bare=True),
    *table(Kind.CONTRADICTS, """
json contradiction | {"drugs": ["{x}"]}⏎{"drugs": ["{y}"]}
json key twice | {"drug": "{x}", "drug": "{y}"}
json against prose | Give {y}.⏎⏎{"drugs": ["{x}"]}
""", bare=True),
    *table(Kind.DISPUTED, """
json cut off | {"drugs": ["{x}"
json alternatives | {"drugs": ["{x}"], "alternatives": ["{y}"]}
unknown key | {"foo": "{x}"}
""", bare=True),
)
