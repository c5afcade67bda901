"""Corpora from sources to tokens: counts that add up to the byte, the same bytes after any end, refusals of what was changed."""

import copy
import fcntl
import gzip
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest
import yaml
import zstandard

from data_tools.corpus.building import Building, Options
from data_tools.corpus.config import read_config
from data_tools.corpus.shards import Shard, ShardWriter
from data_tools.corpus.table import write_table_of_dataset
from data_tools.stopping import Interrupted, StopRequest
from megatron_qm.errors import UserError
from tests.data_tools.corpus.built import build, documents, manifest, outcome, write_sources
from tests.data_tools.corpus.toy import TOYS, rows
from tests.data_tools.raw_texts import reference_ids, write_tokenizer

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus in out/, and its tokens."""
    folder = tmp_path_factory.mktemp("corpus")
    config = write_sources(folder)
    tokenizer = write_tokenizer(folder / "tokenizer")
    config.write_text(config.read_text() + f"preprocess: {{tokenizer: {tokenizer}}}\n")
    assert build(config) == 0
    return folder


def steps_of(out: Path) -> list[dict[str, Any]]:
    return [step for of in json.loads((out / "report.json").read_bytes())["passes"] for step in of["steps"]]


def test_the_corpus_is_what_a_plain_loop_makes_of_the_sources(built: Path) -> None:
    texts = []
    for count, seed in ((400, 0), (400, 1), (200, 2)):
        for row in rows(count, seed):
            text = str(row["text"])
            if len(text) >= 40 and "bad" not in text:
                texts.append(text.replace("z", ""))
    once = list(dict.fromkeys(texts))
    assert len(once) < len(texts)
    assert [item["text"] for item in documents(built / "out/corpus")] == [text.upper() for text in once]


def test_counts_of_all_stages_add_up_to_the_byte(built: Path) -> None:
    steps = steps_of(built / "out")
    assert [step["name"] for step in steps] == ["read", "toy", "once", "loud", "grade"]
    for step in steps:
        counts, size = step["documents"], step["bytes"]
        assert counts["in"] == counts["kept"] + sum(counts["dropped"].values()) + sum(counts["rejected"].values())
        assert size["in"] - size["changed_from"] + size["changed_to"] == size["kept"] + sum(size["dropped"].values())
    for one, other in zip(steps, steps[1:], strict=False):
        assert (other["documents"]["in"], other["bytes"]["in"]) == (one["documents"]["kept"], one["bytes"]["kept"])
    assert steps[0]["documents"]["in"] == 400 + 400 + 200 + 2
    texts = [item["text"] for item in documents(built / "out/corpus")]
    assert steps[-1]["documents"]["kept"] == len(texts)
    assert steps[-1]["bytes"]["kept"] == sum(len(text.encode()) for text in texts)


def test_every_document_and_row_of_the_table_leads_back_to_its_line(built: Path) -> None:
    raw: dict[str, list[bytes]] = {}
    raw[str(built / "a.jsonl")] = (built / "a.jsonl").read_bytes().splitlines()
    raw[str(built / "b.jsonl.gz")] = gzip.decompress((built / "b.jsonl.gz").read_bytes()).splitlines()
    raw[str(built / "notes.jsonl.zst")] = zstandard.decompress((built / "notes.jsonl.zst").read_bytes()).splitlines()
    made = documents(built / "out/corpus")
    table = parquet.read_table(built / "out/dataset/corpus.documents.parquet").to_pylist()
    assert len(table) == len(made) > 300
    for item, row in zip(made, table, strict=True):
        line = json.loads(raw[row["file"]][row["line"] - 1])
        assert line["text"].replace("z", "").upper() == item["text"]
        assert (row["id"], row["source"], row["grade"]) == (item["id"], item["source"], item["grade"])
        assert row["grade"] == {"papers": "A", "notes": "C"}[row["source"]]
        if item["source"] == "notes":
            assert item["id"] == f"notes:{row['file']}:{row['line']}" and item["origin"]["source"] == "ward"
        else:
            assert item["id"] == line["id"]


def test_tokens_are_those_of_the_corpus(built: Path) -> None:
    from megatron_qm.data.indexed import IndexedDataset

    dataset = IndexedDataset.open(built / "out/dataset/corpus", verify=True)
    ids = reference_ids(built / "tokenizer", [item["text"] for item in documents(built / "out/corpus")])
    assert dataset.documents == len(ids)
    for number in (0, len(ids) // 2, len(ids) - 1):
        first, stop = dataset.document_range(number)
        assert dataset.read(first, stop - first).tolist() == ids[number]


def test_a_dataset_for_each_grade_weighs_its_tokens_times_the_weight_of_the_grade(built: Path) -> None:
    assert build(built / "corpus.yaml", f"output={built}/by-grade", "preprocess.training=annealing") == 0
    recipe = yaml.safe_load((built / "by-grade/dataset/recipe.yaml").read_text())
    made = documents(built / "by-grade/corpus")
    weights = {"A": 3.0, "C": 1.0}  # of annealing, in rules.yaml
    assert [source["name"] for source in recipe["data"]["sources"]] == ["A", "C"]
    for source in recipe["data"]["sources"]:
        ids = [item["id"] for item in made if item["grade"] == source["name"]]
        assert parquet.read_table(f"{source['prefix']}.documents.parquet").column("id").to_pylist() == ids
        tokens = json.loads(Path(f"{source['prefix']}.json").read_bytes())["tokens"]
        assert source["weight"] == tokens * weights[source["name"]]


def test_what_the_dataset_left_out_is_left_out_of_its_table(built: Path, tmp_path: Path) -> None:
    made = manifest(built / "out/corpus")
    names = [shard["name"] for shard in made["shards"]]
    assert len(names) > 2
    left_out = {(names[0], 2), (names[2], 1)}
    places = [(shard["name"], line + 1) for shard in made["shards"] for line in range(shard["documents"])]
    rows_left = write_table_of_dataset(built / "out/documents.parquet", made, left_out, "x", tmp_path / "t.parquet")
    ids = [item["id"] for item, place in zip(documents(built / "out/corpus"), places, strict=True) if place not in left_out]
    assert parquet.read_table(tmp_path / "t.parquet").column("id").to_pylist() == ids
    assert rows_left == len(ids) == len(places) - 2


def test_what_is_there_is_not_made_again_and_what_was_changed_is_refused_by_name(
    built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = built / "corpus.yaml"
    before = {path: path.stat().st_mtime_ns for path in (built / "out").rglob("*.zst")}
    assert build(config) == 0
    resolved = (built / "out/config.resolved.yaml").read_bytes()
    assert yaml.safe_load(resolved)["stages"]["toy"]["least"] == 40
    assert {path: path.stat().st_mtime_ns for path in (built / "out").rglob("*.zst")} == before
    capsys.readouterr()
    for words, said in (
        (["stages.toy.least=41"], "stages.toy.config.least was 40, is 41"),
        (["stages.loud.mode=plain"], 'stages.loud.config.mode was "loud", is "plain"'),
        (["seed=1"], "seed was 0, is 1"),
        (["sources.1.licence=other"], 'inputs.2.fields.licence was "own", is "other"'),
        (["stages.toyy.least=1"], "did you mean 'stages.toy'?"),
        (["--until", "tok"], "--until tok: is none of the stages: read, toy, once, loud, grade, preprocess"),
        ([f"sources.0.paths=['{built}/out/corpus/*.zst']"], "lies in the output"),
        ([f"sources.0.paths=['{built}/notes.jsonl.zst']"], "is a file of the sources 'papers' and 'notes'"),
        (["sources.1.text_key=txt", f"output={built}/other"], "source 'notes': no document in"),
        (["stages.toy.least=1000", f"output={built}/third"], "no document is left: read dropped"),
    ):
        assert build(config, *words) == 2, words
        shown = capsys.readouterr().err
        assert said in shown or said.startswith("no document is left") and "toy dropped" in shown, shown
    assert {path: path.stat().st_mtime_ns for path in (built / "out").rglob("*.zst")} == before
    assert (built / "out/config.resolved.yaml").read_bytes() == resolved


def test_a_dry_run_says_what_would_be_made_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_sources(tmp_path, 20)
    assert build(config, "--dry-run") == 0
    shown = capsys.readouterr().out
    assert "pass 2: once" in shown and "pass 3: loud, grade" in shown and not (tmp_path / "out").exists()


def test_until_then_all_and_redo(tmp_path: Path) -> None:
    config = write_sources(tmp_path, 100)
    assert build(config, "--until", "once") == 0
    assert not (tmp_path / "out/corpus").exists()
    assert build(config) == 0
    first = (tmp_path / "out/stages/2-once").stat().st_ino
    assert build(config, "stages.loud.mode=plain", "--redo", "loud") == 0
    assert (tmp_path / "out/stages/2-once").stat().st_ino == first
    assert documents(tmp_path / "out/corpus")[0]["text"].islower()


@pytest.mark.parametrize("where", ["stages/1-toy", "stages/2-once"])
def test_a_flipped_byte_in_an_intermediate_is_refused_by_name(
    where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_sources(tmp_path, 100)
    assert build(config, "--until", where.partition("-")[2]) == 0
    shard = tmp_path / "out" / where / "00000.jsonl.zst"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    assert build(config) == 2
    assert f"{shard}: is not what the stage wrote (its SHA-256 is another)" in capsys.readouterr().err
    assert build(config, "--redo", where.partition("-")[2]) == 0


@pytest.mark.parametrize("harm", ["flip", "cut"])
def test_harm_to_what_is_half_made_is_refused_by_name(harm: str, tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, ".jsonl.zst", 1 << 20, [])
    writer.append(b'{"text": "fever"}\n' * 50, 50)
    committed = [Shard(**record) for record in writer.commit()]
    writer.append(b'{"text": "cough"}\n', 1)  # a kill
    writer.close()
    path = tmp_path / "00000.jsonl.zst"
    data = bytearray(path.read_bytes())
    ShardWriter(tmp_path, ".jsonl.zst", 1 << 20, copy.deepcopy(committed)).close()
    assert path.read_bytes() == data[: committed[0].size]
    data[10] ^= 1
    path.write_bytes(data if harm == "flip" else data[:10])
    said = "its bytes are not those that were written" if harm == "flip" else "10 bytes where"
    with pytest.raises(UserError, match=f"00000.jsonl.zst: {said}"):
        ShardWriter(tmp_path, ".jsonl.zst", 1 << 20, committed)


def test_workers_and_a_full_disk_in_between_write_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    config = write_sources(tmp_path, 900)
    for workers in ("1", "2", "3"):
        if workers == "2":
            with limited_files(30_000):
                assert build(config) == 2
            assert "the disk is full" in capsys.readouterr().err
        assert build(config, "--workers", workers) == 0
        found.append(outcome(tmp_path / "out"))
        for path in sorted((tmp_path / "out").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("tasks", ["0", "3"])
def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path: Path, tasks: str) -> None:
    config = write_sources(tmp_path, 300)
    command = [sys.executable, "-m", "tests.data_tools.corpus.kill_anywhere", str(config), "30", "0", "60", tasks]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[-2] == "30"


def test_a_stop_commits_and_the_same_command_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_sources(tmp_path, 200)
    small = "wait: 0.00001"  # which JSON writes as 1e-05, and YAML reads as a text
    config.write_text(config.read_text().replace("toy: {least: 40}", f"toy: {{least: 40, {small}}}"))
    assert build(config) == 0
    whole = outcome(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    stop = StopRequest()
    stop.number = signal.SIGTERM
    with pytest.raises(Interrupted) as stopped:
        Building(read_config(config, [], TOYS), Options(), stop).run()
    assert stopped.value.exit_code == 143
    assert (tmp_path / "out/stages/1-toy.partial/journal").stat().st_size
    assert build(config) == 0
    assert outcome(tmp_path / "out") == whole


def test_two_builds_of_one_output_do_not_mix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_sources(tmp_path, 20)
    (tmp_path / "out").mkdir()
    with open(tmp_path / "out/.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert build(config) == 2
    assert "another run is writing this corpus" in capsys.readouterr().err


def test_no_worker_outlives_a_build_that_is_killed(tmp_path: Path) -> None:
    config = write_sources(tmp_path, 3000)
    call = f"build(Path({str(config)!r}), '--workers', '2', 'stages.toy.wait=0.01')"
    script = tmp_path / "run.py"
    script.write_text(f"from tests.data_tools.corpus.built import *\nif __name__ == '__main__':\n    {call}\n")
    child = subprocess.Popen([sys.executable, str(script)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
                             stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    journal = tmp_path / "out/stages/1-toy.partial/journal"
    deadline = time.monotonic() + 120
    while not (journal.exists() and journal.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(random.random() / 4)
    group = os.getpgid(child.pid)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    while _alive(group) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _alive(group)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


class limited_files:
    """No file may grow beyond `size` bytes within the block."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __enter__(self) -> None:
        self.before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, self.before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self.before)
