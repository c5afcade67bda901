"""The checkpoints of one run: saved aside and made visible by one rename, found again, verified and loaded."""

import copy
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
import torch.distributed as dist
from megatron.core import parallel_state
from megatron.core.optimizer import MegatronOptimizer

from megatron_qm.checkpoint import distributed, folder, rng
from megatron_qm.checkpoint.manifest import HF, RANK_STATE, TOKENIZER, WEIGHTS, Layout, Manifest, lora_of, read_manifest, verify
from megatron_qm.checkpoint.same_model import fresh_beside, refuse_another_model, refuse_other_adapters
from megatron_qm.checkpoint.saving import Extras, Saving
from megatron_qm.checkpoint.together import first_problem, on_first_rank
from megatron_qm.config.run import RunConfig
from megatron_qm.config.train import CheckpointConfig
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject, object_of, whole_of
from megatron_qm.model.language_model import unwrap
from megatron_qm.platform.runtime import Platform

logger = logging.getLogger(__name__)
_DTYPES = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}


class CheckpointStore:
    """All methods are collective: every rank calls them, in the same order, inside `platform.scope()`.

    A store belongs to the one job that writes to `directory`: `begin` removes what killed saves have left there. read_only:
    nothing will be saved. published: told, on every rank, of each checkpoint once it is visible.
    Raises UserError if the run is not to resume (`resume: never`) but the folder has checkpoints of another run.
    """

    def __init__(
        self, directory: Path, config: CheckpointConfig, platform: Platform, *, read_only: bool = False,
        published: Callable[[Path, int], None] = lambda path, step: None,
    ) -> None:
        self.directory = Path(directory)
        self.config = config
        self.platform = platform
        self._tell = published
        self._saving: Saving | None = None
        self._owners_checked = False
        self._verified: Path | None = None
        self._bad: set[str] = set()
        self._last: Path | None = None  # loaded or published: its tokenizer/ and hf/ go into the next one
        if not read_only:
            on_first_rank(self._refuse_another_run)

    def begin(self) -> None:
        """Nothing is refused any more: the run starts, or goes on."""
        self._log(on_first_rank(lambda: folder.remove_leftovers(self.directory)))

    # --- saving

    def save(
        self,
        step: int,
        tokens: int,
        model_chunks: Sequence[torch.nn.Module],
        optimizer: MegatronOptimizer | None,
        data_state: JsonObject,
        run_config: RunConfig,
        guard_state: JsonObject | None = None,
    ) -> Path | None:
        """Save the run after `step` updates and `tokens` tokens. Returns the checkpoint; None if it is still being
        written (`asynchronous`), which `poll` and `finish` attend to.

        model_chunks: DDP or bare. data_state: the reader's, ready for JSON. All of it may change after this returns.
        Raises UserError (disk full, no permission); then nothing of this checkpoint is left and older ones are intact.
        """
        self.finish()
        temporary = on_first_rank(lambda: self._make_temporary(step))
        manifest = Manifest(
            step=step,
            tokens=tokens,
            model=asdict(run_config.model),
            config=asdict(run_config),
            data=copy.deepcopy(data_state),
            guard=copy.deepcopy(guard_state or {}),
            layout=this_layout(),
            dtype=_DTYPES[unwrap(model_chunks)[0].config.params_dtype],
            contains={"model": True, "optimizer": optimizer is not None},
        )
        with distributed.quiet():
            state = distributed.state_to_save(
                model_chunks, optimizer, self.platform.device, check=not self._owners_checked
            )
            self._owners_checked = True
            self._saving = saving = Saving(
                temporary, self.directory / folder.checkpoint_name(step), manifest, state,
                extras=self._extras(run_config), asynchronous=self.config.asynchronous,
            )
        return None if self.config.asynchronous else self._publish(saving)

    def poll(self) -> Path | None:
        """Publish the checkpoint that is being written if all ranks are done with it, without waiting.

        Call it after each step; it costs nothing while nothing is being written. Raises as `save` does.
        """
        if self._saving is None:
            return None
        done = torch.tensor(int(self._saving.done()), device=self.platform.device)
        dist.all_reduce(done, op=dist.ReduceOp.MIN)
        return self._publish(self._saving) if done else None

    def finish(self) -> Path | None:
        """Wait for the checkpoint that is being written, if there is one, and publish it. Call it at the end."""
        return self._publish(self._saving) if self._saving is not None else None

    # --- loading

    def latest(self) -> Path | None:
        """The newest checkpoint of which every file is as it was written, or None if there is no checkpoint at all.

        All ranks hash a share of its files. Bad ones are skipped with a warning that names the file. Raises UserError
        if there are checkpoints but none is good: starting anew over them is for the user to decide.
        """
        candidates = on_first_rank(lambda: folder.published(self.directory))
        problems = []
        for path in candidates:
            problem = self._verify(path)
            if problem is None:
                return path
            self._bad.add(path.name)
            problems.append(problem)
            self._log([f"skipped {path.name}: {problem}"])
        if candidates:
            raise UserError(
                f"{self.directory}: none of its {len(candidates)} checkpoints is good; the newest: {problems[0]}. "
                f"Bring a good copy back, or remove them all to start from the beginning"
            )
        return None

    def is_good(self, path: Path) -> bool:
        """Whether every file of `path` is as it was written; a warning says what is not."""
        problem = self._verify(path)
        if problem is not None:
            self._log([f"skipped {path.name}: {problem}"])
        return problem is None

    def load(
        self, path: Path, model_chunks: Sequence[torch.nn.Module], optimizer: MegatronOptimizer | None
    ) -> Manifest:
        """Go on from `path`: weights, optimizer state and random number generators; the caller restores the reader
        from the manifest's `data`. Without an optimizer, weights alone.

        At the layout that wrote it everything is restored bit for bit; at another one the generators are seeded anew.
        Raises UserError for a torn or altered checkpoint, one of another model, or one without optimizer state.
        """
        manifest = self.check(path, model_chunks, training=optimizer is not None)
        weights = Path(path) / WEIGHTS
        with distributed.quiet():
            stored = on_first_rank(lambda: distributed.stored_names(weights))
            if optimizer is None:
                distributed.load_weights(weights, stored, model_chunks, fresh_beside(manifest.model, lora_of(manifest)))
            else:
                distributed.load_training_state(weights, stored, model_chunks, optimizer)
        if optimizer is not None:
            self._restore_generators(Path(path), manifest)
        self._last = Path(path)
        return manifest

    def check(self, path: Path, model_chunks: Sequence[torch.nn.Module], *, training: bool) -> Manifest:
        """Raises UserError where `load` would not take `path`; training: with its optimizer state."""
        problem = self._verify(path) if path != self._verified else None
        if problem is not None:
            raise UserError(problem)
        manifest = read_manifest(path)
        chunk = unwrap(model_chunks)[0]
        refuse_another_model(manifest.model, chunk, str(path), training=training)
        refuse_other_adapters(lora_of(manifest), chunk.lora, str(path), training=training)
        if training and not manifest.contains["optimizer"]:
            raise UserError(
                f"{path}: holds weights alone, no optimizer state to go on from; start a new run from it with "
                f"train.start_from={path} and train.init_model_only=true"
            )
        return manifest

    def load_weights(
        self, path: Path, model_chunks: Sequence[torch.nn.Module], optimizer: MegatronOptimizer | None
    ) -> Manifest:
        """Start a new run from the weights of `path` (an import, or another run's). Raises as `load` does.

        Adapters, and the head of a reward model, that the model has and `path` lacks stay as they are.

        optimizer: its FP32 copies of the weights are renewed too. Without that the first update of a bf16 model would
        bring the old weights back.
        """
        manifest = self.load(path, model_chunks, None)
        if optimizer is not None:
            optimizer.reload_model_params()
        return manifest

    @property
    def newest_name(self) -> str | None:
        """Of the checkpoint of this run that was last loaded or published."""
        return self._last.name if self._last is not None and self._last.parent == self.directory else None

    # --- parts

    def _refuse_another_run(self) -> None:
        there = folder.published(self.directory)
        if self.config.resume == "never" and there:
            raise UserError(
                f"{self.directory}: has {len(there)} checkpoints of an earlier run (up to {there[0].name}), and "
                f"checkpoint.resume = never: choose another output, remove them, or set checkpoint.resume=auto"
            )

    def _make_temporary(self, step: int) -> Path:
        temporary = self.directory / folder.temporary_name(step, secrets.token_hex(4))
        (temporary / WEIGHTS).mkdir(parents=True)
        (temporary / RANK_STATE).mkdir()
        return temporary

    def _extras(self, run_config: RunConfig) -> Extras:
        """The tokenizer that the run names, else the one that came with the weights."""
        here = Path(run_config.data.tokenizer) if run_config.data.tokenizer else None
        before = self._last
        return Extras(here or (before and before / TOKENIZER), before and before / HF)

    def _publish(self, saving: Saving) -> Path:
        self._saving = None
        path = saving.publish()
        self._last = path
        self._bad.discard(path.name)
        removed = on_first_rank(lambda: self._retain(saving.manifest.step))
        self._log(removed)
        self._tell(path, saving.manifest.step)
        return path

    def _retain(self, newest: int) -> list[str]:
        try:
            folder.retain(self.directory, newest, self.config.keep_last, self.config.keep_every, self._bad)
        except OSError as error:  # the new checkpoint stands; too many old ones are no reason to stop
            return [f"could not delete an old checkpoint: {error}"]
        return []

    def _verify(self, path: Path) -> str | None:
        problem = None
        try:
            verify(path, (dist.get_rank(), dist.get_world_size()))
        except UserError as error:
            problem = str(error)
        problem = first_problem(problem)
        self._verified = path if problem is None else None
        return problem

    def _restore_generators(self, path: Path, manifest: Manifest) -> None:
        if manifest.layout == this_layout():
            rng.restore_rng(rng.load_rng(path / rng.rng_file(dist.get_rank())))
            return
        seed = whole_of(object_of(manifest.config, "train"), "seed") + manifest.step
        self.platform.seed(seed)
        change = f"written at {manifest.layout}, loaded at {this_layout()}"
        self._log([f"{path.name} was {change}: random number generators are seeded anew"])

    def _log(self, notes: Sequence[str]) -> None:
        if dist.get_rank() == 0:
            for note in notes:
                logger.warning("%s: %s", self.directory, note)


def this_layout() -> Layout:
    return Layout(
        tp=parallel_state.get_tensor_model_parallel_world_size(),
        pp=parallel_state.get_pipeline_model_parallel_world_size(),
        vpp=parallel_state.get_virtual_pipeline_model_parallel_world_size(),
        cp=parallel_state.get_context_parallel_world_size(),
        dp=parallel_state.get_data_parallel_world_size(),
        world_size=dist.get_world_size(),
    )
