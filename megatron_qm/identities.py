"""Datasets, tokenizers and checkpoints know each other: what each has on record is compared before a run begins.

A dataset's PREFIX.json says which tokenizer made its ids, a checkpoint carries the tokenizer of its weights, and the recipe
names one. Where two of them differ the run is refused, naming both. Imports no torch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.chat import ChatTemplate, TemplateError
from megatron_qm.checkpoint.folder import published
from megatron_qm.checkpoint.manifest import MANIFEST, TOKENIZER, Manifest, model_of, read_manifest, verify
from megatron_qm.config.model import other_shape
from megatron_qm.config.run import RunConfig
from megatron_qm.data.manifest import Manifest as DatasetManifest
from megatron_qm.data.tokenizer_identity import FILES, TokenizerIdentity, read_identity
from megatron_qm.errors import UserError, in_key
from megatron_qm.hf_tokenizer import load_tokenizer


@dataclass(frozen=True)
class Record:
    """Who says which tokenizer."""

    who: str
    tokenizer: TokenizerIdentity


def check_identities(config: RunConfig) -> None:
    """Raises UserError for the first two that differ, and where the output folder holds another run."""
    newest_state(config)
    _check_template(config)
    records = [*_named(config), *_of_checkpoints(config), *_of_datasets(config)]
    for record in records:
        if not record.tokenizer.same(records[0].tokenizer):
            first = records[0]
            raise UserError(
                f"{record.who} is of another tokenizer ({record.tokenizer}) than {first.who} ({first.tokenizer}): ids would mean "
                "other tokens; name the right one, or tokenise the text again. A dataset whose ids mean the same all the same "
                "may be named in data.allow_tokenizer_of"
            )


def newest_state(config: RunConfig) -> Manifest | None:
    """Of the checkpoint that the run goes on from, as far as it can be told before its files are read through; None for a run
    that begins. Raises UserError where that is of another stage or another model than the recipe's."""
    there = published(Path(config.output) / "checkpoints") if config.checkpoint.resume == "auto" else []
    if not there:
        return None
    try:
        manifest = read_manifest(there[0])
    except UserError:
        return None  # a torn one: the run looks for an older one, and says so
    model, stage = model_of(manifest), manifest.config.get("stage", config.stage)
    key = other_shape(config.model, model)
    if stage != config.stage:
        raise UserError(f"output = {config.output} holds a run of stage {stage} ({there[0].name}), and this is stage "
                        f"{config.stage}: choose another output, with train.start_from={there[0]} to go on from its weights")
    if key is not None:
        raise UserError(f"output = {config.output} holds a run ({there[0].name}) of a model with {key} = {getattr(model, key)}, "
                        f"the recipe's has {getattr(config.model, key)}: choose another output")
    return manifest


def _check_template(config: RunConfig) -> None:
    """Arguments of the chat template, of the tokenizer that is there to be asked: read by it, and with values that it takes."""
    name, arguments = config.data.tokenizer, config.data.template_arguments
    if not arguments or name is None:
        return
    with in_key("data.tokenizer"):
        tokenizer, turns = load_tokenizer(Path(name)), [{"role": "user", "content": "?"}]
    try:
        ChatTemplate(tokenizer).any_day().render(turns, asked=True)
    except TemplateError:  # it is particular about turns, not about arguments
        turns = []
    try:
        template = ChatTemplate(tokenizer, arguments)
        if turns:
            template.render(turns, asked=True)
    except TemplateError as error:
        raise UserError(f"{name}: {error}; mend data.template_arguments = {dict(arguments)}, or the template") from None


def verify_named(key: str, checkpoint: str) -> None:
    """Raises UserError where a file of the checkpoint that `key` names is not as it was written."""
    try:
        verify(Path(checkpoint))
    except UserError as error:
        raise UserError(f"{key} = {checkpoint}: {error}") from None


def check_named(key: str, checkpoint: str) -> None:
    """Raises UserError where what `key` names is no checkpoint. Its files are not read through: `verify_named`."""
    with in_key(key):
        model_of(read_manifest(Path(checkpoint)))


def _named(config: RunConfig) -> Iterator[Record]:
    if config.data.tokenizer is not None:
        with in_key("data.tokenizer"):
            identity = read_identity(Path(config.data.tokenizer))
        yield Record(f"data.tokenizer = {config.data.tokenizer}", identity)


def _of_checkpoints(config: RunConfig) -> Iterator[Record]:
    """That which the run starts from, and, where it goes on, its own newest."""
    start = config.train.start_from
    if start is not None:
        yield from _carried(f"train.start_from = {start}", Path(start))
    if config.checkpoint.resume == "auto":
        for newest in published(Path(config.output) / "checkpoints")[:1]:
            yield from _carried(f"the checkpoint {newest} that the run goes on from", newest)


def _carried(who: str, checkpoint: Path) -> Iterator[Record]:
    folder = checkpoint / TOKENIZER
    if (checkpoint / MANIFEST).is_file() and any((folder / name).is_file() for name in FILES):
        yield Record(who, read_identity(folder))


def _of_datasets(config: RunConfig) -> Iterator[Record]:
    for key, sources in config.datasets.items():
        for source in sources:
            manifest = DatasetManifest.read(Path(f"{source.prefix}.json"))
            allowed = source.name in config.data.allow_tokenizer_of
            if manifest is not None and manifest.tokenizer is not None and not allowed:
                yield Record(f"{key}: {source.name!r} ({source.prefix}.json)", manifest.tokenizer)
