"""How the time of a verdict grows with its response, over named shapes of text and over the worst fragments that a search finds.

A response is a fragment, repeated; `#` in it is the number of the repetition, so that no sentence is remembered from another.
Of `head…body…tail` the body alone is repeated.
Answers of more than 20,000 characters are not read by design: growth is measured up to there, and what is longer must be cheap.
"""
# ruff: noqa: E501  Chinese characters count twice

import math
import time
from collections.abc import Callable
from itertools import count
from random import Random

from megatron_qm.rewards.registry import load

ASKED: dict[str, tuple[object, dict[str, object]]] = {
    "exam": ("A", {"options": {"A": "aspirin", "B": "ibuprofen", "C": "warfarin", "D": "heparin sodium (UFH)"}}),
    "diagnosis": ("I21.9", {}),
    "drugs": (["aspirin"], {"contraindicated": ["warfarin"]}),
    "ordering": (["cbc", "ecg"], {}),
    "format": (None, {"keys": ["answer"]}),
}
SHAPES = {
    "prose": "On day # the patient's pressure was 152/94; aspirin was not given, as the option to wait was right. ",
    "prose of one sentence": "on day # the pressure was 152/94 and aspirin was given ",
    "Chinese prose": "第#天患者血压升高，无肺炎，未用阿司匹林，血常规正确。",
    "Chinese clauses": "不是肺炎，而是哮喘，",
    "one statement after another": "The answer is A. ",
    "statements on conditions": "the answer is A if ",
    "lines of a list": "#. A. aspirin\n",
    "JSON objects": '{"answer": "A"}\n',
    "a field of JSON": '{"answer": "…aspirin, cbc, I21.9 pneumonia, foo test, …"}',
    "a list in JSON": '{"answer": […"aspirin", "cbc", "J18.9 pneumonia", …"A"]}',
    "thinking": "<think>…The answer is A, not aspirin. …</think>A",
    "JSON that is never closed": '{"answer": ["A", ',
    "open brackets": "[(",
    "quotes": "\"A\" '",
    "taken back": "Wait, aspirin # for pneumonia, cbc. ",
    "fences": "```A\n",
    "mark-up": "<b>**A**</b> \\boxed{A} $",
    "no word": "x",
}
_FRAGMENTS = (
    "A", "B ", " a ", "I ", "# ", "1. ", "A, ", "A) ", "(", ")", "[", "]", "{", "}", '"', "'", "“", '{"answer": "', '{"a":', "\\boxed{", "\\text{",
    "```", "**", "~~", "<b>", "<answer>", "<!--", "$", "\n", ". ", ", ", ": ", "; ", "? ", "- ", "the answer is ", "answer ", "choose ", "is ", "not ",
    "no, ", "wait, ", "if ", "or ", "and ", "because ", "correct ", "some ", "my friend says ", "not sure ", "aspirin ", "warfarin ", "heparin ",
    "I21.9 ", "pneumonia ", "cbc ", "ct scan ", "avoid ", "history of ", "答案是", "选", "不", "如果", "肺炎、", "阿司匹林", "血常规", "，", "。", "因为",
)  # fmt: skip
READ = 1_000, 5_000, 20_000  # characters of answers that are read
LONGER = 100_000, 1_000_000
_SEARCHED = 2_000, 8_000  # characters at which fragments are compared
_KEPT = 8
_LONGEST = 4  # fragments joined to one
_LEAST = 0.001  # seconds: of less no growth can be told
_TURN = count()


def growth(task: str, fragment: str) -> dict[str, object]:
    """Milliseconds by size, the least of five, and the exponent of the growth between the two largest sizes that are read."""
    texts = {size: repeated(fragment, size) for size in (*READ, *LONGER)}
    turns = [{size: seconds(task, text) for size, text in texts.items()} for _ in range(5)]
    spent = {size: min(turn[size] for turn in turns) for size in texts}
    return {"fragment": fragment, "ms": {size: round(1000 * one, 3) for size, one in spent.items()},
            "exponent": round(math.log(spent[READ[2]] / spent[READ[1]], READ[2] / READ[1]), 2)}


def worst(task: str, turns: int, seed: int) -> dict[str, dict[str, object]]:
    """The slowest fragment, and the one whose time grows fastest, of `turns` that a greedy search joins at random to the best
    found so far, beginning with each fragment and shape alone."""
    def slow(fragment: str) -> float:
        return seconds(task, repeated(fragment, _SEARCHED[1]))

    def steep(fragment: str) -> float:
        return slow(fragment) / max(_LEAST, seconds(task, repeated(fragment, _SEARCHED[0])))

    return {name: growth(task, _search(measure, turns, Random(f"{task}/{name}/{seed}")))
            for name, measure in (("slowest", slow), ("steepest", steep))}


def _search(measure: Callable[[str], float], turns: int, rng: Random) -> str:
    found = sorted(((measure(one), (one,)) for one in (*_FRAGMENTS, *(text for text in SHAPES.values() if "…" not in text))), reverse=True)[:_KEPT]
    for _ in range(turns):
        pieces = list(rng.choice(found)[1])
        pieces.insert(rng.randrange(len(pieces) + 1), rng.choice(_FRAGMENTS))
        if len(pieces) > _LONGEST:
            del pieces[rng.randrange(len(pieces))]
        if all(tuple(pieces) != known for _, known in found):
            found = sorted([*found, (measure("".join(pieces)), tuple(pieces))], reverse=True)[:_KEPT]
    again = [(min(measure("".join(pieces)) for _ in range(3)), pieces) for _, pieces in found]  # one may have been slow by chance
    return "".join(max(again)[1])


def repeated(fragment: str, size: int) -> str:
    head, body, tail = fragment.split("…") if fragment.count("…") == 2 else ("", fragment, "")
    times = size // len(body) + 1
    return head + "".join(body.replace("#", str(n)) for n in range(times))[: size - len(head) - len(tail)] + tail


def seconds(task: str, response: str) -> float:
    """CPU time of a verdict."""
    verifier, (reference, metadata) = load(task), ASKED[task]
    if isinstance(options := metadata.get("options"), dict):  # new ones each time: nothing is remembered of them
        metadata = {"options": {**options, "E": f"option {next(_TURN)}"}}
    start = time.process_time()
    verifier("", response, reference, metadata)
    return time.process_time() - start
