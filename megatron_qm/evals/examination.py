"""What a run is examined by, read and held to the limits of its model: before anything is made for the run. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.config.run import RunConfig
from megatron_qm.errors import UserError, in_key
from megatron_qm.evals.limits import Limits
from megatron_qm.evals.probes import Encoder, Probe, read_probes
from megatron_qm.evals.prompts import prompts_of
from megatron_qm.rewards.items import Item, read_items
from megatron_qm.rewards.references import check_references
from megatron_qm.rewards.registry import Verifiers
from megatron_qm.tokenizer import TextTokenizer


@dataclass(frozen=True)
class AskedItems:
    """Of observe.items, with the prompts that they become."""

    items: Sequence[Item]
    prompts: Sequence[tuple[int, ...]]
    tokenizer: TextTokenizer


@dataclass(frozen=True)
class AskedProbes:
    """Of observe.probes."""

    probes: Sequence[Probe]
    encode: Encoder


def check_examination(config: RunConfig) -> None:
    """Raises UserError for what the run could not be examined by."""
    with in_key("observe.items"):
        asked_items(config)
    with in_key("observe.probes"):
        asked_probes(config)


def asked_items(config: RunConfig) -> AskedItems | None:
    """None where the recipe names none. Raises UserError naming the item that is wrong, or too long for the model."""
    path, place = config.observe.items, f"observe.items = {config.observe.items}"
    if not path:
        return None
    items = read_items(Path(path), Verifiers.named(config.observe.verifiers, "observe.verifiers"))
    check_references(items, f"observe.items: {path}")
    tokenizer = TextTokenizer.of_run(config)
    prompts = prompts_of(items, tokenizer, place)
    _limits(config, place).check_items(items, prompts, config.observe.items_max_tokens)
    return AskedItems(items, prompts, tokenizer)


def asked_probes(config: RunConfig) -> AskedProbes | None:
    """None where the recipe names none. Raises UserError naming the probe that is wrong, or too long for the model."""
    path = config.observe.probes
    if not path:
        return None
    if config.data.tokenizer is None:
        raise UserError("observe.probes needs data.tokenizer: the folder that the datasets were tokenised with")
    asked = AskedProbes(read_probes(Path(path)), _encoder(Path(config.data.tokenizer)))
    _limits(config, f"observe.probes = {path}").check_probes(asked.probes, asked.encode)
    return asked


def _limits(config: RunConfig, place: str) -> Limits:
    return Limits(config.model.longest_sequence, config.model.vocab_size, place)


def _encoder(folder: Path) -> Encoder:
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json" if folder.is_dir() else folder
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises a bare Exception for a missing or broken file
        raise UserError(f"{path}: cannot load this tokenizer: {error}") from None
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids
