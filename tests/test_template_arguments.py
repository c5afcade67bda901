"""`--template-argument NAME=VALUE`."""

from argparse import ArgumentParser

import pytest

from megatron_qm.commands.template_arguments import add_template_argument, template_arguments
from megatron_qm.errors import UserError


def given(*options: str) -> dict[str, object]:
    parser = ArgumentParser()
    add_template_argument(parser)
    return template_arguments(parser.parse_args([word for option in options for word in ("--template-argument", option)]))


def test_values_are_read_as_yaml_reads_them() -> None:
    options = ["enable_thinking=false", "effort=high", "budget=3", "share=0.5", "text='1=2'"]
    assert given(*options) == {"enable_thinking": False, "effort": "high", "budget": 3, "share": 0.5, "text": "1=2"}
    assert given() == {}


@pytest.mark.parametrize("option", ["enable_thinking", "=1", "a=[1]", "a={", "a=", "a=.inf"])
def test_what_is_none_is_named(option: str) -> None:
    with pytest.raises(UserError, match="--template-argument "):
        given(option)
    with pytest.raises(UserError, match="a is given twice"):
        given("a=1", "a=1")
