"""The grammar is made of small pieces, and lower case keeps characters in their places."""

import ast
from pathlib import Path

import pytest
import yaml

from megatron_qm.rewards.reading import lexicon

REWARDS = Path(lexicon.__file__).parents[1]
FILES = [*REWARDS.glob("*.py"), *(REWARDS / "reading").glob("*.py")]
LONGEST = 100


def _pattern_literals(path: Path) -> list[str]:
    """What is written out in calls of re.compile, without what is put in by name."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.") and node.args]
    return [piece.value for call in calls for piece in ast.walk(call.args[0])
            if isinstance(piece, ast.Constant) and isinstance(piece.value, str)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_pattern_is_too_long_to_read_and_no_function_either(path: Path) -> None:
    assert max(map(len, _pattern_literals(path)), default=0) <= LONGEST
    functions = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)]
    assert all((one.end_lineno or 0) - one.lineno < 30 for one in functions), path


def test_an_entry_is_a_word_or_a_small_pattern_in_lower_case() -> None:
    for category, lists in yaml.safe_load((REWARDS / "reading" / "lexicon.yaml").read_text(encoding="utf-8")).items():
        for language, entries in lists.items():
            assert language in ("en", "zh", "signs"), category
            assert all(isinstance(entry, str) and len(entry) <= 80 for entry in entries), category
            assert len(set(entries)) == len(entries), category


@pytest.mark.parametrize("text", ["İU", "5 İ A", "ΑΣ ÀÉ", "ẞ"])
def test_lower_case_keeps_places(text: str) -> None:
    assert len(lexicon.lower(text)) == len(text)
