"""Every numeric option of every verb at wrong numbers: refused with option, value and bound before any work, or legal for a
reason."""

import argparse
import re

import pytest

from megatron_qm import cli
from megatron_qm.config.bounds import in_words
from megatron_qm.options import Number
from tests.test_help import actions, parser_of

WRONG = ("-1", "0", "1" + "0" * 23, "9" * 5000, "nan", "inf", "1e400", "many", "")

# Those of WRONG that an option may be, and what they mean.
ZERO = {
    "serve --port": "any that is free", "serve-rewards --port": "any that is free",
    "generate --temperature": "greedy", "generate --top-k": "all tokens", "generate --min-tokens": "may end at once",
    "generate --show": "none", "generate --seed": "a seed", "verify-resume --seed": "a seed", "lifecycle --seed": "a seed",
    "plan --seed": "a seed", "audit-rewards --seed": "a seed", "evaluate --seed": "a seed",
    "verify-resume --kills": "only whether two runs are the same",
    "annotate --port": "any that is free", "annotate --seed": "a seed", "annotate --second": "no pair is read twice",
    "grade --temperature": "greedy", "grade --seed": "a seed",
    "select --seed": "a seed", "select --similarity": "all pairs, the nearest first",
    "plan --save-seconds": "a save that stops nothing", "plan --detect-minutes": "at once", "plan --restart-minutes": "at once",
}
# Read by a command that has bounds of its own, beside its other rules.
ELSEWHERE = r"data preprocess --(max-document-bytes|max-bad-fraction|workers|shard-index|shard-count|commit-seconds)"


def options(verb: str) -> list[tuple[str, argparse.Action]]:
    return [(name, action) for name, action in actions(parser_of(verb), verb) if action.option_strings]


@pytest.mark.parametrize("verb", cli._VERBS)
def test_a_wrong_number_is_refused_before_any_work(verb: str, capsys: pytest.CaptureFixture) -> None:
    for name, action in options(verb):
        if not isinstance(action.type, Number):
            assert action.type not in (int, float) or re.fullmatch(ELSEWHERE, name), f"{name} takes any number"
            continue
        for text in WRONG:
            if text == "0" and name in ZERO:
                assert action.type(text) == 0
                continue
            assert cli.main([*name.split(), text]) == 2, (name, text)
            said, option = capsys.readouterr().err, name.split()[-1]
            refused = rf"error: {option}: '?{re.escape(text[:60])}'? (must|is not|is a share).*; `megatron-qm {verb}.*"
            assert re.fullmatch(refused, said.removesuffix("\n")), (name, text, said)


def test_the_table_names_only_what_is_there() -> None:
    found = {name for verb in cli._VERBS for name, action in options(verb) if isinstance(action.type, Number)}
    assert set(ZERO) <= found


@pytest.mark.parametrize("verb", cli._VERBS)
def test_a_number_has_a_bound_on_both_sides_and_its_default_keeps_them(verb: str) -> None:
    for name, action in options(verb):
        if isinstance(action.type, Number):
            bounds = ", ".join(filter(None, map(in_words, action.type.hint.__metadata__)))
            assert re.search(r"or less|from|in [\[(]", bounds), (name, bounds)
            assert re.search(r"or more|above|from|in [\[(]", bounds), (name, bounds)
            assert action.default is None or action.type(str(action.default)) == action.default, name
