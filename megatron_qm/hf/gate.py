"""The release gate: is this folder the checkpoint's model, whole, and does transformers run it as Megatron does?

Each check raises GateError naming the first thing that differs, or returns one line about what it found. In order:
config, tokenizer, stops, tensors, contents, logits, an answer; what is cheap comes first. A reward model generates nothing: its
padding is looked at in the place of stops, scores in that of logits, and it is asked for no answer.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from megatron_qm.config.model import Head, ModelConfig
from megatron_qm.errors import UserError
from megatron_qm.hf.chat_check import check_answer, check_stops
from megatron_qm.hf.companions import TOKENIZER_JSON
from megatron_qm.hf.config import CONFIG, TORCH_NAMES, from_hf, read_config
from megatron_qm.hf.conversations import encode_conversations, template_of
from megatron_qm.hf.errors import GateError
from megatron_qm.hf.opened import Opened
from megatron_qm.hf.pad_token import check_pad_token
from megatron_qm.hf.parity import KL_TOLERANCE, LOGIT_TOLERANCE, Parity, compare
from megatron_qm.hf.prompts import ANSWER_TOKENS, PROMPTS
from megatron_qm.hf.safetensors_io import INDEX, StoredTensor, index_of, read_headers
from megatron_qm.hf.score_parity import ScoreParity, compare_scores, describe_scores
from megatron_qm.hf.tokenizer_check import check_tokenizer, encode_prompts
from megatron_qm.hf.transformers_side import demanded_tensors, load_tokenizer
from megatron_qm.hf.weights import DTYPES, first_different, hf_tensors
from megatron_qm.stops import GENERATION_CONFIG

_RANDOM_PROMPTS = (96, 32, 8)  # tokens, where there is no tokenizer to make real ones
_PROMPT_TOKENS = 512  # at most
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
# Beyond the FP32 weights: the largest tensor once and a half more while a model is made, activations and logits.
_EXTRA_OF_LARGEST, _EXTRA_BYTES = 1.5, 1 << 30


@dataclass(frozen=True)
class GateReport:
    """A line per check that was passed, and for each that was left out."""

    checks: dict[str, str]
    parameters: int
    bytes: int
    parity: Parity | ScoreParity | None


def run_gate(
    opened: Opened,
    release: Path,
    dtype: str,
    *,
    tokenizer_source: Path | None,
    logits: bool = True,
    prompts: Sequence[str] = PROMPTS,
    answer_tokens: int | None = ANSWER_TOKENS,
) -> GateReport:
    """Compare the folder `release` with the checkpoint. Raises GateError (or UserError) for the first difference.

    tokenizer_source: the tokenizer.json that the model was trained with; None where the release has none. logits:
    False for a model that this machine cannot hold; its reload by transformers is left out then, too. answer_tokens: within
    which a fine-tuned model ends an answer; None: it is not asked.
    """
    writes = opened.model.head == "vocabulary"
    checks = {"config": check_config(opened.model, release, dtype)}
    if tokenizer_source is not None:
        checks["tokenizer"] = check_tokenizer(release, tokenizer_source, opened.model.vocab_size)
        if writes:
            checks["stops"] = check_stops(release, opened.model.vocab_size)
        else:
            checks["padding"] = _check_padding(opened, release)
    elif (release / TOKENIZER_JSON).exists():
        raise GateError(f"{TOKENIZER_JSON} is in the release, and none was asked for")
    else:
        checks["tokenizer"] = "none: left out by --no-tokenizer"
    stored = _read(release)
    checks["tensors"] = check_tensors(release, stored, dtype, opened.model.head)
    checks["contents"] = check_contents(opened, stored, dtype)
    outputs, parity = f"reload and {'logits' if writes else 'scores'}", None
    if logits:
        parity, checks[outputs] = _compared(opened, release, dtype, tokenizer_source, prompts)
    else:
        checks[outputs] = "not checked: left out by --skip-logits"
    if tokenizer_source is not None and writes:
        checks["answer"] = _answer(opened, release, answer_tokens, logits)
    numbers = sum(torch.Size(tensor.shape).numel() for tensor in stored.values())
    return GateReport(checks, numbers, sum(tensor.bytes for tensor in stored.values()), parity)


def check_config(model: ModelConfig, release: Path, dtype: str) -> str:
    """config.json, read back, is the checkpoint's shape."""
    config = read_config(release)
    try:
        found = from_hf(config, CONFIG)
    except UserError as error:
        raise GateError(str(error)) from None
    for key in (field.name for field in dataclasses.fields(ModelConfig)):
        if key not in ("shape", "pad_vocab_to_multiple_of") and getattr(found, key) != getattr(model, key):
            raise GateError(f"{CONFIG}: says {key} = {getattr(found, key)}, the checkpoint {getattr(model, key)}")
    named = config.get("dtype", config.get("torch_dtype"))
    if named != TORCH_NAMES[dtype]:
        raise GateError(f"{CONFIG}: says that the weights are {named}; they were to be {TORCH_NAMES[dtype]}")
    tied = "tied" if model.tied_embeddings else "untied"
    last = ", one label: a score" if model.head == "score" else f", embeddings {tied}"
    return f"{model.family}, {model.layers} layers, vocabulary {model.vocab_size:,}{last}"


def check_tensors(release: Path, stored: dict[str, StoredTensor], dtype: str, head: Head = "vocabulary") -> str:
    """Names, shapes, dtype and bytes are what transformers' own class demands of this config.json."""
    demanded = demanded_tensors(release, head)
    for name, shape in demanded.items():
        if name not in stored:
            raise GateError(f"{name} is missing from the files; {CONFIG} demands it")
        tensor = stored[name]
        if tensor.shape != shape:
            found = list(tensor.shape)
            raise GateError(f"{tensor.file.name}: {name} has shape {found}; {CONFIG} demands {list(shape)}")
        if tensor.dtype != DTYPES[dtype]:
            raise GateError(f"{tensor.file.name}: {name} is {tensor.dtype}, not {DTYPES[dtype]}")
    for name in stored:
        if name not in demanded:
            raise GateError(f"{stored[name].file.name}: {name} is no tensor of the model that {CONFIG} describes")
    total = sum(torch.Size(shape).numel() for shape in demanded.values()) * DTYPES[dtype].itemsize
    _check_index(release, stored, total)
    files = len({tensor.file for tensor in stored.values()})
    return f"{len(stored)} tensors, {total:,} bytes in {files} file{'s' * (files > 1)}, as {CONFIG} demands"


def check_contents(opened: Opened, stored: dict[str, StoredTensor], dtype: str) -> str:
    """Every number in the files is the checkpoint's, read back from the disk."""
    tensors = hf_tensors(opened, DTYPES[dtype])
    for tensor in tensors:
        if tensor.name not in stored:
            raise GateError(f"{tensor.name} ({tensor.source.megatron}) of the checkpoint is not in the files")
        row = first_different(opened, tensor, stored[tensor.name])
        if row is not None:
            raise GateError(
                f"{stored[tensor.name].file.name}: {tensor.name} differs from {tensor.source.megatron} of the "
                f"checkpoint, first in row {row}"
            )
    return "every row read back and equal to the checkpoint's" + (" rounded to BF16" if dtype == "bf16" else "")


def check_memory(numbers: Sequence[int]) -> None:
    """Raise UserError if this machine cannot hold the model in FP32, as comparing logits does (one after the other).

    numbers: how many each tensor of the model has.
    """
    needed = 4 * (sum(numbers) + _EXTRA_OF_LARGEST * max(numbers)) + _EXTRA_BYTES
    free = _available_memory()
    if free is not None and needed > free:
        raise UserError(
            f"comparing logits holds the model in FP32, about {needed / 2**30:.1f} GiB, and this machine has "
            f"{free / 2**30:.1f} GiB free: run the export where there is more, or add --skip-logits (the model card "
            "will say that they were not compared)"
        )


def describe(parity: Parity, prompts: str) -> str:
    found = parity.conversion
    text = (
        f"{found.tokens} tokens of {prompts}: logits differ by at most {found.largest:.2e} ({found.relative:.1e} of "
        f"the largest; allowed {LOGIT_TOLERANCE:g}), KL at most {found.worst_kl:.1e} nats (allowed {KL_TOLERANCE:g}), "
        f"likeliest token the same for {found.same_top:.1%}"
    )
    if parity.rounding:
        text += f"; rounding to BF16 itself costs a mean KL of {parity.rounding.mean_kl:.1e} nats"
    return text


def _check_padding(opened: Opened, release: Path) -> str:
    if (release / GENERATION_CONFIG).exists():
        raise GateError(f"{GENERATION_CONFIG} is in the release of a reward model, which generates nothing")
    return check_pad_token(opened, release)


def _answer(opened: Opened, release: Path, tokens: int | None, logits: bool) -> str:
    if logits and tokens is not None:
        return check_answer(opened, release, tokens)
    return f"not asked: left out by {'--skip-answer' if logits else '--skip-logits'}"


def _compared(
    opened: Opened, release: Path, dtype: str, tokenizer_source: Path | None, prompts: Sequence[str]
) -> tuple[Parity | ScoreParity, str]:
    """(what was found, a line about it)."""
    if opened.model.head == "score":
        longest = min(_PROMPT_TOKENS, opened.model.max_positions)
        template = template_of(load_tokenizer(release), opened.template_arguments)
        scores = compare_scores(opened, release, encode_conversations(template, prompts, longest), DTYPES[dtype])
        return scores, describe_scores(scores)
    tokens = _token_prompts(opened.model, release, tokenizer_source, prompts)
    parity = compare(opened, release, tokens, DTYPES[dtype])
    return parity, describe(parity, "real prompts" if tokenizer_source else "random prompts (there is no tokenizer)")


def _read(release: Path) -> dict[str, StoredTensor]:
    try:
        return read_headers(release)
    except UserError as error:
        raise GateError(str(error)) from None


def _check_index(release: Path, stored: dict[str, StoredTensor], total: int) -> None:
    path = release / INDEX
    if path.is_file():
        where = {name: tensor.file.name for name, tensor in stored.items()}
        wrong = next((name for name, file in index_of(release).items() ^ where.items()), None)
        if wrong is not None:
            raise GateError(f"{INDEX}: does not say where {wrong} is")
        said = json.loads(path.read_bytes()).get("metadata", {}).get("total_size")
        if said != total:
            raise GateError(f"{INDEX}: says total_size = {said}; {CONFIG} demands {total} bytes")


def _token_prompts(
    model: ModelConfig, release: Path, tokenizer_source: Path | None, prompts: Sequence[str]
) -> list[list[int]]:
    longest = min(_PROMPT_TOKENS, model.max_positions)
    if tokenizer_source is not None:
        return encode_prompts(release, prompts, longest)
    generator = torch.Generator().manual_seed(0)
    lengths = [min(length, longest) for length in _RANDOM_PROMPTS]
    return [torch.randint(model.vocab_size, (length,), generator=generator).tolist() for length in lengths]


def _available_memory() -> int | None:
    """Bytes that this process may still take; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None
    limit = _CGROUP_LIMIT.read_text().strip() if _CGROUP_LIMIT.is_file() else ""
    return min(free, int(limit)) if limit.isdigit() else free
