"""How do the verifiers read answers that nobody who wrote them has seen? 2,290 of them, in English and Chinese.

    python benchmarks/blind_answers.py [--half "held out"] [--show] [--output FILE]

benchmarks/data/blind_answers.jsonl was written by hand in the styles of models, doctors and students, without a look at the
verifiers. Most of it was read while the verifiers were mended; nobody mended against what is called held out, so that alone
measures. A right answer is refused at a value of 0.5 or less, a wrong one paid above it; what two examiners could dispute is in
no rate. The writers call an incomplete set wrong, where the documented value is F1 and may be more than a half.
"""

import argparse
import json
from collections import Counter
from datetime import date
from pathlib import Path

from megatron_qm.evals.statistics import wilson_interval
from megatron_qm.files import write_json
from megatron_qm.rewards.outcome import Scored
from megatron_qm.rewards.registry import load

DATA = Path(__file__).parent / "data" / "blind_answers.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("held out", "mended against"), default="held out")
    parser.add_argument("--show", action="store_true", help="print what is misjudged")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/blind-answers.json"))
    args = parser.parse_args()
    asked, missed = Counter(), Counter()
    for line in DATA.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        if case["half"] != args.half or case["expected"] == "disputed":
            continue
        outcome = load(case["task"])(case["prompt"], case["response"], case["reference"], case["metadata"])
        paid = isinstance(outcome, Scored) and outcome.value > 0.5
        group = (case["task"], case["language"], case["expected"])
        asked[group] += 1
        if paid != (case["expected"] == "right"):
            missed[group] += 1
            if args.show:
                print(json.dumps({**case, "outcome": str(outcome)}, ensure_ascii=False))
    rows = [_row(group, missed[group], asked[group]) for group in sorted(asked)]
    for row in rows:
        print(f"{row['task']:10} {row['language']}  {row['expected']:5}  {row['misjudged']:3} of {row['n']:3} misjudged = "
              f"{row['share']:.1%} ({row['low']:.1%} to {row['high']:.1%})")
    write_json(args.output, {"what": f"answers misjudged, {args.half}", "date": date.today().isoformat(), "rows": rows})


def _row(group: tuple[str, str, str], missed: int, asked: int) -> dict:
    low, high = wilson_interval(missed, asked)
    task, language, expected = group
    return {"task": task, "language": language, "expected": expected, "misjudged": missed, "n": asked, "share": missed / asked,
            "low": low, "high": high}


if __name__ == "__main__":
    main()
