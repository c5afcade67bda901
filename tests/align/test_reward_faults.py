"""RL on preferences while what judges fails: the run ends, and says how often what failed."""

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from megatron_qm.align.rl.fusion.sources import TOKEN
from megatron_qm.rewards.outcome import Outcome
from tests import warm
from tests.align.stages import by_letters, records, run, words, written
from tests.align.test_rl_command import steps

STEPS, BATCH = 10, 20


def hangs_on_one_in_a_hundred(prompt: str, response: str, reference: str, metadata: dict) -> Outcome:
    """The file `reference` gets a byte for every time that it is asked."""
    with open(reference, "ab") as asked:
        asked.write(b".")
        hundredth = asked.tell() % 100 == 0
    if hundredth:
        time.sleep(3600)
    return by_letters(prompt, response, reference, metadata)


def served(judge: Path, port: int, folder: Path) -> tuple["warm.Process | subprocess.Popen", str]:
    """A server of a reward model in processes of its own, and its address."""
    words = ["serve-rewards", "--port", str(port), "--workers", "1", "--reward-model", f"mine={judge}"]
    said = folder / f"server-{time.monotonic_ns()}.log"
    process = warm.start("megatron_qm.cli", words, os.environ | {TOKEN: "t", "OMP_NUM_THREADS": "1"}, said, said)
    while "/score" not in (text := said.read_text() if said.exists() else ""):
        assert process.poll() is None, text
        time.sleep(0.05)
    return process, text.split()[-1].removesuffix("/score")


@pytest.mark.slow
def test_a_verifier_that_hangs_and_a_reward_model_server_that_is_killed_twice(
    tiny: Path, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, "t")
    judge = run("reward-model", tiny / "reward-model.yaml", tmp_path / "judge", f"train.start_from={policy}", "train.steps=2")
    asked, output, verifier = tmp_path / "asked", tmp_path / "run", f"{__name__}:hangs_on_one_in_a_hundred"
    items = written(tmp_path / "items.jsonl", [
        {"key": f"item {n}", "task": verifier, "prompt": f"Code of illness a{n}?", "reference": str(asked)} for n in range(10)])
    overrides = [f"rl.items={items}", f"rl.verifiers=[{verifier}]", "rl.verifier.seconds=3", "rl.prompts=5", "rl.samples=4",
                 f"train.global_batch_size={BATCH}", f"train.steps={STEPS}", "rl.max_unscored_in_a_row=50",
                 "rl.curriculum.resample=false"]
    server, address = served(judge, 0, tmp_path)
    overrides.append(f"rl.rewards=[{{name: here}}, {{name: there, endpoint: '{address}', verifier: mine}}]")
    servers = [server]

    def kill_twice() -> None:
        for step in (2, 5):
            while steps(output) < step:
                time.sleep(0.02)
            servers[-1].kill()  # by SIGKILL, whatever it is in the middle of
            servers[-1].wait()
            servers.append(served(judge, int(address.rpartition(":")[2]), tmp_path)[0])

    killer = threading.Thread(target=kill_twice, daemon=True)
    killer.start()
    try:
        done = warm.megatron_qm(*words("rl", tiny / "rl.yaml", output, f"train.start_from={policy}", *overrides), timeout=1800)
        assert done.returncode == 0, done.stderr[-3000:]
        killer.join(120)
    finally:
        for one in servers:
            one.kill()
            one.wait()
    said = records(output, "rl")
    reasons = [record["component_reasons"] for record in said]
    print(f"{len(said)} batches: {reasons}")
    assert len(servers) == 3 and len(records(output, "train")) == STEPS
    assert asked.stat().st_size == len(said) * BATCH >= STEPS * BATCH
    assert sum(one.get("here/deadline", 0) for one in reasons) == asked.stat().st_size // 100 >= 2
    for record in said:
        for name in ("here", "there"):
            counted = sum(count for reason, count in record["component_reasons"].items() if reason.startswith(f"{name}/"))
            assert record["component_unscored"][name] == pytest.approx(counted / BATCH)
    assert said[-1]["component_unscored"]["there"] == 0  # it is asked again once it is back
