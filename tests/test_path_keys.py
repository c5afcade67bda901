"""Every key of a recipe that holds a path names itself where there is nothing at that path, or something else: at a start as in a
dry run."""

import re
from pathlib import Path

import pytest

from megatron_qm.cli import main
from megatron_qm.commands import stage as stage_verb
from megatron_qm.config.keys import keys
from megatron_qm.config.stages import STAGES
from tests.templates import CHATML, save_chat_tokenizer

# Keys with text or texts that are no paths of what a run reads or writes, by how they end.
NO_PATHS = {"stage", "shape", "name", "wandb_project", "verifier", "endpoint", "digest", "part", "reward", "base", "model",
            "verifiers", "after_step", "after_save", "allow_removed", "allow_tokenizer_of", "ignore", "tasks"}
_REWARD = "rl.rewards=[{name: r, checkpoint: PATH}]"
_GRADER = "rl.verifier.grader={base: 'http://127.0.0.1:9/v1', model: m, instruction: PATH}"
_REPLAY = "rl.replay={sources: [{name: r, prefix: PATH}], sequences: 2}"
_STATISTICS = ("rl.rewards=[{name: a, verifier: format}, {name: b, verifier: format, part: length}]", "rl.fusion.kind=frozen")
# Of each key that is a path: how it is said, where that takes more than KEY=PATH.
SAID = {
    "data.sources.*.prefix": ["data.sources=[{name: a, prefix: PATH}]"],
    "data.validation.*.prefix": ["data.validation=[{name: a, prefix: PATH}]"],
    "data.tokenizer": [], "train.start_from": [], "output": [], "observe.probes": [], "observe.items": [],
    "checkpoint.local": ["checkpoint.local_every=1", "checkpoint.local=PATH"],
    **{f"{stage}.{part}.*.path": [f"{stage}.{part}=[{{name: a, path: PATH}}]"]
       for stage in ("sft", "reward_model", "dpo") for part in ("sources", "validation")},
    "dpo.reference": [], "rl.items": [], "rl.reference": [],
    "rl.vllm.folder": ["rl.vllm={folder: PATH}"],
    "rl.replay.sources.*.prefix": [_REPLAY],
    "rl.rewards.*.checkpoint": [_REWARD],
    "rl.fusion.statistics": [*_STATISTICS, "rl.fusion.statistics=PATH"],
    "rl.verifier.grader.instruction": ["rl.verifier.seconds=60", _GRADER],
    "rl.verifier.principles": [],
    "rl.saved_rollouts": ["rl.saved_rollouts=[PATH]"],
}
WRITTEN = {"output", "checkpoint.local"}  # what is not there yet will be made
CASES = [(stage, key) for stage in STAGES for key in SAID if key in {one.name for one in keys(STAGES[stage].kind)}
         and not (stage != "pretrain" and key in ("data.sources.*.prefix", "data.validation.*.prefix"))]


def test_every_key_with_text_is_a_path_or_none() -> None:
    texts = {one.name for stage in STAGES.values() for one in keys(stage.kind) if "text" in one.type and "lines" not in one.type}
    assert {one for one in texts if one.rpartition(".")[2] not in NO_PATHS} == set(SAID)


@pytest.fixture(scope="module")
def ready(recipe: Path, tiny: Path, policy: Path) -> dict[str, list[str]]:
    """Of each stage the words of a start that is asked for all that it needs."""
    start = f"train.start_from={policy}"
    return {"pretrain": [f"--config={recipe}", f"data.tokenizer={tiny}/tokenizer"],
            "sft": [f"--config={tiny}/sft.yaml", "sft.epochs=1"],
            "reward-model": [f"--config={tiny}/reward-model.yaml", start, "reward_model.epochs=1"],
            "dpo": [f"--config={tiny}/dpo.yaml", start, "dpo.epochs=1"], "rl": [f"--config={tiny}/rl.yaml", start]}


def begin(stage: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(stage_verb, "start", lambda *given: 0)
    return main([stage, *words])


@pytest.mark.parametrize("stage", list(STAGES))
@pytest.mark.parametrize("how", [[], ["--dry-run"]])
def test_what_is_ready_begins(
    stage: str, how: list[str], ready: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
) -> None:
    assert begin(stage, [*ready[stage], f"output={tmp_path}/run", *how], monkeypatch) == 0
    assert "not ready" not in capsys.readouterr().out


@pytest.mark.parametrize("what", ["nothing", "a file", "an empty folder"])
@pytest.mark.parametrize(("stage", "key"), CASES)
@pytest.mark.parametrize("how", [[], ["--dry-run"]], ids=["start", "dry run"])
def test_a_path_that_leads_elsewhere_is_refused_by_its_key(
    what: str, stage: str, key: str, how: list[str], ready: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    path = tmp_path / "elsewhere"
    if what == "a file":
        path.write_bytes(b"\x80junk\n")
    elif what == "an empty folder":
        path.mkdir()
    if key in WRITTEN and what != "a file":
        return
    said = [one.replace("PATH", str(path)) for one in SAID[key] or [f"{key}=PATH"]]
    code = begin(stage, [*ready[stage], f"output={tmp_path}/run", *said, *how], monkeypatch)
    told = capsys.readouterr()
    lines = [line for line in (told.err + told.out).splitlines() if line.startswith(("error: ", "not ready to run: "))]
    assert lines and (code == 2 or how), told.err[-2000:]
    told_of = [re.sub("override (\".*?\"|'.*?'): ", "", line) for line in lines]
    assert any(key.partition(".*")[0] in line and str(path) in line for line in told_of), lines


BLENDS = [("[{name: a, prefix: A, weight: 0}, {name: b, prefix: B, weight: 0}]",
           "data.sources: the weights of the sources (a, b) at 0"),
          ("[{name: a, prefix: A, weight: [[0, 1], [10, 0]]}]", "data.sources: the weights of the sources (a) at 10 consumed"),
          ("[{name: '', prefix: A}]", "data.sources.0.name = '' names no dataset"),
          ("[{name: ' ', prefix: A}]", "data.sources.0.name = ' ' names no dataset"),
          ("[{name: b, prefix: A}, {name: ../x, prefix: A}]", "data.sources.1.name = '../x' names no dataset"),
          ("[{name: /x, prefix: A}]", "data.sources.0.name = '/x' names no dataset"),
          ("[{name: x/./y, prefix: A}]", "data.sources.0.name = 'x/./y' names no dataset"),
          ('[{name: "a\\nb", prefix: A}]', "data.sources.0.name = 'a\\nb' names no dataset")]


@pytest.mark.parametrize("how", [[], ["--dry-run"]], ids=["start", "dry run"])
@pytest.mark.parametrize(("blend", "why"), BLENDS)
def test_a_blend_of_nothing_is_refused_by_its_key(
    blend: str, why: str, how: list[str], ready: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    words = [*ready["pretrain"], f"output={tmp_path}/run", f"data.sources={blend}", *how]
    assert begin("pretrain", words, monkeypatch) == 2
    assert f": {why}" in capsys.readouterr().err


@pytest.mark.parametrize("stage", ["sft", "reward-model", "dpo"])
@pytest.mark.parametrize("how", [[], ["--dry-run"]], ids=["start", "dry run"])
def test_groups_without_weight_are_refused_by_their_key(
    stage: str, how: list[str], ready: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
) -> None:
    key = f"{stage.replace('-', '_')}.sources"
    words = [*ready[stage], f"output={tmp_path}/run", f"{key}=[{{name: a, path: A, weight: 0}}]", *how]
    assert begin(stage, words, monkeypatch) == 2
    assert f": {key}: the weights of the sources (a) at 0 consumed tokens" in capsys.readouterr().err


def test_a_dry_run_says_all_that_a_start_would_refuse(
    ready: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
) -> None:
    """Datasets that cannot be read too, and a chat template that writes today's date."""
    (tmp_path / "file").write_text("")
    for end in (".bin", ".idx"):
        (tmp_path / f"torn{end}").write_bytes(b"x" * 40)
    words = [*ready["pretrain"], f"output={tmp_path}/file", f"data.sources=[{{name: a, prefix: {tmp_path}/torn}}]", "--dry-run"]
    assert begin("pretrain", words, monkeypatch) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("not ready to run: ")]
    assert len(said) == 2 and "output: " in said[0] and f"data.sources: source 'a': {tmp_path}/torn.idx" in said[1]
    folder = save_chat_tokenizer(tmp_path / "dated", "{{ strftime_now('%Y') }}" + CHATML)
    assert begin("sft", [*ready["sft"][:1], "train.steps=2", f"data.tokenizer={folder}", f"output={tmp_path}/run", "--dry-run"],
                 monkeypatch) == 0
    assert f"not ready to run: data.tokenizer: {folder}: the chat template writes the day" in capsys.readouterr().out


@pytest.mark.parametrize("stage", ["sft", "reward-model", "dpo"])
def test_a_group_without_a_path_says_so(
    stage: str, ready: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
) -> None:
    key = f"{stage.replace('-', '_')}.sources"
    assert begin(stage, [*ready[stage], f"output={tmp_path}/run", f"{key}=[{{name: a, path: ''}}]"], monkeypatch) == 2
    assert "group 'a': path = '' names no file" in capsys.readouterr().err
