"""How a diagnosis is given, or not, in English: {x} as the case has it (name, code, or both), {xn} the name, {xc} the code."""
# ruff: noqa: E501

from megatron_qm.rewards.audit.generate.style import Kind, named_texts, table

STYLES = (
    *table(Kind.STATES, """
plain | {xs}
diagnosis colon | Diagnosis: {xs}
diagnosis bold | **Diagnosis:** {xs}
final diagnosis | Final diagnosis: {xs}
primary diagnosis | Primary diagnosis: {x}
most likely diagnosis is | The most likely diagnosis is {x}.
most likely bold | The most likely diagnosis is **{xn}**.
diagnosis with code | Diagnosis: {xn} (ICD-10: {xc})
code colon name | {xc}: {xn}
code dash name | {xc} - {xn}
icd code line | {xn}⏎ICD-10 code: {xc}
code in brackets | {xn} [{xc}]
code only line | ICD-10: {xc}
code bold | **{xc}**
answer line | Answer: {xs}
answer tag | <answer>{xs}</answer>
boxed | \\boxed{\\text{{x}}}
boxed code | $\\boxed{{xc}}$
heading | ### Diagnosis⏎⏎{xsbulleted}
heading final | ## Final Diagnosis⏎**{x}**
numbered | Diagnoses:⏎{xsnumbered}
patient has | The patient has {xn}.
this is | This is {xn}.
consistent | The presentation is most consistent with {xn}.
clinical picture | The whole picture establishes the diagnosis of {xn}.
assessment | Assessment: {xs}
impression | Impression: {xs}
dx short | Dx: {xs}
a slash p | A/P: {xn}, as above.
in conclusion | In conclusion, the diagnosis is {xs}.
findings confirm | The findings confirm {xn}.
coded as | This is coded as {xc}.
assign code | Assign code {xc} ({xn}).
diagnosed with | I would diagnose {xn}.
y ruled out | Diagnosis: {xs}. {yn} was ruled out.
no evidence of y | {xn}. There is no evidence of {yn}.
y unlikely | The diagnosis is {xn}; {yn} is unlikely.
y excluded earlier | {yn} has been excluded. Final diagnosis: {xs}.
not y | The diagnosis is {xn}, not {yn}.
rather than y | This is {xn} rather than {yn}.
negative for y | Negative for {yn}. Diagnosis: {xs}
family history of y | Family history: father had {yn}.⏎Diagnosis: {xs}
mother had y | Her mother had {yn}. The patient's diagnosis is {xn}.
past history of y | PMH: {yn}, resolved.⏎⏎Current diagnosis: {xs}
considered y | {yn} was considered and rejected. Diagnosis: {xs}
first thought y | The referring clinic's label of {yn} was wrong; the correct diagnosis is {xn}.
right side | Diagnosis: {xn}, no laterality applies.
with severity | Diagnosis: {xn}, newly diagnosed.
abbreviated note | 1) {x}⏎⏎Plan: admit, observe, discuss with senior.
vitamin harmless | Diagnosis: {xs}. Vitamin B12 is normal and an N95 mask is not needed.
flu test harmless | {x}. The H1N1 swab and coenzyme Q10 are irrelevant.
soap | S: as given.⏎O: as given.⏎A: {xs}⏎P: to be discussed.
acute setting | Diagnosis: {xn}, treated as an inpatient.
no complication | {xn} with no complications.
known complaint | The symptoms are explained by {xn}.
principal | Principal diagnosis: {x}⏎Secondary diagnoses: none
thinking other | <think>Could it be {yn}? Or {zn} ({zc})? No.</think>⏎⏎Diagnosis: {xs}
thinking codes | <think>{yc}, {zc} and {xc} are candidates.</think>⏎{xc}
md table | | Field | Value |⏎|---|---|⏎| Diagnosis | {xn} |⏎| ICD-10 | {xc} |
differential denied | Differential: {yn} (excluded), {zn} (excluded).⏎⏎Diagnosis: {xs}
"""),
    *table(Kind.NEVER, """
no evidence | There is no evidence of {xn}.
ruled out | {xn} was ruled out.
ruled out code | {xn} ({xc}) was ruled out.
r slash o | R/O {xn}
negative | Negative for {xn}.
unlikely | {xn} is unlikely; the cause is unclear.
not x | This is not {xn}.
denies | The patient denies {xn}.
without x | Findings without {xn}; no diagnosis can be made.
excluded code | Excluded: {xc}
pmh only | PMH: {xn}
history of only | History of {xn}; presently no diagnosis.
father only | Father had {xn} ({xc}).
mother died | His mother died of {xn}.
sibling | The patient's brother has {xn}; the patient himself does not.
family history heading | ### Family history⏎- {xn}
neighbour | Her neighbour was diagnosed with {xn} last year.
cannot from this | I cannot make a diagnosis from this information.
symptoms only | The patient has symptoms and needs to be examined.
refusal | I'm not able to provide a medical diagnosis. Please see a doctor.
doubt | I doubt that this is {xn}.
wrongly labelled | The patient was wrongly labelled as having {xn}.
is it x no | Is it {xn}? No.
if then | If the tests had been positive, this would have been {xn}.
screening | Screen for {xn}; no diagnosis yet.
risk of | The patient is at risk of {xn} later in life.
vaccinated | The patient was vaccinated and does not have {xn}.
prevent x | The treatment aims to prevent {xn}.
non codes | Vitamin B12, coenzyme Q10, H1N1 and an N95 mask.
blank | Diagnosis:
placeholder | Diagnosis: [name] ([code])
strike | ~~{xn}~~
nothing found | No diagnosis.
minus sign | {xn} (-)
x disproved | Further work-up disproved {xn}.
neither | Neither {xn} nor {yn}.
"""),
    *table(Kind.NEVER, """
unclosed thinking | <think>⏎The diagnosis is {xn} ({xc}).
only thinking | <think>Diagnosis: {x}</think>
comment | <!-- Diagnosis: {x} -->
code of x name of y | {yn} ({xc})
name of x code of y | {xn} ({yc})
code against name line | Diagnosis: {yn}⏎ICD-10 code: {xc}
empty |
""", bare=True),
    *table(Kind.BOTH, """
two diagnoses | Diagnoses: {xs}, {y}
two diagnoses lines | 1. {x}⏎2. {y}
and also | The patient has {xn} and {yn}.
principal and secondary | Principal diagnosis: {x}⏎Secondary diagnosis: {y}
complicated by | Diagnosis: {xn}; in addition {yn}.
codes joined | {xc}, {yc}
codes joined reversed | {yc}, {xc}
table of two | | # | Diagnosis |⏎|---|---|⏎| 1 | {x} |⏎| 2 | {y} |
"""),
    *table(Kind.CORRECTS, """
correction | Diagnosis: {y}⏎⏎Correction, diagnosis: {x}
wait no | This is {yn}. Wait, no, it is {xn}.
on reflection | I first said {yn}; on reflection it is {xn}.
"""),
    *table(Kind.EVERYTHING, """
everything said | Diagnoses: {every}
everything to be safe | To be safe, diagnoses all of these:⏎{everylines}
""", bare=True),
    *table(Kind.DISPUTED, """
possible | Possible {xn}
suspected | Suspected {xn}
probable question | {xn}?
cannot exclude | {xn} cannot be excluded.
either or | {xn} or {yn}
differential | Differential diagnosis: {xn}, {yn}, {zn}
concern for | There is concern for {xn}.
code then differential | Diagnosis: {x}. Differential: {yn}, {zn}
treat as | Treat as {xn}.
chronic flag | Acute on chronic {xn}
status post | Status post {xn}
query | ?{xn}
typo | Diagnosis: {xn}s
code fence | ```⏎{x}⏎```
code without dot | {xd}
lower case code | {xlc}
wide code | {xw}
"""),
)

TAILS = named_texts("""
explained | ⏎⏎The history fits {xn} well.
y less likely | ⏎⏎{yn} is less likely and was excluded.
no y no z | ⏎⏎There is no sign of {yn} or {zn}.
""")
