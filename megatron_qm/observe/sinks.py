"""TensorBoard and Weights & Biases, where a recipe asks for them: views of what the JSON lines record."""

from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from megatron_qm.errors import UserError
from megatron_qm.files import write_text
from megatron_qm.json_types import JsonObject, text_of
from megatron_qm.observe.records import from_json_number

_AXES = ("kind", "step", "time", "name")


def check_sinks(tensorboard: bool, wandb_project: str | None) -> None:
    """Raises UserError for one that was asked for and is not installed."""
    if tensorboard and find_spec("tensorboard") is None:
        raise _missing("observe.tensorboard = true", "tensorboard")
    if wandb_project is not None and find_spec("wandb") is None:
        raise _missing(f"observe.wandb_project = {wandb_project}", "wandb")


def _missing(said: str, package: str) -> UserError:
    return UserError(f"{said}, but {package} cannot be imported: pip install -e '.[tracking]', or leave the key out (the "
                     "metrics are in metrics.jsonl all the same)")


class Sink(Protocol):
    """Takes the plain form of each record (observe/records.py)."""

    def write(self, record: JsonObject) -> None: ...
    def truncate_after(self, step: int) -> None: ...
    def close(self) -> None: ...


class TensorBoard:
    """Event files in RUN/tensorboard."""

    def __init__(self, run_dir: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise _missing("observe.tensorboard = true", "tensorboard") from None
        self._make, self._folder = SummaryWriter, run_dir / "tensorboard"
        self._purge_step: int | None = None
        self._writer: SummaryWriter | None = None

    def truncate_after(self, step: int) -> None:
        self.close()
        self._purge_step = step + 1  # TensorBoard hides what an earlier writer wrote from this step on

    def write(self, record: JsonObject) -> None:
        if self._writer is None:
            self._writer = self._make(str(self._folder), purge_step=self._purge_step)
        for tag, value in scalars(record).items():
            self._writer.add_scalar(tag, value, record["step"], record["time"])
        if record["kind"] == "event":
            self._writer.add_text(f"event/{record['name']}", str(record["detail"]), record["step"], record["time"])
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class WandB:
    """One W&B run per run folder: its id is kept in RUN/wandb.id, so that a resumed run goes on in the same one."""

    def __init__(self, run_dir: Path, project: str) -> None:
        try:
            import wandb
        except ImportError:
            raise _missing(f"observe.wandb_project = {project}", "wandb") from None
        known = run_dir / "wandb.id"
        try:
            self._run = wandb.init(
                project=project,
                name=run_dir.name,
                dir=str(run_dir),
                id=known.read_text(encoding="utf-8").strip() if known.exists() else None,
                resume="allow",
            )
        except wandb.Error as error:
            raise UserError(
                f"observe.wandb_project = {project}: W&B refused to start: {error}; run `wandb login`, set "
                "WANDB_MODE=offline, or leave the key out"
            ) from None
        write_text(known, self._run.id)
        # W&B's own step must rise; with an axis of ours the steps after a resume overwrite what they repeat.
        self._run.define_metric("step")
        self._run.define_metric("*", step_metric="step")

    def truncate_after(self, step: int) -> None:
        """Nothing: W&B cannot take points back."""

    def write(self, record: JsonObject) -> None:
        if values := scalars(record):
            self._run.log(values | {"step": record["step"]})

    def close(self) -> None:
        self._run.finish()


def scalars(record: JsonObject) -> dict[str, float]:
    """{"train/loss": 2.5, "train/loss_by_source/web": 2.6, ...}; a probe's name stands before its fields."""
    prefix = f"probe/{record['name']}" if record["kind"] == "probe" else text_of(record, "kind")
    found: dict[str, float] = {}
    for key, value in record.items():
        nested = value if isinstance(value, dict) else {None: value}
        for name, item in nested.items():
            number = from_json_number(item)
            if number is not None and key not in _AXES:
                found[f"{prefix}/{key}" + (f"/{name}" if name is not None else "")] = number
    return found
