"""What a run's config and environment files say of it. All is optional: they may be missing or older."""

import dataclasses
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.config.model import ModelConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.stages import stage_from
from megatron_qm.costs.parameters import parameter_count
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject, parse_json
from megatron_qm.yaml_nodes import parse

CONFIG_FILE, ENVIRONMENT_FILE = "config.resolved.yaml", "environment.json"
_COUNTED = ("layers", "hidden_size", "ffn_hidden_size", "heads", "kv_heads", "head_dim", "vocab_size")
_FLAGS = ("tied_embeddings", "qkv_bias", "qk_norm")


@dataclass(frozen=True)
class Facts:
    """name: of the run, on its page. config_text: the file as it is. notices: what is missing or unreadable, for the reader
    of the report."""

    name: str
    config_text: str | None
    config: JsonObject
    environment: JsonObject
    notices: list[str]

    def get(self, key: str) -> object:
        """The value of a dotted key of the config, None where there is none."""
        value: object = self.config
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def number(self, key: str) -> float | None:
        value = self.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return value
        return None

    @property
    def parameters(self) -> int | None:
        model = self.get("model")
        if not isinstance(model, dict) or not all(isinstance(self.number(f"model.{key}"), int) for key in _COUNTED):
            return None
        shape = {key: model[key] for key in _COUNTED} | {key: bool(model.get(key)) for key in _FLAGS}
        return parameter_count(ModelConfig(**shape))

    @property
    def world_size(self) -> int | None:
        value = self.environment.get("world_size")
        return value if isinstance(value, int) and value > 0 else None

    @property
    def device_gib(self) -> float | None:
        """Memory of the GPU that a rank has to itself, of those that nvidia-smi listed."""
        gpus, device = self.environment.get("gpus"), self.environment.get("device")
        rows = [gpu for gpu in gpus if isinstance(gpu, dict)] if isinstance(gpus, list) else []
        memory = next((gpu.get("memory") for gpu in rows if gpu.get("name") == device), None)
        found = re.fullmatch(r"(\d+) MiB", memory) if isinstance(memory, str) else None
        return int(found[1]) / 1024 if found else None

    @property
    def layout(self) -> str | None:
        """TP2 x SP x DP4, as in `--dry-run`."""
        known = {field.name for field in dataclasses.fields(ParallelConfig)}
        block, ranks = self.get("parallel"), self.world_size
        sizes = [self.number(f"parallel.{key}") for key in ("tp", "pp", "cp")]
        if ranks is None or not isinstance(block, dict) or not all(isinstance(size, int) and size > 0 for size in sizes):
            return None
        try:
            return ParallelConfig(**{k: v for k, v in block.items() if k in known}).describe(ranks)
        except UserError:  # the environment file is of a start on other ranks than the config's
            return None

    @property
    def total_steps(self) -> int | None:
        steps, tokens, per_step = self.number("train.steps"), self.number("train.tokens"), self.tokens_per_step
        if steps is not None:
            return int(steps)
        return math.ceil(tokens / per_step) if tokens and per_step else None

    @property
    def tokens_per_step(self) -> int | None:
        sequences, length = self.number("train.global_batch_size"), self.number("data.sequence_length")
        return int(sequences * length) if sequences and length else None

    @property
    def total_tokens(self) -> int | None:
        """None where it is not known before: responses are as long as the policy makes them."""
        if not stage_from(self.config).kind().tokens_planned:
            return None
        per_step, steps = self.tokens_per_step, self.total_steps
        return per_step * steps if per_step and steps else None


def read_facts(run_dir: Path, name: str) -> Facts:
    """Facts of the run in `run_dir`, to be called `name`; a file that is missing or broken becomes a notice."""
    notices: list[str] = []
    config_text = _read(run_dir / CONFIG_FILE, notices)
    environment_text = _read(run_dir / ENVIRONMENT_FILE, notices)
    config = _mapping(lambda text: parse(text, CONFIG_FILE).plain(), config_text, CONFIG_FILE, notices)
    environment = _mapping(parse_json, environment_text, ENVIRONMENT_FILE, notices)
    return Facts(name, config_text, config, environment, notices)


def _read(path: Path, notices: list[str]) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        notices.append(f"{path.name} cannot be read: {error.strerror}.")
        return None


def _mapping(read: Callable[[str], object], text: str | None, name: str, notices: list[str]) -> JsonObject:
    if text is None:
        return {}
    try:
        value = read(text)
    except (ValueError, UserError) as error:
        notices.append(f"{name} cannot be understood: {' '.join(str(error).split())}.")
        return {}
    if not isinstance(value, dict):
        notices.append(f"{name} holds no keys.")
        return {}
    return value
