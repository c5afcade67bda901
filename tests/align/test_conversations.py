import json

import pytest

from megatron_qm.align.sft.conversations import Conversation, Rejected, parse, read_conversations
from megatron_qm.errors import UserError

OPENAI = {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"},
                       {"role": "assistant", "content": "a"}]}
NEMO = {"system": "s", "mask": "User",
        "conversations": [{"from": "User", "value": "q"}, {"from": "Assistant", "value": "a"}]}


def test_the_formats_say_the_same():
    assert parse(OPENAI) == parse(NEMO)
    assert parse({"prompt": "q", "completion": "a"}) == parse(OPENAI)[1:]
    assert parse({"input": "q", "output": "a"}) == parse(OPENAI)[1:]
    assert [message.learn for message in parse(OPENAI)] == [False, False, True]


@pytest.mark.parametrize("line, reason", [
    (b"{", "Expecting"), (b"\xff", "utf-8"), (b"[]", "JSON object"), (b'{"prompt": "\\ud800", "completion": "a"}', "surrogate"),
    (b"{}", "none of"),
    (b'{"prompt": 1, "completion": "a"}', "int, not text"),
    (b'{"messages": [{"role": "tool", "content": "a"}]}', "'tool'"),
    (b'{"prompt": "q", "completion": " "}', "empty"),
    (json.dumps(NEMO | {"type": "VALUE_TO_TEXT"}).encode(), "labels"),
    (b'{"messages": [{"role": "user", "content": "q"}]}', "take turns"),
])
def test_a_bad_line_is_rejected_by_number_and_the_next_is_read(tmp_path, line, reason):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n" + line + b"\n" + json.dumps(OPENAI).encode())
    bad, good = read_conversations(path)
    assert isinstance(bad, Rejected) and bad.line == 2 and reason in bad.reason
    assert isinstance(good, Conversation) and good.line == 3


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="none.jsonl"):
        list(read_conversations(tmp_path / "none.jsonl"))
