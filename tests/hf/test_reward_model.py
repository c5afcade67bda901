"""Reward models to Hugging Face and back: transformers' classifiers give our scores, however they are padded, and what could give
others is refused."""

import json
import random
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from megatron_qm.align.reward_model.scoring import RewardScorer
from megatron_qm.align.rollouts.weights import hf_named_tensors
from megatron_qm.checkpoint.archive.restore import restore
from megatron_qm.checkpoint.archive.write import archive
from megatron_qm.checkpoint.manifest import model_of, read_manifest, write_manifest
from megatron_qm.checkpoint.store import CheckpointStore
from megatron_qm.cli import main
from megatron_qm.commands.checkpoint_model import checkpoint_model
from megatron_qm.config.lora import LoraConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.reward_model import RewardModelRun
from megatron_qm.config.train import CheckpointConfig, PrecisionConfig
from megatron_qm.costs.parameters import parameter_count
from megatron_qm.errors import UserError
from megatron_qm.hf import families, gate, score_parity
from megatron_qm.hf.companions import find_tokenizer_json
from megatron_qm.hf.errors import GateError
from megatron_qm.hf.export_hf import export_hf
from megatron_qm.hf.import_hf import import_hf
from megatron_qm.hf.opened import open_checkpoint
from megatron_qm.model.build import build_model
from megatron_qm.model.parallel_groups import parallel_groups
from megatron_qm.platform.runtime import Ranks, choose_platform, process_group
from megatron_qm.tokenizer import TextTokenizer
from tests import templates
from tests.hf.models import MODELS, TEMPLATE, differing, save_random_model, save_tokenizer, tensors

FAMILIES = ("qwen2", "qwen2-tied", "qwen3", "qwen3-tied", "llama", "llama-tied")
CONVERSATIONS, BOUND = 200, 1e-4
END, PAD = 0, 1  # of save_tokenizer: the token that ends its turns, and one that nothing has
HEAD = "score.weight"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """hf/NAME by transformers, ckpt/NAME of it, release/NAME of that, the gate passed."""
    root = tmp_path_factory.mktemp("scores")
    for name in FAMILIES:
        save_random_model(root / "hf" / name, name, scores=True)
        save_tokenizer(root / "hf" / name)
        (root / "hf" / name / "generation_config.json").write_text('{"eos_token_id": 0}')
        import_hf(root / "hf" / name, root / "ckpt" / name)
        export_hf(root / "ckpt" / name, root / "release" / name, dtype="fp32")
    return root


def conversations(seed: int, count: int = CONVERSATIONS) -> list[list[dict[str, str]]]:
    draw = random.Random(seed)

    def text() -> str:
        return "".join(draw.choice("the patient has chest pain, fever; 患者头痛三天\n. ") for _ in range(draw.randrange(1, 60)))

    def turn(role: str) -> dict[str, str]:
        return {"role": role, "content": text()}

    return [[turn(role) for _ in range(draw.randrange(1, 3)) for role in ("user", "assistant")] for _ in range(count)]


def ours(checkpoint: Path, asked: Sequence[Any]) -> torch.Tensor:
    """By the scorer that evaluates and rewards: packed rows."""
    with checkpoint_model(checkpoint, ParallelConfig(), "fp32", "cpu") as (chunks, _):
        found = RewardScorer(chunks, TextTokenizer.of_model(checkpoint, None), 256)(asked)
    assert all(isinstance(score, float) for score in found)
    return torch.tensor(found)


@torch.no_grad()
def theirs(release: Path, asked: Sequence[Any], side: str | None) -> torch.Tensor:
    """By transformers as its users call it; side: of the padding, None for one conversation at a time."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(release).float().eval()
    tokenizer = AutoTokenizer.from_pretrained(release)
    texts = [tokenizer.apply_chat_template(one, tokenize=False) for one in asked]
    rows = [[text] for text in texts] if side is None else [texts]
    found = [model(**tokenizer(row, padding=True, add_special_tokens=False, return_tensors="pt",
                               **({} if side is None else {"padding_side": side}))).logits for row in rows]
    assert all(logits.shape[1] == 1 for logits in found)
    return torch.cat(found)[:, 0]


@pytest.mark.parametrize("name", FAMILIES)
def test_transformers_gives_our_scores(name: str, root: Path) -> None:
    asked = conversations(sum(name.encode()))
    wanted = ours(root / "ckpt" / name, asked)
    assert wanted.std() > 0.1  # they tell conversations apart
    for side in ("left", "right"):
        torch.testing.assert_close(theirs(root / "release" / name, asked, side), wanted, rtol=0, atol=BOUND)
    torch.testing.assert_close(theirs(root / "release" / name, asked[:20], None), wanted[:20], rtol=0, atol=BOUND)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_released_is_what_was_imported(name: str, root: Path) -> None:
    release, original = root / "release" / name, root / "hf" / name
    assert differing(tensors(release), tensors(original)) == []
    assert tensors(release)[HEAD].shape == (1, 32) and "lm_head.weight" not in tensors(release)
    config, report = (json.loads((release / file).read_text()) for file in ("config.json", "gate.json"))
    kind = {"qwen2": "Qwen2", "qwen3": "Qwen3", "llama": "Llama"}[name.split("-")[0]]
    assert config["architectures"] == [f"{kind}ForSequenceClassification"] and config["pad_token_id"] == PAD
    assert config["id2label"] == {"0": "score"} and config["label2id"] == {"score": 0}
    assert not (release / "generation_config.json").exists()
    assert list(report["checks"]) == ["config", "tokenizer", "padding", "tensors", "contents", "reload and scores"]
    held = sum(tensor.numel() for tensor in tensors(original).values())
    assert report["parameters"] == held == parameter_count(model_of(read_manifest(root / "ckpt" / name)))


@pytest.mark.parametrize("name", ["qwen2-tied", "qwen3", "llama"])
def test_rounded_to_bf16_it_gives_the_scores_of_the_rounded_model(name: str, root: Path, tmp_path: Path) -> None:
    report = export_hf(root / "ckpt" / name, tmp_path / "bf16")
    assert report.parity.rounding > 0 and report.parity.largest_score > 0.1
    wanted = {key: tensor.bfloat16() for key, tensor in tensors(root / "hf" / name).items()}
    assert differing(tensors(tmp_path / "bf16"), wanted) == []
    rounded, asked = import_hf(tmp_path / "bf16", tmp_path / "ckpt"), conversations(7, 50)
    found = theirs(tmp_path / "bf16", asked, "left")
    torch.testing.assert_close(found, ours(rounded, asked), rtol=0, atol=BOUND)
    assert (found - ours(root / "ckpt" / name, asked)).abs().max() > BOUND


def test_the_model_card_says_how_to_score(root: Path) -> None:
    release = root / "release" / "qwen3"
    card = (release / "README.md").read_text()
    assert "pipeline_tag: text-classification" in card and "reward model" in card
    [code] = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert len([line for line in code.splitlines() if line]) == 6
    known: dict[str, Any] = {}
    exec(code.replace("'qwen3'", repr(str(release))), known)
    torch.testing.assert_close(known["scores"].detach(), ours(root / "ckpt" / "qwen3", [known["messages"]]), rtol=0, atol=BOUND)


def settings(folder: Path, **changes: Any) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_pad_that_ends_conversations_is_exchanged_for_one_that_none_has(root: Path, tmp_path: Path) -> None:
    """pad = eos = what ends turns: the score would be read before the end, and padding change it."""
    save_tokenizer(tmp_path / "tok", pad_token="<|endoftext|>")
    (tmp_path / "tok" / "special_tokens_map.json").write_text('{"pad_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}')
    report = export_hf(root / "ckpt" / "llama", tmp_path / "out", dtype="fp32", tokenizer=tmp_path / "tok")
    assert "pads with 1 ('<|pad|>')" in report.checks["padding"]
    asked, (config, said) = conversations(3, 40), ((tmp_path / "out" / name).read_text() for name in (
        "config.json", "special_tokens_map.json"))
    assert json.loads(config)["pad_token_id"] == PAD and json.loads(said)["pad_token"] == "<|pad|>"
    wanted = ours(root / "ckpt" / "llama", asked)
    for side in ("left", "right"):
        torch.testing.assert_close(theirs(tmp_path / "out", asked, side), wanted, rtol=0, atol=BOUND)


def test_a_pad_that_no_conversation_has_stays_though_it_ends_documents(root: Path, tmp_path: Path) -> None:
    """As in Qwen's and the quickstart's tokenizers."""
    chatml = TEMPLATE.replace("<|endoftext|>", "<|pad|>\n")
    save_tokenizer(tmp_path / "tok", pad_token="<|endoftext|>")
    (tmp_path / "tok" / "chat_template.jinja").write_text(chatml)
    report = export_hf(root / "ckpt" / "llama", tmp_path / "out", tokenizer=tmp_path / "tok", skip_logits=True)
    assert "pads with 0 ('<|endoftext|>')" in report.checks["padding"]


def test_without_the_text_that_ends_a_turn_the_last_token_is_read(root: Path) -> None:
    """Whatever it is: padding decides nothing."""
    checkpoint, release = root / "ckpt" / "qwen3", root / "release" / "qwen3"
    tokenizer = TextTokenizer.of_model(checkpoint, None)
    ids = [tokenizer.conversation(one) for one in conversations(5, 12)]
    cut = [one[:-1] for one in ids]
    assert all(one[-1] == END for one in ids) and not any(one[-1] == END for one in cut)
    for some in (ids, cut):
        found = score_parity.compare_scores(open_checkpoint(checkpoint), release, some, torch.float32)
        assert max(found.alone, found.left, found.right, found.tokens) < BOUND


def test_where_no_token_is_left_to_pad_with_the_export_says_so(root: Path, tmp_path: Path) -> None:
    save_tokenizer(tmp_path / "tok", pad_token="<|endoftext|>")
    path = tmp_path / "tok" / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["added_tokens"] = [token for token in tokenizer["added_tokens"] if token["content"] != "<|pad|>"]
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(UserError, match=r"pads with 0 \('<\|endoftext\|>'\).*add one, such as <\|pad\|>.*--tokenizer DIR"):
        export_hf(root / "ckpt" / "llama", tmp_path / "out", tokenizer=tmp_path / "tok")
    assert not (tmp_path / "out").exists()


def test_without_a_tokenizer_or_a_template_there_is_no_release(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--no-tokenizer: .* holds a reward model"):
        export_hf(root / "ckpt" / "llama", tmp_path / "out", no_tokenizer=True)
    save_tokenizer(tmp_path / "tok")
    (tmp_path / "tok" / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match="has no chat template"):
        export_hf(root / "ckpt" / "llama", tmp_path / "out", tokenizer=tmp_path / "tok")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tok"]


def test_the_arguments_of_the_template_that_it_was_trained_with_are_the_releases(root: Path, tmp_path: Path) -> None:
    """Here they decide what conversations end with, and so which token may pad."""
    checkpoint = Path(shutil.copytree(root / "ckpt" / "llama", tmp_path / "ckpt"))
    (checkpoint / "tokenizer" / "chat_template.jinja").write_text(TEMPLATE + "{% if mark %}<|pad|>{% endif %}")
    manifest = read_manifest(checkpoint)
    files = {name: record for name, record in manifest.files.items() if "chat_template" not in name}
    write_manifest(checkpoint, replace(manifest, config={"data": {"template_arguments": {"mark": True}}}, files=files))
    with pytest.raises(UserError, match="conversations have all its special tokens"):
        export_hf(checkpoint, tmp_path / "out")


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    held = load_file(folder / "model.safetensors")
    change(held)
    save_file(held, folder / "model.safetensors", {"format": "pt"})


def reconfigure(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


TWO = {"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0, "b": 1}}
FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "two labels": (lambda f: reconfigure(f, **TWO), "num_labels = 2: a reward model gives one score"),
    "labels left to transformers": (lambda f: reconfigure(f, id2label=None), "num_labels = 2"),
    "two numbers of labels": (lambda f: reconfigure(f, num_labels=3), "num_labels = 3"),
    "a language model's class": (lambda f: reconfigure(f, architectures=["LlamaForCausalLM"]), "says head = vocabulary"),
    "a strange class": (lambda f: reconfigure(f, architectures=["LlamaForTokenClassification"]),
                        "only LlamaForCausalLM and LlamaForSequenceClassification"),
    "no pad": (lambda f: reconfigure(f, pad_token_id=None), r"pad_token_id = None, and the tokenizer pads with 1"),
    "the end as pad": (lambda f: (reconfigure(f, pad_token_id=END), settings(f, pad_token="<|endoftext|>")),
                       r"pad_token_id = 0 \('<\|endoftext\|>'\) stands in conversations"),
    "the pads of config and tokenizer": (lambda f: settings(f, pad_token="<|endoftext|>"), "pad_token_id = 1, and the tokenizer"),
    "a letter as pad": (lambda f: (reconfigure(f, pad_token_id=2), settings(f, pad_token="!")), "no special token"),
    "a generation config": (lambda f: (f / "generation_config.json").write_text("{}"), "which generates nothing"),
    "a language head": (lambda f: rewrite(f, lambda held: held.update({"lm_head.weight": torch.zeros(301, 32)})),
                        "lm_head.weight is no tensor"),
    "no head": (lambda f: rewrite(f, lambda held: held.pop(HEAD)), "score.weight is missing"),
    "another head": (lambda f: rewrite(f, lambda held: held[HEAD].neg_()), "score.weight differs from output_layer.score"),
    "a head of two rows": (lambda f: rewrite(f, lambda held: held.update({HEAD: torch.zeros(2, 32)})),
                           r"score.weight has shape \[2, 32\]"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_files_is_named(fault: str, root: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(root / "release" / "llama", tmp_path / "release"))
    opened, (change, message) = open_checkpoint(root / "ckpt" / "llama"), FAULTS[fault]
    change(folder)
    with pytest.raises(GateError, match=message):
        gate.run_gate(opened, folder, "fp32", tokenizer_source=find_tokenizer_json(opened.folder / "tokenizer"), logits=False)


def test_what_only_the_scores_tell_is_named_by_its_module(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, opened = root / "release" / "llama-tied", open_checkpoint(root / "ckpt" / "llama-tied")
    asked = [[5, 6, 7, 8], [9, 10, 11]]
    score_parity.compare_scores(opened, release, asked, torch.float32)
    with pytest.raises(GateError, match="read alone another score than its last token's"):
        score_parity.compare_scores(opened, release, [[5, 6, 7, PAD], *asked], torch.float32)
    names = {"self_attn.q_proj.weight": "self_attn.k_proj.weight", "self_attn.k_proj.weight": "self_attn.q_proj.weight"}
    rules = tuple(replace(rule, hf=tuple(names.get(name, name) for name in rule.hf)) for rule in families.FAMILIES["llama"].layer)
    monkeypatch.setitem(families.FAMILIES, "llama", replace(families.FAMILIES["llama"], layer=rules))
    with pytest.raises(GateError, match="first in model.layers.0.self_attn: scores differ"):
        export_hf(root / "ckpt" / "llama-tied", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("changes", "message"), [
    (TWO, "num_labels = 2: a reward model gives one score, and has one label"),
    ({"id2label": None}, "num_labels = 2"), ({"num_labels": [2]}, r"num_labels = \[2\]"),
])
def test_a_classifier_of_other_labels_is_not_imported(changes: dict, message: str, root: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(root / "hf" / "qwen3", tmp_path / "hf"))
    reconfigure(folder, **changes)
    with pytest.raises(UserError, match=f"config.json: {message}"):
        import_hf(folder, tmp_path / "ckpt")


def test_a_reward_model_with_a_language_head_is_not_imported(root: Path, tmp_path: Path) -> None:
    for name in ("llama", "llama-tied"):
        folder = Path(shutil.copytree(root / "hf" / name, tmp_path / name))
        rewrite(folder, lambda held: held.update({"lm_head.weight": held["model.embed_tokens.weight"].clone()}))
        with pytest.raises(UserError, match="lm_head.weight is no tensor of the model"):
            import_hf(folder, tmp_path / "ckpt")


@contextmanager
def went_on(start: Path, output: Path, lora: LoraConfig | None = None) -> Iterator[tuple[list[torch.nn.Module], Path]]:
    """A run that starts from a checkpoint: its chunks, and its own first checkpoint; adapters are drawn."""
    platform, alone = choose_platform("cpu"), ParallelConfig()
    model, precision = model_of(read_manifest(start)), PrecisionConfig(params="fp32")
    with process_group(platform, Ranks(0, 1, 0)), platform.scope(), parallel_groups(alone):
        chunks = build_model(model, alone, platform, precision, seed=9, lora=lora)
        store = CheckpointStore(output, CheckpointConfig(), platform)
        store.load_weights(start, chunks, None)
        for name, parameter in chunks[0].named_parameters():
            if ".lora_" in name:
                torch.nn.init.normal_(parameter.data, 0.0, 0.3)
        store.save(1, 1000, chunks, None, {}, RewardModelRun(model=model, precision=precision, lora=lora))
        yield chunks, output / "step-00000001"


@pytest.mark.parametrize("lora", [None, LoraConfig(rank=3, alpha=6.0)], ids=["all weights", "adapters"])
def test_going_on_from_a_reward_model_keeps_its_head(lora: LoraConfig | None, root: Path, tmp_path: Path) -> None:
    wanted = tensors(root / "hf" / "qwen3")
    with went_on(root / "ckpt" / "qwen3", tmp_path / "run", lora) as (chunks, saved):
        assert torch.equal(chunks[0].output_layer.score.data, wanted[HEAD])
        with pytest.raises(UserError, match="reward model, which scores text and cannot write any"):
            next(hf_named_tensors(chunks, model_of(read_manifest(saved))))
    export_hf(saved, tmp_path / "out", dtype="fp32")
    found, body = tensors(tmp_path / "out"), "model.layers.0.mlp.up_proj.weight"
    assert torch.equal(found[HEAD], wanted[HEAD]) and torch.equal(found[body], wanted[body]) == (lora is None)
    asked = conversations(11, 20)
    torch.testing.assert_close(theirs(tmp_path / "out", asked, "right"), ours(saved, asked), rtol=0, atol=BOUND)


def test_an_archive_keeps_the_head(root: Path, tmp_path: Path) -> None:
    archive(root / "ckpt" / "qwen2-tied", str(tmp_path / "archive"))
    restore(str(tmp_path / "archive"), tmp_path / "back")
    export_hf(tmp_path / "back", tmp_path / "out", dtype="fp32", skip_logits=True)
    assert differing(tensors(tmp_path / "out"), tensors(root / "hf" / "qwen2-tied")) == []


def test_verbs_that_want_text_refuse_it(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEGATRON_QM_SERVE_TOKEN", "x")
    checkpoint, release = (str(root / kind / "qwen3") for kind in ("ckpt", "release"))
    prompts, items = tmp_path / "prompts.jsonl", tmp_path / "items.jsonl"
    prompts.write_text('{"prompt": "a fever"}\n')
    items.write_text('{"task": "exam", "prompt": "Which?", "reference": "A", "metadata": {"options": {"A": "a", "B": "b"}}}\n')
    sft = ["sft", "--config", "sft-tiny-cpu", "--dry-run", f"train.start_from={checkpoint}"]
    for verb in (["generate", "--checkpoint", checkpoint, "--prompts", str(prompts), "--output", str(tmp_path / "out.jsonl")],
                 ["serve", "--checkpoint", checkpoint, "--port", "0"],
                 ["evaluate", "--model", checkpoint, "--items", str(items)],
                 ["evaluate", "--model", release, "--items", str(items)], sft):
        assert main(verb) == 2, verb
        said = capsys.readouterr().err
        assert "cannot write any" in said and "Traceback" not in said, said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["items.jsonl", "prompts.jsonl"]


@pytest.mark.parametrize("template", ["CHATML", "R1", "STRICT", "NEXT_HEADER", "CALLS", "PLAIN"])
def test_no_template_of_others_ends_a_conversation_with_what_pads(template: str, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    written = getattr(templates, template)
    with pytest.MonkeyPatch.context() as patcher:
        patcher.setitem(MODELS, "chat", ("qwen2", {"vocab_size": 320, "num_hidden_layers": 1}))
        save_random_model(tmp_path / "hf", "chat", scores=True)
    templates.save_chat_tokenizer(tmp_path / "hf", written, pad_token="<|end|>")
    release = tmp_path / "out"
    export_hf(import_hf(tmp_path / "hf", tmp_path / "ckpt"), release, skip_logits=True)
    tokenizer = AutoTokenizer.from_pretrained(release)
    text = tokenizer.apply_chat_template(conversations(1, 1)[0][:2], tokenize=False)
    config = json.loads((release / "config.json").read_text())
    assert tokenizer.pad_token_id == config["pad_token_id"]
    assert config["pad_token_id"] not in tokenizer.encode(text, add_special_tokens=False)
    assert (tokenizer.pad_token == "<|end|>") == ("<|end|>" not in written)
