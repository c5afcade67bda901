"""YAML that nobody can have meant: one sentence with file and line, whatever it would cost to read."""

import re
import resource
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from megatron_qm.config.load import load, to_yaml
from megatron_qm.config.rl import RlRun
from megatron_qm.config.run import RunConfig
from megatron_qm.errors import UserError
from megatron_qm.rewards.general import read_principles
from megatron_qm.yaml_nodes import parse

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(24))

REFUSED = {
    "a circle of maps": ("model: &x\n  shape: *x", "2: not valid YAML: *x stands inside of what it names"),
    "a circle of lists": ("a: 1\nb: &x [1, [*x]]", "2: not valid YAML: *x stands inside of what it names"),
    "a circle of two": ("a: &x\n  b: &y\n    c: *x\n    d: *y", "3: not valid YAML: *x stands inside of what it names"),
    "3,000 brackets": ("a: 1\nb: " + "[" * 3000 + "]" * 3000, "2: not valid YAML: nested more than 100 deep"),
    "100,000 brackets": ("[" * 100_000, "1: not valid YAML: nested more than 100 deep"),
    "3,000 braces": ("{a: " * 3000 + "}" * 3000, "1: not valid YAML: nested more than 100 deep"),
    "3,000 dashes": ("- " * 3000, "1: not valid YAML: nested more than 100 deep"),
    "3,000 indents": ("\n".join(" " * n + "a:" for n in range(3000)), "100: not valid YAML: nested more than 100 deep"),
    "a billion laughs": (LAUGHS, "5: not valid YAML: more than 50,000 values, written out"),
    "a key twice": ("a: 1\nb: 2\na: 3", "3: the key 'a' is given twice (first at line 1)"),
    "an anchor twice": ("a: &x 1\nb: &x 2", "2: not valid YAML: found duplicate anchor 'x'"),
    "an alias of nothing": ("a: *x", "1: not valid YAML: found undefined alias 'x'"),
    "a zero byte": ("a: 1\nb: \0", "2: not valid YAML: special characters are not allowed"),
    "no character": ('a: 1\nb: "\\UFFFFFFFF"', "2: not valid YAML: an escape that is no character"),
    "half a pair": ('a: "\\ud800"', "1: cannot read the value '\\ud800': half a surrogate pair is no text"),
    "a list as key": ("? [a, b]\n: 1", "1: a key must be a word"),
    "no bool": ("a: !!bool x", "1: cannot read the value 'x': it is not what its tag says"),
    "no time": ("a: !!timestamp x", "1: cannot read the value 'x'"),
    "no date": ("a: !!timestamp '2024-99-99'", "1: cannot read the value '2024-99-99'"),
    "an object": ("a: !!python/object:os.system x", "1: cannot read the value 'x': could not determine a constructor"),
    "a merge key": ("a: &x {b: 1}\nc:\n  <<: *x", "3: the merge key << is not read: write the keys out"),
    "5,000 digits": ("a: " + "9" * 5000, "1: cannot read the value '999"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_it_is_refused_by_file_and_line(text: str, tmp_path: Path) -> None:
    file, memory = tmp_path / "wrong.yaml", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    file.write_text(REFUSED[text][0])
    for read in (lambda: load(RunConfig, file), lambda: read_principles(file)):
        with pytest.raises(UserError) as refused:
            read()
        said = str(refused.value)
        assert said.startswith(f"{file}:{REFUSED[text][1]}") and "\n" not in said, said
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 200_000  # KiB


@pytest.mark.parametrize("override", ["train.seed=" + "[" * 3000, "model=&x {shape: *x}", "train.steps=!!int ''"])
def test_an_override_is_held_to_the_same(override: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"override {override!r}"[:60])) as refused:
        load(RunConfig, Path("tiny-cpu"), [override])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("key", ["data.sources." + "9" * 5000 + ".weight=1", ".".join("a" * 5000) + "=1"])
def test_no_key_of_an_override_is_too_long_to_be_refused(key: str) -> None:
    with pytest.raises(UserError, match="override"):
        load(RunConfig, Path("tiny-cpu"), ["data.sources=[{name: a, prefix: a}]", key])


_ODD = {"1:30": "write 90", "-1:30": "write -90", "1:30.5": "write 90.5", "010": "write 10, or 8", "-0_1_0_": "write -10, or -8",
        "00": "write 0, or 0",
        "1_000": "write 1000", "0x10": "write 16", "0b11": "write 3", "1_0.5": "write 10.5"}
_SWITCHES = {"yes": "true", "on": "true", "No": "false", "OFF": "false"}


@pytest.mark.parametrize("odd", [*_ODD, *_SWITCHES, "2024-01-01", "2024-01-01 12:00:00", "="])
def test_what_yaml_1_1_alone_reads_is_refused_for_a_number_and_a_switch_and_is_text_for_text(odd: str, tmp_path: Path) -> None:
    """In recipes and overrides alike; where text and numbers are both taken, it must be said which."""
    for key, words in (("rl.verifier.seconds", _ODD), ("train.seed", _ODD), ("data.sources.0.weight", _ODD),
                       ("train.init_model_only", _SWITCHES), ("data.template_arguments.x", _ODD | _SWITCHES)):
        base, kind = ("rl-tiny-cpu", RlRun) if key.startswith("rl.") else ("tiny-cpu", RunConfig)
        if key.startswith("data.template") and odd not in words:
            continue
        with pytest.raises(UserError) as refused:
            load(kind, Path(base), ["data.sources=[{name: a, prefix: a}]", f"{key}={odd}"])
        assert f"override '{key}={odd}'" in str(refused.value) and words.get(odd, "") in str(refused.value)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"base: tiny-cpu\ndata: {{sources: [{{name: {odd}, prefix: a}}]}}\noutput: {odd}\n")
    found = load(RunConfig, recipe)
    assert found.output == found.data.sources[0].name == odd and type(found.output) is str
    assert load(RunConfig, written(tmp_path / "again.yaml", to_yaml(found))) == found
    recipe.write_text(f"base: tiny-cpu\ntrain:\n  seed: {odd}\n")
    with pytest.raises(UserError, match=re.escape(f"{recipe}:3: train.seed wants a whole number")):
        load(RunConfig, recipe)


@pytest.mark.parametrize("text", ["1_000", "٣", " 5", "1_0e3", "Infinity", "010", "0x10"])
def test_a_number_in_quotes_is_spelled_as_one(text: str) -> None:
    with pytest.raises(UserError, match="train.seed wants a whole number"):
        load(RunConfig, Path("tiny-cpu"), [f'train.seed="{text}"'])


@pytest.mark.parametrize(("text", "number"), [("1e3", 1000), ("+7", 7), ("0", 0), ("7.0", 7), ('"12"', 12), ("1.2e+1", 12)])
def test_numbers_as_people_write_them(text: str, number: int) -> None:
    assert load(RunConfig, Path("tiny-cpu"), [f"train.seed={text}"]).train.seed == number


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_anchors_that_a_person_writes_are_read() -> None:
    text = "a: &x {b: 1}\nc: *x\nd: [*x, *x]\ne: &y [*x]\nf: *y"
    assert parse(text, "f.yaml").plain() == yaml.safe_load(text)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=30,
)


@given(_VALUES, st.booleans())
def test_it_reads_what_pyyaml_writes(value: object, flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    assert parse(text, "f.yaml").plain() == yaml.safe_load(text)


@pytest.mark.parametrize("text", ["a: !foo {b: 1}", "a: !foo [1]", "a: !!set {b}", "a: !!python/object/apply:os.getcwd []",
                                  "!foo {a: 1}"])
def test_a_tag_that_is_not_read_is_refused_by_line(text: str) -> None:
    with pytest.raises(UserError, match=r"^x\.yaml:2: the tag '.*' is not read"):
        parse(f"# first\n{text}\n", "x.yaml")


def test_tags_that_say_what_a_value_is_anyway_may_stand() -> None:
    assert parse("a: !!map {b: !!seq [1]}", "x.yaml").plain() == {"a": {"b": [1]}}
