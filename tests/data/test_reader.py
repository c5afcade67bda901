"""Batches, cursors and resume against the slow reference. In these datasets token t of a dataset has the id t."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megatron_qm.data.batch import Batch
from megatron_qm.data.prefetch import Prefetcher
from megatron_qm.data.reader import BatchReader, SourceSpec
from megatron_qm.errors import UserError
from tests.data.reference import stream_tokens
from tests.data.written import counting_dataset, write_dataset

TOKENS = {"a": [3, 5, 1, 7, 20, 1, 14], "b": [100], "c": [2, 2, 2]}  # lengths of documents
BLOCK, SEED = 8, 42


@pytest.fixture(scope="module")
def prefixes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("sources")
    return {name: counting_dataset(folder / name, lengths, manifest=name == "a") for name, lengths in TOKENS.items()}


def specs(prefixes: dict[str, str], weights: dict[str, object]) -> list[SourceSpec]:
    return [SourceSpec(name, prefixes[name], weight) for name, weight in weights.items()]


def make_reader(
    prefixes: dict[str, str], weights: dict[str, object], length: int = 8, **options: object
) -> BatchReader:
    return BatchReader(specs(prefixes, weights), length, BLOCK, SEED, **options)


# One leg of a run: steps, global batch size = micro-batch x ranks x accumulation, sequence length, weights.
legs = st.lists(
    st.tuples(
        st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(1, 33),
        st.fixed_dictionaries({"a": st.integers(1, 5), "b": st.integers(0, 5)}, optional={"c": st.integers(0, 5)}),
    ),
    min_size=1,
    max_size=5,
)


@given(legs=legs)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_token_is_lost_or_repeated_whatever_changes_on_resume(prefixes: dict[str, str], legs: list) -> None:
    """Ranks, batch sizes, length and weights differ in each leg; what each source gives is one unbroken stream."""
    read: dict[str, list[int]] = {name: [] for name in TOKENS}
    state = None
    for steps, micro, ranks, accumulation, length, weights in legs:
        reader = make_reader(prefixes, weights, length)
        if state is not None:
            reader.restore(json.loads(json.dumps(state)), allow_removed=["c"])
        for _ in range(steps):
            size = micro * ranks * accumulation
            plan = reader.plan_step(size)
            rows: dict[int, np.ndarray] = {}
            for rank in range(ranks):
                for number in range(accumulation):
                    indices = [(number * ranks + rank) * micro + i for i in range(micro)]
                    batch = reader.read(plan, indices)
                    rows.update(zip(indices, zip(batch.source_b, batch.tokens_bs, strict=True), strict=True))
            assert sorted(rows) == list(range(size))
            for row in range(size):
                source, tokens_s = rows[row]
                read[list(weights)[source]] += tokens_s.tolist()
            reader.advance(plan)
        state = reader.state()
        assert state["consumed_tokens"] == sum(map(len, read.values()))
    for name, tokens in read.items():
        held = sum(TOKENS[name])
        assert tokens == [token for _, token in islice(stream_tokens(name, held, BLOCK, SEED), len(tokens))]
        for epoch in range(len(tokens) // held):
            assert sorted(tokens[epoch * held : (epoch + 1) * held]) == list(range(held))


@given(cut=st.integers(1, 9), schedule=st.booleans())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_resume_is_exact(prefixes: dict[str, str], cut: int, schedule: bool) -> None:
    weights = {"a": [(0, 1), (500, 6.5)] if schedule else 0.3, "b": 1.7, "c": 0.1}
    whole, first = make_reader(prefixes, weights), make_reader(prefixes, weights)
    expected = [_step(whole, 5) for _ in range(10)]
    got = [_step(first, 5) for _ in range(cut)]
    second = make_reader(prefixes, weights)
    second.restore(json.loads(json.dumps(first.state())))
    got += [_step(second, 5) for _ in range(10 - cut)]
    for mine, theirs in zip(got, expected, strict=True):
        _assert_equal(mine, theirs)
    assert second.state() == whole.state()


def _step(reader: BatchReader, size: int) -> Batch:
    plan = reader.plan_step(size)
    batch = reader.read(plan)
    reader.advance(plan)
    return batch


def arrays(batch: Batch) -> dict[str, np.ndarray]:
    """What every reader gives; of documents there are no responses."""
    assert batch.branch_bs is None
    return {name: value for name, value in vars(batch).items() if name not in ("extra", "branch_bs")}


def _assert_equal(mine: Batch, theirs: Batch) -> None:
    assert mine.extra == theirs.extra == {}, "a reader of documents adds nothing"
    for name, value in arrays(theirs).items():
        assert np.array_equal(getattr(mine, name), value), name
        assert getattr(mine, name).dtype == value.dtype


@given(length=st.integers(1, 130), reset=st.booleans(), mask=st.booleans(), skip=st.integers(0, 9))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_labels_masks_and_positions(
    prefixes: dict[str, str], length: int, reset: bool, mask: bool, skip: int
) -> None:
    """Against the definition, token by token."""
    reader = make_reader(
        prefixes, {"a": 2, "c": 1}, length, reset_at_document_ends=reset, mask_document_ends=mask
    )
    for _ in range(skip):
        reader.advance(reader.plan_step(1))
    plan = reader.plan_step(4)
    batch = reader.read(plan)
    assert [array.dtype for array in arrays(batch).values()] == [
        np.int64, np.int64, np.float32, np.int64, np.int64, np.bool_, np.bool_
    ]
    assert batch.real_bs.all(), "a stream has no end"
    for row in range(4):
        name = ("a", "c")[plan.source_b[row]]
        held, document_starts = sum(TOKENS[name]), set(np.cumsum([0, *TOKENS[name]]).tolist())
        stream = islice(stream_tokens(name, held, BLOCK, SEED), int(plan.start_b[row]), None)
        previous, position = None, 0
        for column, (epoch, token) in enumerate(islice(stream, length)):
            starts = previous != (epoch, token - 1) or token in document_starts
            position = 0 if (starts and reset) or column == 0 else position + 1
            bears_loss = token + 1 < held and not (mask and token + 1 in document_starts)
            assert batch.tokens_bs[row, column] == token
            assert batch.labels_bs[row, column] == (token + 1 if bears_loss else 0)
            assert batch.loss_mask_bs[row, column] == bears_loss
            assert batch.document_starts_bs[row, column] == (starts or column == 0)
            assert batch.position_ids_bs[row, column] == position
            previous = (epoch, token)


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sequences_do_not_depend_on_the_batch_size(prefixes: dict[str, str], sizes: list[int]) -> None:
    one, many = (make_reader(prefixes, {"a": 1, "b": 3.3}) for _ in range(2))
    whole = one.plan_step(sum(sizes))
    sources, starts = [], []
    for size in sizes:
        plan = many.plan_step(size)
        many.advance(plan)
        sources += plan.source_b.tolist()
        starts += plan.start_b.tolist()
    assert (sources, starts) == (whole.source_b.tolist(), whole.start_b.tolist())
    assert many.positions == whole.after


def test_planning_moves_nothing_and_plans_chain(prefixes: dict[str, str]) -> None:
    reader = make_reader(prefixes, {"a": 1, "b": 3})
    plan = reader.plan_step(6)
    assert reader.positions == (0, 0)
    following = reader.plan_step(6, after=plan)
    reader.advance(plan)
    again = reader.plan_step(6)
    assert following.source_b.tolist() == again.source_b.tolist()
    assert following.start_b.tolist() == again.start_b.tolist()
    with pytest.raises(ValueError, match="stands at"):
        reader.advance(plan)


def test_progress_counts_tokens_and_epochs(prefixes: dict[str, str]) -> None:
    reader = make_reader(prefixes, {"b": 1, "c": 0}, length=50)
    _step(reader, 3)
    progress = reader.progress()
    assert (progress["b"].tokens, progress["b"].epochs) == (150, 1.5)
    assert (progress["c"].tokens, progress["c"].epochs) == (0, 0)


def test_new_weights_take_hold_at_once_and_old_ones_keep_their_anchor(prefixes: dict[str, str]) -> None:
    first = make_reader(prefixes, {"a": 1, "b": 9})
    for _ in range(10):
        _step(first, 10)
    second = make_reader(prefixes, {"a": 9, "b": 1})
    second.restore(first.state())
    assert second.plan_step(100).source_b.tolist().count(0) == 90
    third = make_reader(prefixes, {"a": 9, "b": 1})
    third.restore(second.state())
    assert third.anchor == second.anchor


def test_a_source_may_be_added(prefixes: dict[str, str]) -> None:
    first = make_reader(prefixes, {"a": 1})
    _step(first, 10)
    second = make_reader(prefixes, {"a": 1, "b": 1})
    second.restore(first.state())
    plan = second.plan_step(100)
    assert plan.before == (80, 0)
    assert plan.source_b.tolist().count(1) == 50


def test_a_missing_source_is_refused_unless_allowed_and_keeps_its_cursor(prefixes: dict[str, str]) -> None:
    first = make_reader(prefixes, {"a": 1, "b": 1})
    _step(first, 10)
    second = make_reader(prefixes, {"a": 1})
    with pytest.raises(UserError, match="'b'.*weight 0"):
        second.restore(first.state())
    assert second.positions == (0,)
    second.restore(first.state(), allow_removed=["b"])
    assert (second.positions, second.consumed_tokens) == ((40,), 80)
    _step(second, 2)
    third = make_reader(prefixes, {"b": 1, "a": 1})
    third.restore(json.loads(json.dumps(second.state())))
    assert (third.positions, third.consumed_tokens, third.retired) == ((40, 56), 96, {})


@pytest.mark.parametrize(
    ("change", "words"),
    [({"seed": 43}, "data.seed = 43.*42.*data.seed=42"), ({"block_size": 16}, "data.block_size = 16.*8")],
)
def test_a_changed_order_is_refused(prefixes: dict[str, str], change: dict, words: str) -> None:
    reader = make_reader(prefixes, {"a": 1})
    _step(reader, 3)
    other = BatchReader(**{"sources": reader.sources, "sequence_length": 8, "block_size": 8, "seed": 42, **change})
    with pytest.raises(UserError, match=words):
        other.restore(reader.state())


@pytest.mark.parametrize("lengths", [[30, 22], [51], [26, 25]])
def test_a_changed_dataset_is_refused_by_name(prefixes: dict[str, str], tmp_path: Path, lengths: list[int]) -> None:
    for kind in ("bin", "idx", "json"):
        shutil.copy(f"{prefixes['a']}.{kind}", tmp_path / f"moved.{kind}")
    moved = [SourceSpec("a", str(tmp_path / "moved"))]
    reader = BatchReader(moved, 8, BLOCK, SEED)
    _step(reader, 3)
    same = make_reader(prefixes, {"a": 1})
    same.restore(reader.state())  # the same bytes under another path
    (tmp_path / "moved.json").unlink()
    BatchReader(moved, 8, BLOCK, SEED).restore(reader.state())  # the manifest is no part of the data
    counting_dataset(tmp_path / "moved", lengths)
    with pytest.raises(UserError, match="source 'a'.*moved"):
        BatchReader(moved, 8, BLOCK, SEED).restore(reader.state())


def test_other_bytes_of_the_same_size_are_refused_through_their_checksums(tmp_path: Path, monkeypatch) -> None:
    """Where the fingerprint only samples a large file, the manifests' checksums tell."""
    monkeypatch.setattr("megatron_qm.data.indexed._sample_ranges", lambda size: [(0, 16)])
    counting_dataset(tmp_path / "d", [1000], manifest=True)
    source = [SourceSpec("d", str(tmp_path / "d"))]
    state = BatchReader(source, 8, BLOCK, SEED).state()
    ids = list(range(1000))
    ids[500] = 7
    write_dataset(tmp_path / "d", [[ids]], manifest=True)
    with pytest.raises(UserError, match="'d'.*contents differ"):
        BatchReader(source, 8, BLOCK, SEED).restore(state)


def test_a_state_of_another_version_is_refused(prefixes: dict[str, str]) -> None:
    reader = make_reader(prefixes, {"a": 1})
    with pytest.raises(UserError, match="version 99"):
        reader.restore({**reader.state(), "version": 99})


@pytest.mark.parametrize(("change", "said"), [
    ({"seed": "x"}, "seed = 'x' is not a whole number"), ({"sources": {"a": {"position": 3}}}, "lacks anchor"),
    ({"retired": []}, "retired = .* is not an object"),
])
def test_a_damaged_state_is_refused(prefixes: dict[str, str], change: dict[str, object], said: str) -> None:
    reader = make_reader(prefixes, {"a": 1})
    with pytest.raises(UserError, match=f"data state is damaged: {said}"):
        reader.restore(reader.state() | change)
    assert reader.positions == (0,)


def test_unusable_sources_are_refused_by_name(prefixes: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"source 'gone'.*nowhere\.idx"):
        BatchReader([SourceSpec("gone", str(tmp_path / "nowhere"))], 8, BLOCK, SEED)
    with pytest.raises(UserError, match="'void'.*no tokens"):
        BatchReader([SourceSpec("void", write_dataset(tmp_path / "void", [[]]))], 8, BLOCK, SEED)
    with pytest.raises(UserError, match="'single'.*one token, which nothing comes before"):
        BatchReader([SourceSpec("single", write_dataset(tmp_path / "single", [[[5]]]))], 8, BLOCK, SEED)
    twice = SourceSpec("a", prefixes["a"])
    with pytest.raises(UserError, match="'a' is given twice"):
        BatchReader([twice, replace(twice, weight=2)], 8, BLOCK, SEED)
    for sizes in ((0, 8), (8, 0)):
        with pytest.raises(UserError, match="1 or more"):
            BatchReader([twice], *sizes, SEED)


@pytest.mark.parametrize(("bad", "vocab_size"), [(-3, None), (-3, 100), (100, 100), (250, 100)])
def test_token_ids_outside_the_vocabulary_are_refused(tmp_path: Path, bad: int, vocab_size: int | None) -> None:
    prefix = write_dataset(tmp_path / "d", [[[1, 2, 3, bad, 99]]])
    reader = BatchReader([SourceSpec("d", prefix)], 4, 8, SEED, vocab_size=vocab_size)
    with pytest.raises(UserError, match=rf"d\.bin: token 3 has id {bad}"):
        reader.read(reader.plan_step(1))
    write_dataset(tmp_path / "d", [[[1, 2, 3, 0, 99]]])
    reader = BatchReader([SourceSpec("d", prefix)], 4, 8, SEED, vocab_size=vocab_size)
    assert reader.read(reader.plan_step(1)).tokens_bs.tolist() == [[1, 2, 3, 0]]


def test_prefetched_batches_are_the_same(prefixes: dict[str, str]) -> None:
    reader = make_reader(prefixes, {"a": 1, "b": 2})
    prefetcher = Prefetcher(reader)
    plan = reader.plan_step(6)
    for _ in range(5):
        following = reader.plan_step(6, after=plan)
        micro_batches: Sequence[list[int]] = ([0, 2, 4], [1, 3, 5])
        for indices in micro_batches:
            _assert_equal(prefetcher.read(plan, indices), reader.read(plan, indices))
        for indices in micro_batches:
            prefetcher.start(following, indices)
        reader.advance(plan)
        plan = following
    prefetcher.close()


def test_a_plan_that_was_not_prefetched_is_read_itself(prefixes: dict[str, str]) -> None:
    """Same cursors, other weights: what lies ready is not what is asked for."""
    reader = make_reader(prefixes, {"a": 1, "b": 0})
    prefetcher = Prefetcher(reader)
    prefetcher.start(reader.plan_step(3), [0, 1])
    other = make_reader(prefixes, {"a": 0, "b": 1}).plan_step(3)
    _assert_equal(prefetcher.read(other, [0, 1]), reader.read(other, [0, 1]))
    prefetcher.close()


def test_errors_of_the_reading_thread_reach_the_caller(tmp_path: Path) -> None:
    prefix = counting_dataset(tmp_path / "d", [400])
    reader = BatchReader([SourceSpec("d", prefix)], 8, BLOCK, SEED)
    prefetcher = Prefetcher(reader)
    Path(f"{prefix}.bin").write_bytes(b"")
    plan = reader.plan_step(1)
    prefetcher.start(plan, [0])
    with pytest.raises(UserError, match=r"d\.bin"):
        prefetcher.read(plan, [0])
    prefetcher.close()


def test_a_recipe_makes_the_reader_it_describes(prefixes: dict[str, str]) -> None:
    from megatron_qm.config.data import DataConfig, SourceConfig

    config = DataConfig(
        sequence_length=30, block_size=BLOCK, seed=SEED, reset_at_document_ends=True, mask_document_ends=True,
        sources=[SourceConfig("a", prefixes["a"], [(0, 1), (9, 2)]), SourceConfig("b", prefixes["b"])],
    )
    mine = BatchReader.from_config(config, vocab_size=100)
    weights = {"a": [[0, 1], [9, 2]], "b": 1.0}
    same = make_reader(prefixes, weights, 30, reset_at_document_ends=True, mask_document_ends=True, vocab_size=100)
    assert mine.state() == same.state()
    _assert_equal(_step(mine, 5), _step(same, 5))
    with pytest.raises(UserError, match="no checksums"):
        BatchReader.from_config(replace(config, verify_checksums=True))
