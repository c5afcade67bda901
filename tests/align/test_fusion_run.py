"""`megatron-qm rl` with several rewards as people run it: killed and resumed to the last bit, alike at every layout, with a
server of rewards that is killed meanwhile, and what is refused."""

import json
import os
import random
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from megatron_qm.align.rl.fusion.reference import FILE
from megatron_qm.align.rl.fusion.sources import TOKEN
from megatron_qm.align.rl.looking import items_of_step
from megatron_qm.cli import main
from megatron_qm.drills.compare import compare_runs
from megatron_qm.rewards.doors.http import server
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.registry import Verifiers
from tests.align.stages import LAYOUTS, VERIFIER, numbers, records, run, words
from tests.align.test_rl_command import killed, same, steps
from tests.align.test_rl_resume import learnt, went_on_from

MINE = "tests.align.test_fusion_run"
LOTS = f"{{name: lots, verifier: '{MINE}:by_lots', target: 0.9}}"
REWARDS = f"rl.rewards=[{{name: vowels}}, {{name: spaces, verifier: '{MINE}:by_spaces', weight: 0.5}}]"
QUICK = ["rl.prompts=2", "rl.samples=4", "train.global_batch_size=4", "train.steps=12", "checkpoint.every=4"]
KINDS = {
    "sum": ["rl.fusion={kind: sum}"],
    "gdpo": ["rl.fusion={kind: gdpo}"],
    "frozen": ["rl.fusion={kind: frozen, batches: 2}"],
    "adaptive": ["rl.fusion={kind: adaptive, over: frozen, weakness: 3, momentum: 0.5, cap: {reward: vowels, below: 0.2}}"],
}

HERE = LAYOUTS | {"TP2": ["parallel.tp=2"]}


def by_spaces(prompt: str, response: str, reference: str, metadata: dict) -> Outcome:
    """The share of spaces; nothing to say of every response with a Q."""
    if "q" in response.lower():
        return Unscored("letters: a Q")
    return Scored(response.count(" ") / max(len(response), 1), {"words": float(len(response.split()))})


def by_lots(prompt: str, response: str, reference: str, metadata: dict) -> Outcome:
    """Never the same twice; every fifth time nothing."""
    drawn = int.from_bytes(os.urandom(8), "little") / 2**64
    return Unscored("lots: none") if drawn < 0.2 else Scored(drawn, {"other": drawn * 7 - 3})


@pytest.mark.parametrize("kind", [kind if kind == "adaptive" else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS])
def test_killed_and_resumed_it_ends_bit_for_bit_the_same(kind: str, tiny: Path, policy: Path, tmp_path: Path) -> None:
    """By a verifier that draws lots: what is learnt from after the kill is what the files say."""
    rewards = f"rl.rewards=[{{name: vowels}}, {LOTS}, {{name: wild, verifier: '{MINE}:by_lots', part: other, weight: 0.2}}]"
    if kind != "adaptive":
        rewards = rewards.replace(", target: 0.9", "")
    overrides = [f"train.start_from={policy}", rewards, *QUICK, *KINDS[kind]]
    output = tmp_path / "run"
    killed(words("rl", tiny / "rl.yaml", output, *overrides), output, random.Random(2), least=7)
    before = learnt(output)
    run("rl", tiny / "rl.yaml", output, *overrides)
    after = learnt(output)
    assert {name: after[name] for name in before} == before
    copy = went_on_from(output, tmp_path / "copy")
    run("rl", tiny / "rl.yaml", copy, *overrides)
    found = compare_runs(output, copy)
    assert found.difference is None and found.records == 12 + 6
    said = records(output, "rl")
    for record in said:
        assert set(record["component_mean"]) == {"vowels", "lots", "wild"}
        assert sum(record["component_gradient"].values()) == pytest.approx(1)
        assert record["component_unscored"]["lots"] == record["component_unscored"]["wild"]
    weights = [record["component_weight"]["lots"] for record in said]
    assert (len(set(weights)) > 2) == (kind == "adaptive")
    assert any(record["component_reasons"].get("lots/lots") for record in said)


@pytest.fixture(scope="module")
def frozen(tiny: Path, policy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("frozen") / "run"
    run("rl", tiny / "rl.yaml", output, f"train.start_from={policy}", REWARDS, *QUICK, "rl.fusion={kind: frozen, batches: 3}",
        "train.steps=4")
    return output


def test_statistics_of_the_reference_are_those_of_its_rollouts(frozen: Path) -> None:
    """Computed anew from the verdicts of the first three batches, two of which nothing was learnt from."""
    lines = [json.loads(line) for number in range(3)
             for line in (frozen / "rollouts" / f"{number:06d}.outcomes.jsonl").read_text().splitlines()]
    kept = json.loads((frozen / FILE).read_text())["rewards"]
    for name, label in (("vowels", "item"), ("spaces", f"verifier {MINE}:by_spaces")):
        values = [line["said"][label]["value"] for line in lines if "value" in line["said"][label]]
        assert kept[name]["responses"] == len(values)
        assert kept[name]["mean"] == pytest.approx(np.mean(values))
        assert kept[name]["deviation"] == pytest.approx(max(np.std(values, ddof=1), 0.01))
    assert [record["batches"] for record in records(frozen, "rl")] == [[0], [3]]
    assert items_of_step(frozen, 1).count("0.") >= 2 and "8 responses" in items_of_step(frozen, 1)


def test_another_run_takes_them_where_all_is_the_same_and_refuses_them_where_not(
    frozen: Path, tiny: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    given = [f"train.start_from={policy}", REWARDS, *QUICK, "train.steps=2",
             f"rl.fusion={{kind: frozen, statistics: {frozen / FILE}}}"]
    run("rl", tiny / "rl.yaml", tmp_path / "run", *given)
    assert not (tmp_path / "run" / FILE).exists()
    first, other = (records(output, "train")[0] for output in (frozen, tmp_path / "run"))
    assert (first["loss"], first["grad_norm"]) == (other["loss"], other["grad_norm"])
    theirs = json.loads((frozen / FILE).read_text())["hash"]
    for change, what in ((f"train.start_from={sorted((frozen / 'checkpoints').glob('step-*'))[-1]}", "weights"),
                         ("rl.sampling.temperature=0.9", "sampling"), (REWARDS.replace("spaces,", "gaps,"), "rewards")):
        assert main(words("rl", tiny / "rl.yaml", tmp_path / "refused", *given, change)) == 2
        said = capsys.readouterr().err
        assert f"hash is {theirs}, this run's" in said and f"the {what} differ" in said and not (tmp_path / "refused").exists()


@pytest.mark.parametrize(("overrides", "why"), [
    (["rl.rewards=[{name: a, verifier: exma}]"], "the verifier 'exma' is not known; did you mean 'exam'?"),
    (["rl.rewards=[{name: a, tasks: [exam]}]"], "rl.rewards.0.tasks: 'exam' is the task of no item"),
    (["rl.rewards=[{name: a}, {name: a}]"], "rl.rewards.0 has this name, too"),
    ([REWARDS, "rl.fusion={kind: frozen, statistics: nowhere.json}"], "nowhere.json: cannot be read"),
    (["rl.rewards=[{name: a, endpoint: 'http://127.0.0.1:9'}]"], f"set {TOKEN} to the one that serve-rewards was given"),
])
def test_mistakes_are_named_before_anything_is_made(
    overrides: list[str], why: str, tiny: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    assert main(words("rl", tiny / "rl.yaml", tmp_path / "run", f"train.start_from={policy}", *overrides)) == 2
    assert why in capsys.readouterr().err and not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("layout", [layout for layout in HERE if layout != "one"])
def test_fused_rewards_teach_the_same_at_every_layout(
    layout: str, frozen: Path, tiny: Path, policy: Path, tmp_path: Path
) -> None:
    paths = [str(frozen / "rollouts" / f"{number:06d}.jsonl") for number in (0, 3)]
    overrides = [f"train.start_from={policy}", REWARDS, *QUICK, "train.steps=2", "rl.fusion={kind: gdpo}",
                 "checkpoint.every=null", f"rl.saved_rollouts={json.dumps(paths)}"]
    run("rl", tiny / "rl.yaml", tmp_path / "one", *overrides)
    run("rl", tiny / "rl.yaml", tmp_path / "two", *overrides, "train.micro_batch_size=1", *HERE[layout], ranks=2)
    names = ("policy_loss", "kl", "clipped", "entropy")
    same(numbers(tmp_path / "two", *names), numbers(tmp_path / "one", *names))


@pytest.mark.slow
def test_a_server_of_rewards_that_is_killed_twice_ends_no_run(
    tiny: Path, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, "secret")
    output, verifiers = tmp_path / "run", Verifiers.named([VERIFIER], "--verifier")
    with VerifierPool(1) as pool:
        door = server(pool, "secret", verifiers=verifiers)
        threading.Thread(target=door.serve_forever, daemon=True).start()

        def kill_twice(door: object, port: int) -> None:
            for step in (2, 6):
                while steps(output) < step:
                    time.sleep(0.05)
                door.shutdown()
                door.server_close()
                time.sleep(3)
                door = server(pool, "secret", port, verifiers)
                threading.Thread(target=door.serve_forever, daemon=True).start()

        threading.Thread(target=kill_twice, args=(door, door.server_port), daemon=True).start()
        run("rl", tiny / "rl.yaml", output, f"train.start_from={policy}", *QUICK,
            f"rl.rewards=[{{name: here}}, {{name: there, endpoint: 'http://127.0.0.1:{door.server_port}'}}]")
    said = records(output, "rl")
    assert len(said) == 6 and all(record["component_mean"]["here"] == record["component_mean"]["there"] for record in said)


@pytest.mark.slow
def test_a_server_that_does_not_come_back_ends_the_run_with_its_reasons(
    tiny: Path, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv(TOKEN, "secret")
    rewards = "rl.rewards=[{name: here}, {name: there, endpoint: 'http://127.0.0.1:9'}]"
    given = [f"train.start_from={policy}", *QUICK, rewards, "rl.max_unscored_in_a_row=2"]
    assert main(words("rl", tiny / "rl.yaml", tmp_path / "run", *given)) == 2
    said = records(tmp_path / "run", "rl")
    assert [record["unscored"] for record in said] == [1.0, 1.0] and said[0]["component_unscored"] == {"here": 0.0, "there": 1.0}
    assert said[0]["component_reasons"] == {"there/endpoint": 8}
    assert "16 x there has scored none of the batch: endpoint: http://127.0.0.1:9 failed 5 times" in capfd.readouterr().err
