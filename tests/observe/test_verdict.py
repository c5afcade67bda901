"""Who is named for a hang, from heartbeats as ranks write them."""

from dataclasses import replace
from pathlib import Path

import pytest

from megatron_qm.observe.heartbeat import Beat, beat_file, read_beats, write_beat
from megatron_qm.observe.verdict import judge, rank_list

WAITING = Beat(rank=0, host="node1", pid=10, count=5, step=7, phase="forward and backward", since=1e9, time=1e9,
               operation="all_reduce", place="megatron/core/x.py:3 f", entered={"1: 0,1": 9, "2: 2,3": 9})


def job(**changes: dict) -> tuple[dict[int, Beat], dict[int, Beat]]:
    """Four ranks that wait in the same collective and beat on; `changes` by "rN"."""
    before = {rank: replace(WAITING, rank=rank, pid=10 + rank, **changes.get(f"r{rank}", {})) for rank in range(4)}
    return before, {rank: replace(beat, count=beat.count + 3) for rank, beat in before.items()}


@pytest.mark.parametrize("stopped", [0, 1, 3])
def test_a_rank_that_no_longer_beats_is_named_with_its_phase_and_what_the_others_wait_for(stopped: int) -> None:
    before, after = job()
    after[stopped] = before[stopped]
    verdict = judge(before, after, 4)
    assert (verdict.culprits, verdict.speaker) == ((stopped,), 0 if stopped else 1)
    assert f"rank {stopped} (node1, pid {10 + stopped}) in phase 'forward and backward' of step 7 since" in verdict.sentence
    others = rank_list([rank for rank in range(4) if rank != stopped])
    assert f"{others} wait in all_reduce (megatron/core/x.py:3 f)" in verdict.sentence
    assert "\n" not in verdict.sentence


def test_a_rank_that_never_began_is_named() -> None:
    before, after = job()
    del before[2], after[2]
    verdict = judge(before, after, 4)
    assert verdict.culprits == (2,) and "has not begun" in verdict.sentence


def test_a_restarted_process_beats_though_its_count_is_lower() -> None:
    before, after = job()
    after[1] = replace(after[1], pid=99, count=1)
    after[3] = before[3]
    assert judge(before, after, 4).culprits == (3,)


def test_a_rank_outside_of_any_collective_is_named_while_the_others_wait() -> None:
    verdict = judge(*job(r2={"operation": None, "phase": "data", "place": "megatron_qm/data/stream.py:5 read"}), 4)
    assert verdict.culprits == (2,)
    assert "phase 'data'" in verdict.sentence and "stream.py" in verdict.sentence


def test_among_waiting_ranks_the_one_that_has_entered_fewer_collectives_is_named() -> None:
    verdict = judge(*job(r1={"entered": {"1: 0,1": 8, "3: 1,3": 4}}, r3={"entered": {"2: 2,3": 9, "3: 1,3": 4}}), 4)
    assert verdict.culprits == (1,)


def test_a_chain_of_waits_leads_to_its_end() -> None:
    """0 waits for 1 in group 1; 1 has not come there, for it waits for 3 in group 3, and 3 is behind in it."""
    verdict = judge(*job(r1={"entered": {"1: 0,1": 8, "3: 1,3": 5}}, r3={"entered": {"2: 2,3": 9, "3: 1,3": 4}}), 4)
    assert verdict.culprits == (3,)


def test_without_any_difference_the_furthest_behind_is_named() -> None:
    assert judge(*job(r3={"step": 6}), 4).culprits == (3,)


def test_beats_are_read_back_and_damaged_ones_are_left_out(tmp_path: Path) -> None:
    beat_file(tmp_path, 0).parent.mkdir()
    for rank in range(3):
        write_beat(tmp_path, replace(WAITING, rank=rank))
    beat_file(tmp_path, 1).write_text("{")
    assert read_beats(tmp_path, 4) == {0: WAITING, 2: replace(WAITING, rank=2)}
    assert not list(beat_file(tmp_path, 0).parent.glob("*.tmp"))
