"""docs/config.md: `python -m megatron_qm.config.reference > docs/config.md`."""

from megatron_qm.config.keys import Key, keys, text
from megatron_qm.config.reward_loop import RewardLoopConfig
from megatron_qm.config.stages import STAGES, Stage

_HEAD = """\
# Recipes

A recipe is a YAML file that states what differs from the defaults below. `--config` takes a file, or the name of a recipe
that ships with the package (`megatron_qm/recipes/`):

```
megatron-qm pretrain --config qwen3-8b-h100 'data.sources={folder: data/}' train.start_from=CKPT
megatron-qm pretrain --config qwen3-8b-h100 --config our-cluster.yaml train.seed=7
```

**A recipe may build on another**: the top key `base` names a shipped recipe, or a file seen from the folder of the recipe.

```yaml
base: qwen3-8b-h100
parallel: {devices: 16}
data: {sources: {folder: data/}}
```

**Who wins.** A recipe wins over its `base`, a later `--config` (with its own base) over an earlier one, and overrides
(`key.key=value`, YAML on the right) over all, the last of them over those before. Of recipes, blocks merge key by key;
lists and single values are replaced. `key: null` replaces too: a block goes back to its defaults, `lora: null` is no LoRA, and
`model.shape: null` is no named shape. An override replaces what it names, a block as a whole: `lora.rank=8` changes a key,
`lora={rank: 8}` the block. `data.sources.0.weight=2` reaches into a list.

**What is refused**: unknown and repeated keys (with the nearest one), values of another type, numbers out of their bounds, and
what goes against a rule between keys. Numbers, true and false are spelt as in JSON and YAML 1.2: `1:30`, `010`, `0x10`, `1_000`
and `yes` are refused where a number or a switch is asked, with what to write, and are text where text is. The message names the
file and line, or the override, that the value came from:

```
override 'train.steps=0': train.steps = 0: must be 1 or more
our-cluster.yaml:3: parallel.tp = 3 does not divide model.heads = 32: each tensor parallel rank holds an equal share
```

**A folder of data in one line**: `data.sources={folder: data/}` stands for every dataset (PREFIX.idx and PREFIX.bin) below the
folder, named by its path in there. A dataset's weight is the number of its tokens; with `weights: equal` all weigh the same.
`data.validation` takes it too. The resolved config lists what was found.

`config.resolved.yaml` in a run's folder is the whole of it, without `base`, and is a recipe itself.

Written by `python -m megatron_qm.config.reference > docs/config.md`; `*` stands for an index of a list.
"""

_LOOP = """\
A file of its own, not a recipe: what is read and refused, `base` and overrides are as above
([rounds with annotators](reward-models.md#rounds-with-annotators)).
"""


def reference() -> str:
    """The whole text of docs/config.md."""
    parts = [_HEAD]
    for stage, found in keys_by_stage().items():
        title = "Every stage" if stage.section is None else f"`megatron-qm {stage.name}` beside those"
        parts += [f"## {title}", *_tables(found)]
    parts += ["## `megatron-qm reward-loop`", _LOOP, *_tables(list(keys(RewardLoopConfig)))]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def keys_by_stage() -> dict[Stage, list[Key]]:
    """Of the first stage all, of the others what they have or say otherwise."""
    first, *others = STAGES.values()
    of_all = list(keys(first.kind))
    return {first: of_all} | {stage: [key for key in keys(stage.kind) if key not in of_all] for stage in others}


def describe_keys(prefix: str = "") -> str:
    """All keys, or those at and below `prefix`, for a terminal. Raises UserError naming the nearest where there is none."""
    return text([key for found in keys_by_stage().values() for key in found], prefix)


def _tables(found: list[Key]) -> list[str]:
    """The keys that belong to no block, then a table for each block of the top, under its meaning."""
    alone = [key for key in found if not key.block and "." not in key.name]
    parts = [_table(alone)]
    for top in (key for key in found if "." not in key.name and key.block):
        parts += [f"### {top.name}", top.meaning, _table([key for key in found if key.name.startswith(f"{top.name}.")])]
    return [part for part in parts if part]


def _table(found: list[Key]) -> str:
    rows = [f"| `{key.name}` | {_values(key)} | {_default(key)} | {key.meaning} |" for key in found]
    return "\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *rows]) if rows else ""


def _values(key: Key) -> str:
    return "; ".join(filter(None, (key.type, key.bounds))).replace(" | ", ", ")


def _default(key: Key) -> str:
    return "" if key.block else f"`{key.default}`" if key.default else "must be given"


if __name__ == "__main__":
    print(reference(), end="")
