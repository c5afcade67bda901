"""How a drug is given, or not, in English: {x} its name as this case has it, {xd} with dose and route, {xp} as a product."""
# ruff: noqa: E501

from megatron_qm.rewards.audit.generate.style import Kind, named_texts, table

STYLES = (
    *table(Kind.STATES, """
start | Start {xs}.
start dosed | Start {xsd}.
give | Give {xs}.
give dosed | Give {xsd}.
product | Prescribe {xsp}.
product alone | {xsp}
product with y avoided | Dispense {xsp}; do not dispense {y}.
prescribe | Prescribe {xs}.
prescribe dosed | I would prescribe {xsd}.
rx | Rx: {xsd}
rx plain | Rx: {xs}
answer | Answer: {xs}
answer dosed | Answer: {xsd}
answer bold | **Answer:** {xs}
answer tag | <answer>{xs}</answer>
treatment | Treatment: {xs}
treatment dosed | Treatment: {xsd}
drug of choice | The drug of choice is {x}.
first line | First-line therapy is {xs}.
first line dosed | First-line therapy is {xd}.
best treatment | The best treatment is **{x}**.
recommended | I recommend {xs}.
recommended dosed | I recommend {xsd}.
should receive | The patient should receive {xs}.
should receive dosed | The patient should be given {xsd}.
treat with | Treat with {xs}.
treat with dosed | Treat with {xd} and reassess.
bullets heading | ### Medications⏎⏎{xsbulleted}
numbered heading | Prescription:⏎{xsnumbered}
plan | Plan: {xsd}
final | Final answer: {xs}
boxed | \\boxed{\\text{{x}}}
discharge | Discharge medications: {xsd}
initiate | Initiate {xd} today.
begin | Begin {x} now.
administer | Administer {xd}.
the patient needs | The patient needs {x}.
choose | I'd choose {x}.
continue | Continue {xs}.
add | Add {x}.
x is indicated | {x} is indicated.
x works best | {x} works best here.
avoid y | Give {xs}. Avoid {y}.
avoid y dosed | Give {xsd}. Avoid {y}.
instead of y | Use {x} instead of {y}.
rather than y | Use {x} rather than {y}.
not y | Prescribe {xs}, not {y}.
no y | {xs}; no {y}.
y contraindicated | {y} is contraindicated, so give {xs}.
y contraindicated dosed | {y} is contraindicated, so give {xsd}.
hold y | Hold {y} and start {xs}.
stop y | Stop {y}. Start {xd}.
switch from y | Switch from {y} to {x}.
replace y | Replace {y} with {xd}.
allergic to y | The patient is allergic to {y}; start {xs}.
discontinue y | Discontinue {y}.⏎Start: {xs}
avoid if | {x} (avoid if allergic).
avoid if pregnant | {xd} (avoid if pregnant).
unless | {x}, unless the patient is allergic to it.
no allergy | No known drug allergies. Give {xs}.
without delay | Give {xs} without delay.
without y | {xd} without {y}.
do not wait | Do not wait for results: start {xs}.
not y which | {y} would not help. {x} would.
y failed | {y} was tried before and failed. Now: {xs}
previously on y | The patient took {y} last year. Now prescribe {xs}.
no need for y | There is no need for {y}; {x} is enough.
withhold y | Withhold {y}; give {xd}.
thinking other | <think>{y}? No, {z} maybe. {x} fits.</think>⏎⏎{xs}
thinking other dosed | <think>{y} or {z}?</think>⏎⏎Give {xd}.
md table | | Drug | Note |⏎|---|---|⏎| {x} | first line |
md table dosed | | Prescription | Note |⏎|---|---|⏎| {xd} | first line |
education | {xs}. Take it with food and do not stop early.
education dosed | {xd}. Do not skip doses.
monitor | {x} with monitoring of the blood pressure.
never double | Take {xd}; never double the dose.
"""),
    *table(Kind.NEVER, """
avoid | Avoid {xs}.
hold | Hold {x}.
do not give | Do not give {x}.
dont | Don't prescribe {x}.
discontinue | Discontinue {x}.
stop | Stop {x} immediately.
stop heading | Stop:⏎- {x}
contraindicated | {x} is contraindicated.
absolutely contraindicated | {x} is absolutely contraindicated here.
not indicated | {x} is not indicated.
allergic | The patient is allergic to {x}.
allergy line | Allergies: {x}
withhold | Withhold {x}.
never | Never use {x} here.
no x | No {x}.
not recommended | {x} is not recommended.
switch from x | Switch from {x} to {y}.
replace x | Replace {x} with {y}.
instead of x | Use {y} instead of {x}.
rather than x | Give {y} rather than {x}.
y not x | Give {y}, not {x}.
should not | The patient should not receive {x}.
must not | {x} must not be used.
refrain | Refrain from {x}.
harmful | {x} would be harmful.
would not help | {x} would not help.
taken before | The patient took {x} last year and stopped.
failed | {x} has failed.
neighbour takes | Her neighbour takes {x}.
overdose | The patient has taken an overdose of {x}.
side effect | This is a side effect of {x}.
question no | Should we give {x}? No.
no drug | No medication is needed.
rest | Rest, fluids and observation.
refusal | I'm sorry, I can't recommend medication.
see doctor | Please see a doctor.
blank | Rx:
placeholder | Rx: [drug] [dose] [route]
strike | ~~{x}~~
skip | Skip {x}.
neither | Neither {x} nor {y}.
anything but | Anything but {x}.
wean | Wean off {x} over two weeks and give nothing else.
refused | The patient refused {x}; nothing was prescribed.
class only | An appropriate drug for this condition.
if not x | If it were bacterial, {x} would be an option; it is viral, so no drug.
"""),
    *table(Kind.NEVER, """
unclosed thinking | <think>⏎Give {xd}.
only thinking | <think>{x}</think>
comment | <!-- {x} -->
empty |
""", bare=True),
    *table(Kind.BOTH, """
two drugs | Give {xs} and {y}.
two drugs dosed | Give {xsd} and {yd}.
plus | {x} plus {y}
two lines | 1. {xd}⏎2. {yd}
combined with | Combine {x} with {y}.
also | Start {x}. Also start {y}.
add on | Prescribe {xd}; add {yd}.
then | First {x}, then {y}.
"""),
    *table(Kind.CORRECTS, """
correction | Give {y}.⏎⏎Correction: give {x}.
wait no | {y}... wait, no: {x}.
sorry | Start {y}. Sorry, I meant {x}.
"""),
    *table(Kind.EVERYTHING, """
everything said | Give: {every}
everything to be safe | To be safe, give all of these:⏎{everylines}
""", bare=True),
    *table(Kind.DISPUTED, """
consider | Consider {x}.
could | One could give {x}.
or | {x} or {y}
if needed | {x} if needed.
prn | {x} PRN
refer for | Refer for consideration of {x}.
second line | {x}; second line {y}.
alternative | {x}. Alternatively {y}.
if allergic y | {x}; if allergic, {y}.
maybe | Maybe {x}?
reduce | Reduce {x}.
increase | Increase {x}.
code fence | ```⏎{x}⏎```
class of x | A drug such as {x}.
with caution | Use {x} with caution only if nothing else is available.
"""),
)

TAILS = named_texts("""
works | ⏎⏎{x} is effective and well tolerated here.
avoid y | ⏎⏎Avoid {y}.
y no | ⏎⏎{y} is not recommended.
neither y nor z | ⏎⏎Neither {y} nor {z} is needed.
""")
