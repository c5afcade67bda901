"""Reading the next batch while the present step runs. Changes when bytes are read, never which."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from megatron_qm.data.batch import Batch
from megatron_qm.data.reader import BatchReader, StepPlan

_Key = tuple[tuple[int, ...], bytes, tuple[int, ...]]  # cursors before the step, sources of its sequences, indices


class Prefetcher:
    """One reading thread beside a reader. `start` what will be wanted, then `read` it in the reader's place.

        next_plan = reader.plan_step(global_batch_size, after=plan)
        prefetcher.start(next_plan, indices)
    """

    def __init__(self, reader: BatchReader) -> None:
        self._reader = reader
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="data-prefetch")
        self._pending: dict[_Key, Future[Batch]] = {}

    def start(self, plan: StepPlan, indices: Sequence[int]) -> None:
        """Begin to read the sequences `indices` of `plan`. What was asked for and passed by unread is let go."""
        passed = self._reader.positions
        self._pending = {key: future for key, future in self._pending.items() if sum(key[0]) >= sum(passed)}
        self._pending[_key(plan, indices)] = self._thread.submit(self._reader.read, plan, indices)

    def read(self, plan: StepPlan, indices: Sequence[int]) -> Batch:
        """What `reader.read(plan, indices)` gives, waiting only for what is not read yet."""
        future = self._pending.pop(_key(plan, indices), None)
        return self._reader.read(plan, indices) if future is None else future.result()

    def close(self) -> None:
        """Stop the thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._pending.clear()


def _key(plan: StepPlan, indices: Sequence[int]) -> _Key:
    return plan.before, plan.source_b.tobytes(), tuple(map(int, indices))
