"""Losses on fixed sequences, per source."""

from megatron_qm.config.run import RunConfig
from megatron_qm.data.validation import ValidationReader
from megatron_qm.platform.runtime import Platform
from megatron_qm.train.batches import micro_batches
from megatron_qm.train.step import Losses, Stepper, this_place


class Validation:
    """Runs the validation sources of a recipe through the model; none are fine."""

    def __init__(self, config: RunConfig, platform: Platform) -> None:
        self.names = [source.name for source in config.data.validation]
        self._config, self._device, self._place = config, platform.device, this_place()
        self._reader = ValidationReader(
            config.data.validation,
            config.data.sequence_length,
            config.data.validation_sequences,
            reset_at_document_ends=config.data.reset_at_document_ends,
            mask_document_ends=config.data.mask_document_ends,
            vocab_size=config.model.vocab_size,
            verify=config.data.verify_checksums,
        )

    def run(self, stepper: Stepper) -> Losses | None:
        """Losses by validation source, the same on every rank; None where the recipe names none."""
        if not self.names:
            return None
        size = self._config.train.micro_batch_size
        share = self._place.dp_size * size * self._config.parallel.pp  # pipelines want multiples of their stages
        padded = -(-len(self._reader) // share) * share
        mine = sum(self._place.sequences(padded, size), [])
        batch = self._reader.read(mine)
        packed = self._config.data.reset_at_document_ends
        batches = micro_batches(batch, size, self._place, self._device, packed=packed)
        return stepper.evaluate(batches, len(mine) // size, len(self.names))
