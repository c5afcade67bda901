"""How a test is ordered, or not, in English: {x} as this case calls it, {xr} with what it is to find, {xm} with how it is done."""
# ruff: noqa: E501

from megatron_qm.rewards.audit.generate.style import Kind, named_texts, table

STYLES = (
    *table(Kind.STATES, """
order | Order {xs}.
order a | Order a {x}.
with modifier | Order {xsm}.
with modifier alone | {xsm}
with modifier not y | {xsm}, not {y}
order list | Orders:⏎{xsbulleted}
order numbered | Orders:⏎{xsnumbered}
tests | Tests: {xs}
tests bold | **Tests:** {xs}
investigations | Investigations: {xs}
workup | Work-up: {xs}
labs and imaging | Labs and imaging: {xs}
next step | The next step is {x}.
next best test | The best next test is **{x}**.
obtain | Obtain {xs}.
get | Get {xs}.
perform | Perform {xs}.
send | Send {xs}.
check | Check {xs}.
check stat | STAT {xs}.
would order | I would order {xs}.
recommend | I recommend {xs}.
should undergo | The patient should undergo {xs}.
needs | The patient needs {xs}.
to rule out | {xr}
to rule out order | Order {xr}.
answer | Answer: {xs}
answer bold | **Answer:** {xs}
answer tag | <answer>{xs}</answer>
final | Final answer: {xs}
boxed | \\boxed{\\text{{x}}}
heading | ### Recommended tests⏎⏎{xsbulleted}
heading numbered | ## Orders⏎{xsnumbered}
plan | Plan: {xs}
first | First, {xs}.
request | Request {xs}.
indicated | {xs} indicated.
x is the test of choice | {x} is the test of choice.
start with | Start with {xs}.
today | Today: {xs}
without delay | Order {xs} without delay.
urgent | Urgent: {xs}
repeat | Repeat {xs}.
do not delay | Do not delay: order {xs}.
not y | Order {xs}, not {y}.
no y | {xs}. No {y}.
y not needed | Order {xs}. {y} is not needed.
instead of y | Order {x} instead of {y}.
rather than y | {x} rather than {y}.
skip y | Skip {y}; order {xs}.
cancel y | Cancel {y}. Order {xs}.
defer y | Defer {y} and get {xs}.
y not indicated | {y} is not indicated. Order: {xs}
y was done | {y} was done last week and was normal. Now order {xs}.
no role for y | There is no role for {y}; {x} is what is needed.
y contraindicated | {y} is contraindicated, so order {xs}.
avoid y | Order {xs}; avoid {y}.
thinking other | <think>{y}? Or {z}? No.</think>⏎⏎{xs}
thinking list | <think>Candidates: {y}, {z}, {x}.</think>⏎Order {xs}.
md table | | Test | Reason |⏎|---|---|⏎| {x} | {xg} |
md table priority | | Priority | Test |⏎|---|---|⏎| 1 | {x} |
with reason line | - {x}: {xg}
no contraindication | There are no contraindications to {x}; order it.
soap | S: as given.⏎O: as given.⏎P: {xs}
checklist | - [x] {x}
"""),
    *table(Kind.NEVER, """
skip | Skip {xs}.
cancel | Cancel {x}.
do not order | Do not order {x}.
dont get | Don't get {x}.
not needed | {x} is not needed.
not indicated | {x} is not indicated.
no need | There is no need for {x}.
no x | No {x}.
avoid | Avoid {x}.
unnecessary | {x} would be unnecessary.
contraindicated | {x} is contraindicated.
defer | Defer {x} indefinitely.
was done | {x} was done last week and was normal; nothing more is needed.
was normal | {x} last month: normal.
y not x | Order {y}, not {x}.
y instead of x | Order {y} instead of {x}.
y rather than x | {y} rather than {x}.
replace x | Replace {x} with {y}.
refused | The patient refused {x}.
should not | The patient should not undergo {x}.
not recommended | {x} is not recommended.
wasteful | {x} would waste money.
question no | Should we order {x}? No.
neither | Neither {x} nor {y}.
no tests | No tests are needed.
observe | Observe at home.
refusal | I'm sorry, I can't recommend tests.
blank | Orders:
placeholder | Orders: [test 1], [test 2]
strike | ~~{x}~~
unavailable | {x} is not available here, so nothing was ordered.
remove | Remove {x} from the order set.
anything but | Anything but {x}.
allergy | Allergies: none known.
never | Never order {x} in this situation.
neighbour | Her neighbour had {x} last year.
little value | {x} has no value here.
"""),
    *table(Kind.NEVER, """
unclosed thinking | <think>⏎Order {xs}.
only thinking | <think>{xs}</think>
comment | <!-- {xs} -->
empty |
""", bare=True),
    *table(Kind.BOTH, """
two tests | Order {xs} and {y}.
two lines | Orders:⏎- {xs}⏎- {y}
also | Order {xs}. Also order {y}.
plus | {xs} + {y}
then | First {xs}, then {y}.
followed by | {xs} followed by {y}.
with y | Tests: {xs}, {y}
"""),
    *table(Kind.CORRECTS, """
correction | Order {y}.⏎⏎Correction: order {x}.
wait no | {y}... wait, no: {x}.
sorry | Order {y}. Sorry, I meant {x}.
"""),
    *table(Kind.EVERYTHING, """
everything said | Order: {every}
everything to be safe | To be safe, order all of these:⏎{everylines}
""", bare=True),
    *table(Kind.DISPUTED, """
consider | Consider {x}.
or | {x} or {y}
if positive | {y}, and if positive {x}.
if available | {x} if available.
if no improvement | If there is no improvement, {x}.
could | One could order {x}.
maybe | Maybe {x}?
later | {x} later.
negative result | {x}: pending
code fence | ```⏎{x}⏎```
and fluids | Order {x} and give fluids.
unknown test | Order {x} and a blorp titre.
with contrast | {x} with contrast
await | Await {x}.
"""),
)

TAILS = named_texts("""
because | ⏎⏎{x} will show {xg}, if there is any.
y no | ⏎⏎{y} is not needed.
neither | ⏎⏎Neither {y} nor {z} is indicated.
""")
