"""README.md of a release: what the model is, what it has read, how it was trained, how it did, what the gate found."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from megatron_qm.checkpoint.manifest import Manifest
from megatron_qm.errors import UserError
from megatron_qm.hf.families import FAMILIES
from megatron_qm.hf.gate import GateReport
from megatron_qm.hf.opened import Opened
from megatron_qm.json_types import JsonObject, number_of, object_of, parse_json, text_of, whole_of

_METRICS = "metrics.jsonl"  # of a run: RUN/metrics.jsonl beside RUN/checkpoints/step-N


def render(opened: Opened, name: str, dtype: str, report: GateReport, evaluation: Mapping[str, object]) -> str:
    """Markdown with the front matter that the Hub reads."""
    manifest = opened.manifest
    sections = [
        _front_matter(name, opened),
        f"# {name}",
        _summary(opened, dtype, report),
        *([f"## Use\n\n{scoring_code(opened, name)}"] if opened.model.head == "score" else []),
        "## Data\n\n" + _data(manifest),
        "## Model\n\n" + _table(("", ""), _shape(opened)),
        "## Training\n\n" + _training(manifest),
        "## Evaluation\n\n" + _evaluation(evaluation),
        "## Release gate\n\n" + _table(("check", "finding"), list(report.checks.items())),
        _made_by(manifest),
    ]
    return "\n\n".join(sections) + "\n"


def read_evaluation(path: Path) -> JsonObject:
    """A JSON object of results by name. Raises UserError naming the file."""
    try:
        values = parse_json(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"--evaluation {path}: cannot be read as JSON: {error}") from None
    if not isinstance(values, dict):
        raise UserError(f"--evaluation {path}: must be an object of results by name")
    return values


def evaluation_of_run(checkpoint: Path, step: int) -> JsonObject:
    """The run's own validation losses and probes up to `step`, where the checkpoint still lies in its run's folder."""
    path = checkpoint.absolute().parents[1] / _METRICS
    found: JsonObject = {}
    if not path.is_file():
        return found
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = parse_json(line)
            if record["step"] <= step:
                found |= _results(record)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # the line that a running job is writing
            continue
    return found


def _results(record: Mapping[str, object]) -> dict[str, str]:
    at, kind = whole_of(record, "step"), text_of(record, "kind")
    if kind == "validation":
        losses = {"validation loss (nats per token)": record["loss"]}
        by_source = object_of(record, "loss_by_source") if "loss_by_source" in record else {}
        losses |= {f"validation loss, {source}": loss for source, loss in by_source.items()}
        return {name: f"{loss} at step {at}" for name, loss in losses.items()}
    if kind == "probe":
        interval = f"{number_of(record, 'low'):.3f} to {number_of(record, 'high'):.3f}, n = {record['n']}"
        return {f"probe, {record['name']} (accuracy)": f"{number_of(record, 'accuracy'):.3f} ({interval}) at step {at}"}
    return {}


def scoring_code(opened: Opened, name: str) -> str:
    """How a reward model is asked."""
    arguments = "".join(f", {key}={value!r}" for key, value in opened.template_arguments.items())
    return f"""A score says how good an answer is beside others to the same question; by itself it means nothing. `float()`
computes in FP32: BF16 has no more than 128 numbers between 1 and 2.

```python
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer, model = (kind.from_pretrained({name!r}) for kind in (AutoTokenizer, AutoModelForSequenceClassification))
messages = [{{"role": "user", "content": "Is aspirin a drug?"}}, {{"role": "assistant", "content": "Yes."}}]
text = tokenizer.apply_chat_template(messages, tokenize=False{arguments})
inputs = tokenizer([text], padding=True, add_special_tokens=False, return_tensors="pt")
scores = model.float().eval()(**inputs).logits[:, 0]
```"""


def _front_matter(name: str, opened: Opened) -> str:
    scores = opened.model.head == "score"
    lines = ["---", "library_name: transformers", f"pipeline_tag: {'text-classification' if scores else 'text-generation'}",
             f"model_name: {json.dumps(name)}", "tags:", "- megatron-qm", "- megatron-core",
             *(["- reward-model"] if scores else []), "---"]  # fmt: skip
    return "\n".join(lines)


def _summary(opened: Opened, dtype: str, report: GateReport) -> str:
    manifest = opened.manifest
    trained = f"after {manifest.step:,} steps and {manifest.tokens:,} tokens"
    begun = trained if manifest.step else "as imported, not trained"
    kind = "A reward model, which scores conversations: " if opened.model.head == "score" else ""
    architecture = FAMILIES[opened.model.family].architecture(opened.model.head)
    return (
        f"{kind}{architecture} with {report.parameters:,} parameters in {dtype.upper()} "
        f"({report.bytes / 1e9:.3g} GB), {begun}."
    )


def _data(manifest: Manifest) -> str:
    if not manifest.data.get("sources"):
        return "The checkpoint names no data sources."
    sources = object_of(manifest.data, "sources")
    rows = []
    for name in sources:
        source = object_of(sources, name)
        read, size = source.get("position"), source.get("tokens")
        epochs = f"{read / size:.3f}" if isinstance(read, int) and isinstance(size, int) and size else ""
        rows.append((name, source.get("weight"), read, size, epochs, source.get("checksum")))
    return _table(("source", "weight", "tokens read", "tokens in it", "epochs", "sha256"), rows)


def _shape(opened: Opened) -> list[tuple[str, object]]:
    keys = ("family", "layers", "hidden_size", "ffn_hidden_size", "heads", "kv_heads", "head_dim", "vocab_size",
            "max_positions", "rope_theta", "rope_scaling", "yarn", "norm_eps", "tied_embeddings")  # fmt: skip
    return [(key, opened.manifest.model.get(key)) for key in keys]


def _training(manifest: Manifest) -> str:
    config = manifest.config
    if not config:
        return "None by megatron-qm: the weights are those that were imported."
    rows: list[tuple[str, object]] = [("step", manifest.step), ("tokens", manifest.tokens)]
    for section in ("data", "train", "optimizer", "schedule", "precision", "lora"):
        for key, value in (object_of(config, section) if config.get(section) else {}).items():
            if key not in ("sources", "validation", "tokenizer", "start_from") and value is not None:
                rows.append((f"{section}.{key}", value))
    rows += [(f"layout.{key}", value) for key, value in vars(manifest.layout).items() if value is not None]
    return _table(("", ""), rows)


def _evaluation(values: Mapping[str, object]) -> str:
    if not values:
        return "None given (`--evaluation FILE.json`)."
    return _table(("", "result"), list(values.items()))


def _made_by(manifest: Manifest) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in manifest.created_by.items())
    return f"The checkpoint was written with {versions}."


def _table(head: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(_plain(cell) for cell in row) + " |" for row in lines)


def _plain(value: object) -> str:
    if value is None:
        return ""
    if type(value) is int:
        return f"{value:,}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.replace("|", "\\|").replace("\n", " ")
