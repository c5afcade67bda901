"""The writer of a run's metrics: JSON lines always, TensorBoard and W&B by option. One rank of a job has one."""

import time
from pathlib import Path
from typing import Self

from megatron_qm.json_types import JsonObject
from megatron_qm.observe.jsonl import JsonLines
from megatron_qm.observe.records import Record, to_plain
from megatron_qm.observe.sinks import Sink, TensorBoard, WandB

METRICS_FILE = "metrics.jsonl"


class MetricsWriter:
    """Appends records to RUN/metrics.jsonl and the sinks that were asked for.

    Raises UserError before anything is written where a sink cannot be imported or the folder cannot be written.
    """

    def __init__(self, run_dir: Path, *, tensorboard: bool = False, wandb_project: str | None = None) -> None:
        run_dir = Path(run_dir)
        self._sinks: list[Sink] = []
        try:
            if tensorboard:
                self._sinks.append(TensorBoard(run_dir))
            if wandb_project is not None:
                self._sinks.append(WandB(run_dir, wandb_project))
            self._lines = JsonLines(run_dir / METRICS_FILE)
        except BaseException:
            self._close_sinks()
            raise

    def write(self, record: Record) -> None:
        """Append one record. It is in the file when this returns; `sync` makes it survive a power cut as well."""
        plain = to_plain(record) | {"time": round(time.time(), 3)}
        self._lines.append(plain)
        for sink in self._sinks:
            sink.write(plain)

    def truncate_after(self, step: int) -> int:
        """Forget the records of steps after `step`: a resumed run writes them again. Returns how many they were."""
        for sink in self._sinks:
            sink.truncate_after(step)
        return self._lines.keep(lambda record: not _is_after(record, step))

    def sync(self) -> None:
        self._lines.sync()

    def close(self) -> None:
        self._lines.close()
        self._close_sinks()

    def _close_sinks(self) -> None:
        for sink in self._sinks:
            sink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_after(record: JsonObject, step: int) -> bool:
    found = record.get("step")
    return isinstance(found, int) and found > step
