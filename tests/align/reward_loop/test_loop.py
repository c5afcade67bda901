"""The loop as people run it: two rounds to the end, people in the place of a function, and kills in every stage, after which it
ends as an undisturbed one."""

import json
import os
import random
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from megatron_qm.drills.compare import tensor_hashes
from tests import warm
from tests.align.reward_loop.cases import ENVIRONMENT, LABELS, ROUNDS, loop, post
from tests.align.stages import written

pytestmark = pytest.mark.slow
STAGES = ("start/pairs", "start/bt", "start/measure", *(f"round-{number}/{name}" for number in range(1, ROUNDS + 1) for name in (
    "second", "score", "select", "annotate", "retrain", "measure")))


@pytest.fixture(scope="module")
def undisturbed(tiny: Path, policy: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """loop.yaml of one that is done, and what it has said."""
    folder = tmp_path_factory.mktemp("undisturbed")
    config = prepared(folder, tiny, policy)
    done = warm.megatron_qm("reward-loop", "--config", config, timeout=1200)
    assert done.returncode == 0, done.stderr
    return config, done.stdout


def prepared(folder: Path, tiny: Path, policy: Path, **changes: object) -> Path:
    held_out = written(folder / "held-out.jsonl", [
        {"prompt": f"Code of illness {code}?", "chosen": f"It is {code.upper()}.", "rejected": "It is", "stratum": code[0]}
        for code in (f"{letter}{number}" for letter in "abc" for number in range(4))])
    return loop(folder, tiny, policy, held_out=str(held_out), **changes)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def pairs_in(path: Path) -> set[tuple[str, frozenset[str]]]:
    """Whichever was chosen."""
    return {(row["prompt"], frozenset((row["chosen"], row["rejected"]))) for row in lines(path)}


def outcome(output: Path) -> tuple[list[bytes], list[dict[str, str]]]:
    """Exported pairs and weights, bit for bit."""
    names = ("train.jsonl", "measure.jsonl", "labels.jsonl")
    runs = ["start/bt", *(f"round-{number}/{name}" for number in range(1, ROUNDS + 1) for name in ("second", "retrain"))]
    return ([(output / f"round-{number}" / "annotate" / name).read_bytes() for number in range(1, ROUNDS + 1) for name in names],
            [tensor_hashes(output / run / "run" / "checkpoints" / "step-00000004") for run in runs])


def test_every_stage_has_its_manifest_and_the_rounds_are_told(undisturbed: tuple[Path, str]) -> None:
    config, said = undisturbed
    output = config.parent / "loop"
    assert {path.parent.relative_to(output).as_posix() for path in output.glob("*/*/manifest.json")} == set(STAGES)
    found = json.loads((output / "loop.json").read_text())
    assert [row["round"] for row in found["rows"]] == [0, 1, 2] and [row["labels"] for row in found["rows"]] == [0, 10, 20]
    assert all(row["held_out"]["n"] == 12 and set(row["held_out"]["strata"]) == {"a", "b", "c"} for row in found["rows"])
    for number in (1, 2):
        told = json.loads((output / f"round-{number}" / "measure" / "held-out.json").read_text())
        assert found["rows"][number]["held_out"]["accuracy"] == told["accuracy"]
        assert sum(found["rows"][number]["reasons"].values()) <= LABELS
        assert [one["name"] for one in found["rows"][number]["annotators"]] == ["ann", "ben"]
    assert found["rows"][2]["kappa"]["n"] == 3 and found["labels"] == str(output / "round-2" / "annotate" / "labels.jsonl")
    assert "labels per point" in said and "round-2/annotate" in said and "Traceback" not in said
    page = (output / "loop.html").read_text()
    assert "round 2 of 2" in page and "Held out, by stratum" in page and "<th>annotator</th>" in page


def test_no_pair_is_judged_twice_and_what_is_measured_on_is_not_trained_on(undisturbed: tuple[Path, str]) -> None:
    output = undisturbed[0].parent / "loop"
    chosen = [row["key"] for number in (1, 2) for row in lines(output / f"round-{number}" / "select" / "chosen.jsonl")]
    assert len(chosen) == len(set(chosen)) == 2 * LABELS
    told = pairs_in(output / "round-2" / "annotate" / "labels.jsonl")
    for number in (1, 2):
        assert not told & pairs_in(output / f"round-{number}" / "annotate" / "measure.jsonl")
    sources = json.loads((output / "round-2" / "retrain" / "begun.json").read_text())["reads"]
    assert set(sources) == {"start_from", "first", "labels"}


def test_run_again_it_does_nothing_and_more_rounds_go_on(undisturbed: tuple[Path, str]) -> None:
    config, _ = undisturbed
    again = warm.megatron_qm("reward-loop", "--config", config)
    assert again.returncode == 0 and "$ megatron-qm" not in again.stdout and "labels per point" in again.stdout
    dry = warm.megatron_qm("reward-loop", "--config", config, "--dry-run", "rounds=3")
    states = dict(line.split(maxsplit=1) for line in dry.stdout[dry.stdout.index("stage "):].splitlines()[1:])
    open_ = [name for name, state in states.items() if state != "done"]
    assert open_ == [name.replace("round-2", "round-3") for name in STAGES[-6:]]
    for change, why in (("labels=11", "round-1/select: labels is 11, and was 10"), ("seed=1", "seed is 1, and was 0"),
                        ("overrides=[train.steps=5]", "start/bt: recipe."), ("annotators.second=0.5", "annotate: second is 0.5")):
        refused = warm.megatron_qm("reward-loop", "--config", config, change)
        assert refused.returncode == 2 and why in refused.stderr and refused.stderr.count("\n") == 1, refused.stderr


def start(config: Path, log: Path, *more: str) -> "warm.Process | subprocess.Popen":
    return warm.start("megatron_qm.cli", ["reward-loop", "--config", str(config), *more], ENVIRONMENT, log, log)


def kill(process: "warm.Process | subprocess.Popen", who: str) -> None:
    """all: the power cut. loop: its children must not outlive it. child: the loop ends, with a line that names the log."""
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    if who == "child" and children:
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):  # it may have ended by itself, and the loop goes on
            os.kill(int(children[0]), signal.SIGKILL)
            process.wait(30)
        process.kill()
        process.wait(300)
    elif who == "loop":
        os.kill(process.pid, signal.SIGKILL)
        process.wait(300)
        deadline = time.monotonic() + 120
        while any(Path(f"/proc/{child}/exe").exists() for child in children):
            assert time.monotonic() < deadline, "a child outlived the loop"
            time.sleep(0.05)
    else:
        process.kill()
        process.wait(300)


def test_killed_in_every_stage_it_ends_as_the_undisturbed_one(
    undisturbed: tuple[Path, str], tiny: Path, policy: Path, tmp_path: Path
) -> None:
    config, draw, killed = prepared(tmp_path, tiny, policy), random.Random(11), []
    for number, stage in enumerate(STAGES):
        folder, who = tmp_path / "loop" / stage, ("all", "loop", "child")[number % 3]
        process = start(config, log := tmp_path / f"{number}.log")
        while process.poll() is None and not (folder / "begun.json").exists():
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.7))
        if process.poll() is None:
            kill(process, who)
            if not (folder / "manifest.json").exists():
                killed.append(stage)
        if who == "child" and process.returncode == 128 + signal.SIGKILL:
            said = log.read_text().splitlines()[-1]
            assert said.startswith("error: stopped at: ") and said.endswith("log.txt"), said
    done = warm.megatron_qm("reward-loop", "--config", config, timeout=1200)
    assert done.returncode == 0, done.stderr
    assert len(killed) >= 4, f"only {killed} were killed before they were done"
    assert outcome(tmp_path / "loop") == outcome(undisturbed[0].parent / "loop")


def test_people_judge_on_a_page_and_the_loop_goes_on_once_the_queue_is_finished(
    tiny: Path, policy: Path, tmp_path: Path
) -> None:
    """Ann and Ben say what their page shows first; the loop is killed meanwhile, and the same address works again."""
    config = loop(tmp_path, tiny, policy, annotators={"function": None, "settle_seconds": 0.5}, rounds=1)
    log = tmp_path / "log"
    seen = 0
    for attempt in range(2):
        process = start(config, log, "--until", "annotate")
        pages: dict[str, str] = {}
        while len(pages) < 2:
            assert process.poll() is None, log.read_text()
            told = [line.partition(": ") for line in log.read_text()[seen:].splitlines()]
            pages = {name: address for name, _, address in told if "#token=" in address}
            time.sleep(0.05)
        seen, most = len(log.read_text()), 4 if attempt == 0 else None
        threads = [threading.Thread(target=judge, args=(name, address, most)) for name, address in pages.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(300)
        if attempt == 0:
            assert process.poll() is None, "it went on before all was judged"
            kill(process, "loop")
    assert process.wait(300) == 0, log.read_text()
    assert (tmp_path / "loop" / "round-1" / "annotate" / "manifest.json").exists()
    verdicts = lines(tmp_path / "loop" / "round-1" / "annotate" / "verdicts.jsonl")[1:]
    assert len(verdicts) == LABELS + 3 and all(one["verdict"] == one["shown"][0] for one in verdicts)


def judge(name: str, address: str, most: int | None) -> None:
    base, _, secret = address.partition("/#")
    token = parse_qs(secret)["token"][0]
    offer, count = post(base, "next", {"annotator": name}, token), 0
    while offer["reading"] and (most is None or count < most):
        reading, count = offer["reading"], count + 1
        offer = post(base, "verdict", {"id": f"{name}-{time.time_ns()}", "annotator": name, "key": reading["key"],
                                       "reading": reading["number"], "verdict": "first", "note": ""}, token)
        time.sleep(0.02)
        if not offer["reading"] and most is None:  # the other may have held the last one
            time.sleep(0.3)
            offer = post(base, "next", {"annotator": name}, token)
