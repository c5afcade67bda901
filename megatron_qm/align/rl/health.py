"""The health of a run of RL: each batch's record, and the alarms that it raises, in the metrics and in the log."""

import logging
from pathlib import Path

from megatron_qm.align.rl.experience import Experience, samples_of
from megatron_qm.config.alarms import AlarmConfig
from megatron_qm.observe.alarms import Watch, watch_of
from megatron_qm.observe.records import Record, RlRecord, to_plain
from megatron_qm.train.recorder import Recorder

logger = logging.getLogger(__name__)


class Health:
    """On every rank; it speaks on the one that writes."""

    def __init__(self, config: AlarmConfig, run: Path, recorder: Recorder, *, writes: bool) -> None:
        self._config, self._run, self._recorder, self._writes = config, run, recorder, writes
        self._watch = Watch(config)

    def begin(self) -> None:
        """Which alarms stand follows from the records that are there."""
        if self._writes:
            self._watch = watch_of(self._config, self._run)
            self._recorder.listeners.append(self._listen)

    def _listen(self, record: Record) -> None:
        if record.kind == "train":
            self._watch.see(to_plain(record))

    def batch(self, record: RlRecord, experience: Experience, file: Path) -> None:
        """file: where the rollouts of the batch are."""
        self._recorder.write(record)
        if not self._writes:
            return
        for alarm in self._watch.see(to_plain(record)):
            samples = samples_of(alarm.metric, experience)
            self._recorder.write(alarm.record(samples, str(file)))
            keys = ", ".join(samples) or "the rollouts"
            logger.warning("alarm at step %d: %s; look at %s in %s", alarm.step, alarm.text, keys, file)
