"""Files of pairs, JSON lines:

    {"prompt": "...", "chosen": "...", "rejected": "...", "label": "chosen", "stratum": "surgery", "key": "7"}

`docs/evaluate.md` tells every form of a line. A file is read line by line and never held as a whole.
"""

from collections.abc import Iterator
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.keys import Keys
from megatron_qm.evals.pairs.rows import LABELS, STYLES, TIED, Label, Row
from megatron_qm.evals.pairs.sides import read_sides
from megatron_qm.json_lines import parse_line, raw_lines
from megatron_qm.json_types import JsonObject, check_names, key_of, name_of

STRATUM = ("stratum", "subset", "domain")  # ours, RewardBench 2's and RM-Bench's word
FIELDS = ("prompt", "messages", "chosen", "rejected", "label", "tie", "margin", "style", "key", "id", *STRATUM)
# What published files and ours say beside: of the lists' lengths, of who wrote a response, where from.
UNREAD = ("num_correct", "num_incorrect", "total_completions", "models", "chosen_model", "rejected_model",
          "additional_metadata", "metadata", "part")


def read_rows(path: Path, keys: Keys | None = None) -> Iterator[Row]:
    """Every line's, in order; `keys` gets theirs. Raises UserError with file and line for one that is not whole; behind the last
    one, or that, for the first that has the key of another; and for a file that cannot be read or holds nothing."""
    keys = keys or Keys()
    try:
        for row in whole_rows(path):
            keys.add(row.key)
            yield row
    except UserError:
        _refuse_repeated(path, keys)  # such a line is before the one that is not whole
        raise
    _refuse_repeated(path, keys)
    if not keys.digests:
        raise UserError(f"{path}: holds no pairs")


def whole_rows(path: Path) -> Iterator[Row]:
    """Every line's, in order. Raises UserError with file and line for one that is not whole; keys may be given twice."""
    for number, line in raw_lines(path):
        if not line.strip():
            continue
        try:
            row = _row(parse_line(line), number)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}:{number}: {error}") from None
        yield row


def _refuse_repeated(path: Path, keys: Keys) -> None:
    """Equal digests are no equal keys: where there are any, the file is read once more to see."""
    repeated = keys.repeated()
    seen: set[str] = set()
    for row in whole_rows(path) if repeated else ():
        if keys.digest(row.key) in repeated:
            if row.key in seen:
                raise UserError(f"{path}:{row.line}: the key {row.key!r} was given before; keys tell pairs apart")
            seen.add(row.key)


def _row(value: object, number: int) -> Row:
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    check_names(value, FIELDS, "a pair", unread=UNREAD)
    row = {name: one for name, one in value.items() if name not in UNREAD and one is not None}
    key, label, stratum = key_of(row, str(number)), _label(row), _stratum(row)
    prompt, chosen, rejected = read_sides(row)
    _check_counts(row, key, len(chosen))
    styles = _styles(row["style"], len(chosen), len(rejected)) if "style" in row else ()
    found = Row(key, number, prompt, (*chosen, *rejected), len(chosen), label, stratum, styles)
    return found.exchanged() if label == "rejected" else found


def _label(row: JsonObject) -> Label:
    tie = row.get("tie")
    label = row.get("label", "tie" if tie is True else "chosen")
    if not isinstance(label, str) or label not in LABELS:
        raise ValueError(f"label = {label!r:.60} is none of {', '.join(LABELS)}: which side is better")
    if tie is not None and tie is not (label == "tie"):
        raise ValueError(f"tie = {tie!r:.60} beside label = {row.get('label')!r:.60}: true or false, and as the label says")
    _check_margin(row.get("margin"), label)
    if label != "chosen" and any(_texts(row.get(side)) for side in ("chosen", "rejected")):
        raise ValueError(f"label = {label!r} beside a list of responses; of lists the chosen ones are better")
    return label


def _check_margin(margin: object, label: Label) -> None:
    """It is not read, but must not speak against the label: training on the same line would refuse it."""
    if margin is None:
        return
    if isinstance(margin, bool) or not isinstance(margin, int | float):
        raise ValueError(f"margin = {margin!r:.60} is not a number: how much better a side is")
    if label == "tie" or not margin > 0:
        raise ValueError(f"margin = {margin!r:.60} beside label = {label!r}: how much better a side is, more than 0, and none of "
                         "a tie")


def _texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], str)


def _stratum(row: JsonObject) -> str:
    given = [name for name in STRATUM if name in row]
    if len(given) > 1:
        raise ValueError(f"has both {given[0]} and {given[1]}; they are two words for the same")
    stratum = name_of(row, given[0]) if given else ""
    if given and not stratum.strip():
        raise ValueError(f"{given[0]} = {stratum!r:.60} names nothing; leave it out")
    return stratum


def _check_counts(row: JsonObject, key: str, chosen: int) -> None:
    if key.startswith(TIED) and chosen < 2:
        raise ValueError(f"the key {key!r} is that of a question with several right answers, and chosen has one")
    if chosen > 1 and not _texts(row["rejected"]):
        raise ValueError("chosen is a list of responses, and rejected is not")


def _styles(style: object, chosen: int, rejected: int) -> tuple[int, ...]:
    """Of each response. A list names those of both sides' lists, an object those of a single pair."""
    if isinstance(style, list):
        if sorted(map(str, style)) != sorted(STYLES):
            raise ValueError(f"style is not a list of the three styles {', '.join(STYLES)}, in the order of both sides")
        if (chosen, rejected) != (len(STYLES), len(STYLES)):
            raise ValueError(f"style names {len(STYLES)} styles, and there are {chosen} chosen and {rejected} rejected responses")
        return tuple(map(STYLES.index, style)) * 2
    if not isinstance(style, dict) or set(style) != {"chosen", "rejected"}:
        raise ValueError("style is neither a list of three styles nor an object with chosen and rejected")
    for side, name in style.items():
        if name not in STYLES:
            raise ValueError(f"style.{side} = {name!r:.60} is none of {', '.join(STYLES)}")
    if (chosen, rejected) != (1, 1):
        raise ValueError("style is that of one pair, and there are several responses; name the three styles in a list")
    return STYLES.index(style["chosen"]), STYLES.index(style["rejected"])
