"""The words of the trainings of a loop: what the recipe says, and what the loop says of start, data and seed."""

import json
from collections.abc import Mapping
from pathlib import Path

from megatron_qm.config.build import build
from megatron_qm.config.reward_loop import RewardLoopConfig
from megatron_qm.config.reward_model import RewardModelRun
from megatron_qm.config.tree import read
from megatron_qm.errors import UserError
from megatron_qm.json_lines import json_rows
from megatron_qm.json_types import JsonObject

LABELS = "labels"  # the group of what annotators have said
_OURS = ("stage", "output", "train.start_from", "train.seed", "data.seed", "reward_model.sources")


def check_recipe(config: RewardLoopConfig) -> JsonObject:
    """What recipe and overrides state, as plain data. Raises UserError as `reward-model` would, and for what is the loop's to
    say."""
    for override in config.overrides:
        key = override.partition("=")[0]
        if any(key == ours or key.startswith(f"{ours}.") or ours.startswith(f"{key}.") for ours in _OURS):
            raise UserError(f"overrides: {override!r:.80}: {key} is the loop's to say; leave it out")
    tree = read([config.recipe], config.overrides)
    build(RewardModelRun, tree)
    stated = tree.root.plain()
    assert isinstance(stated, dict)
    return stated


def words(config: RewardLoopConfig, output: Path, groups: Mapping[str, Path], seed: int) -> list[str]:
    """Of `megatron-qm reward-model`. groups: files of pairs by name, of which one may be `labels`."""
    return ["--config", config.recipe, *config.overrides, f"output={output}", f"train.start_from={config.start_from}",
            f"train.seed={seed}", f"data.seed={seed}", f"reward_model.sources={_sources(config, groups)}"]


def _sources(config: RewardLoopConfig, groups: Mapping[str, Path]) -> str:
    """Weights only where labels have a share of their own: the others then share the rest by their numbers of pairs."""
    shares = _shares(groups, config.labels_share) if config.labels_share is not None and LABELS in groups else {}
    named = [{"name": name, "path": str(path)} | ({"weight": shares[name]} if shares else {}) for name, path in groups.items()]
    return json.dumps(named, ensure_ascii=False)  # JSON is YAML


def _shares(groups: Mapping[str, Path], labels: float) -> dict[str, float]:
    counts = {name: sum(1 for _ in json_rows(path)) for name, path in groups.items() if name != LABELS}
    total = sum(counts.values())
    return {name: labels if name == LABELS else (1 - labels) * counts[name] / total for name in groups}
