"""`megatron-qm pretrain` as people run it: real processes, killed at any moment, go on as if nothing had happened."""

import json
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from megatron_qm.config.run import load_run
from megatron_qm.drills.compare import tensor_hashes
from megatron_qm.drills.job import steps_done
from megatron_qm.errors import UserError
from megatron_qm.pretrain import check_data
from tests import warm
from tests.data.written import write_dataset
from tests.jobs import LAYOUTS, STEPS, finish, kill, rank_pids, records, start, wait_for


def test_killed_in_steps_and_saves_it_ends_bit_for_bit_the_same(recipe: Path, undisturbed: Path, tmp_path: Path) -> None:
    output, draw = tmp_path / "run", random.Random(0)
    for at in (1, 4, 8):
        process = start(recipe, output, *LAYOUTS["TP2+SP"])
        wait_for(lambda at=at: steps_done(output) >= at, process)
        time.sleep(draw.uniform(0, 0.05))
        kill(process)
    process = start(recipe, output, *LAYOUTS["TP2+SP"])
    wait_for(lambda: any((output / "checkpoints").glob(".step-*")), process)  # a save is under way
    kill(process)
    last = finish(recipe, output, *LAYOUTS["TP2+SP"])
    assert tensor_hashes(last) == tensor_hashes(undisturbed / "checkpoints" / last.name)
    assert not list((output / "checkpoints").glob(".*")), "what killed saves left is cleaned up"
    want, got = records(undisturbed), records(output)
    assert [r["step"] for r in got] == list(range(1, STEPS + 1))
    for key in ("loss", "grad_norm", "lr", "tokens", "loss_by_source", "tokens_by_source"):
        assert [r[key] for r in got] == [r[key] for r in want], key
    ledger = [json.loads(line) for line in (output / "ledger.jsonl").read_text().splitlines()]
    assert [line["step"] for line in ledger if "step" in line] == list(range(1, STEPS + 1))


def test_one_rank_killed_ends_the_job_and_names_it(recipe: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    process = start(recipe, output, "train.steps=100000")
    wait_for(lambda: steps_done(output) >= 2, process)
    ranks = rank_pids(process)
    os.kill(ranks[1], signal.SIGKILL)
    assert process.wait(60) != 0
    assert "rank 1 was killed by SIGKILL" in (output / "terminal.log").read_text()
    assert not any(Path(f"/proc/{pid}").exists() for pid in ranks.values()), "a rank outlived the job"


@pytest.mark.parametrize("first", ["PP2", "DP2"])
def test_resumed_at_another_layout_it_ends_close(recipe: Path, undisturbed: Path, tmp_path: Path, first: str) -> None:
    """Six steps at one layout, six at TP2+SP: the losses follow the undisturbed run to float tolerance."""
    output = tmp_path / "run"
    process = start(recipe, output, *LAYOUTS[first], "checkpoint.every=6")
    wait_for(lambda: (output / "checkpoints" / "step-00000006").exists(), process)
    kill(process)
    finish(recipe, output, *LAYOUTS["TP2+SP"])
    want, got = records(undisturbed), records(output)
    for key in ("loss", "grad_norm"):
        np.testing.assert_allclose([r[key] for r in got], [r[key] for r in want], rtol=1e-4)
    assert [r["tokens_by_source"] for r in got] == [r["tokens_by_source"] for r in want]


def test_asynchronous_saves_hold_the_same(recipe: Path, undisturbed: Path, tmp_path: Path) -> None:
    last = finish(recipe, tmp_path / "run", *LAYOUTS["TP2+SP"], "checkpoint.asynchronous=true")
    assert tensor_hashes(last) == tensor_hashes(undisturbed / "checkpoints" / last.name)


def test_the_ledger_names_the_documents_of_a_step(undisturbed: Path) -> None:
    done = warm.megatron_qm("data", "ledger", "--run", undisturbed, "--step", "5")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("step 5: 8 sequences, 512 tokens")


def test_start_from_takes_the_weights_and_nothing_else(recipe: Path, undisturbed: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    begin = undisturbed / "checkpoints" / f"step-{STEPS:08d}"
    finish(recipe, output, f"train.start_from={begin}", ranks=1)
    first = records(output)[0]
    assert first["step"] == 1 and first["tokens"] == 512
    assert abs(first["loss"] - records(undisturbed)[0]["loss"]) > 0.01, "the weights of the other run were not taken"


def test_a_dataset_that_changed_is_refused_by_name(recipe: Path, undisturbed: Path, tmp_path: Path) -> None:
    for suffix in (".bin", ".idx"):
        (tmp_path / f"other{suffix}").write_bytes((recipe.parent / f"B{suffix}").read_bytes())
    done = warm.megatron_qm("pretrain", "--config", recipe, "--nproc", "1", f"output={undisturbed}",
                            f"data.sources.0.prefix={tmp_path}/other", "train.steps=20")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "'a'" in done.stderr and "other" in done.stderr


@pytest.mark.parametrize(("tokens", "refused"), [(2, True), (127, True), (128, False)])
def test_a_dataset_shorter_than_a_sequence_is_refused_before_any_rank_starts(tmp_path: Path, tokens: int, refused: bool) -> None:
    prefix = write_dataset(tmp_path / "short", [[list(range(tokens))]])
    sources = f"data.sources=[{{name: short, prefix: {prefix}}}]"
    config = load_run("tiny-cpu", [sources, f"output={tmp_path / 'run'}", "data.sequence_length=128"])
    if refused:
        with pytest.raises(UserError, match=rf"short\.bin holds {tokens} tokens, .*data\.sequence_length = 128"):
            check_data(config)
    else:
        check_data(config)
