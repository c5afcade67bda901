"""All that is asked of transformers: the tensors that a config demands, the model and the tokenizer of a folder.

Axes: b conversations, s tokens.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from megatron_qm.config.model import Head
from megatron_qm.hf.errors import GateError
from megatron_qm.hf_tokenizer import HfTokenizer, pretrained
from megatron_qm.stops import GENERATION_CONFIG

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from transformers.generation import GenerationMixin

# Never ask the network, and never run code that a folder brings (left open, transformers asks at the terminal).
_LOCAL = {"local_files_only": True, "trust_remote_code": False}


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' notes and progress bars."""
    from transformers.utils import logging as theirs

    level, bars = theirs.get_verbosity(), theirs.is_progress_bar_enabled()
    theirs.set_verbosity(logging.CRITICAL)
    theirs.disable_progress_bar()
    try:
        yield
    finally:
        theirs.set_verbosity(level)
        if bars:
            theirs.enable_progress_bar()


def demanded_tensors(release: Path, head: Head = "vocabulary") -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor that a file of this config.json has to hold; a tied output layer is not stored."""
    from transformers import AutoConfig

    with quiet(), _as_gate_error("transformers cannot make a model of config.json"):
        config = AutoConfig.from_pretrained(release, **_LOCAL)
        with torch.device("meta"):
            model = _class_of(head).from_config(config)
    tied = {"lm_head.weight"} if config.tie_word_embeddings else set()
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items() if name not in tied}


def load_model(release: Path, tied: bool) -> torch.nn.Module:
    """The released model in FP32. Raises GateError if it does not load, or not all of it, or is tied otherwise."""
    model = _loaded(release, "vocabulary")
    shared = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    if shared != tied:
        is_, should = ("tied", "not tied") if shared else ("not tied", "tied")
        raise GateError(f"lm_head.weight is {is_} to model.embed_tokens.weight; by the checkpoint it is {should}")
    return model


def load_scorer(release: Path) -> torch.nn.Module:
    """The released reward model in FP32. Raises GateError if it does not load, or not all of it, or has other than one label."""
    model = _loaded(release, "score")
    if model.config.num_labels != 1:
        raise GateError(f"transformers finds num_labels = {model.config.num_labels} in the release: a reward model has one")
    return model


def _loaded(release: Path, head: Head) -> "PreTrainedModel":
    with quiet(), _as_gate_error("transformers cannot load the release"):
        loaded = _class_of(head).from_pretrained(
            release, **_LOCAL, output_loading_info=True, **{_dtype_keyword(): torch.float32}
        )
    # output_loading_info makes it a pair, of which transformers' own hints know nothing.
    model, info = cast("tuple[PreTrainedModel, dict[str, list[object]]]", loaded)
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        if info.get(problem):
            first = sorted(str(key) for key in info[problem])[0]
            raise GateError(f"transformers loads the release with {problem.replace('_', ' ')}: {first}")
    model.eval()
    return model


def _class_of(head: Head) -> Any:  # a factory that says nothing of what it makes
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    return AutoModelForSequenceClassification if head == "score" else AutoModelForCausalLM


class Answering:
    """The released model, greedy, with nothing said to transformers that the release does not say itself."""

    def __init__(self, release: Path, tied: bool) -> None:
        self._model = cast("GenerationMixin", load_model(release, tied))
        self.stops = shipped_stops(release)

    def __call__(self, prompt: list[int], most: int) -> list[int]:
        """The tokens of an answer, the one that ended it included."""
        return _generated(self._model, prompt, max_new_tokens=most, do_sample=False)


def shipped_stops(release: Path) -> list[int]:
    """What ends generation by the release's generation config."""
    from transformers import GenerationConfig

    if not (release / GENERATION_CONFIG).is_file():
        return []
    with quiet(), _as_gate_error(f"transformers cannot read {GENERATION_CONFIG}"):
        found = GenerationConfig.from_pretrained(release, local_files_only=True).eos_token_id
    return sorted(found) if isinstance(found, list) else [] if found is None else [int(found)]


def generated_stop(release: Path, vocab_size: int, token: int) -> bool:
    """Whether transformers ends generation at `token` by the release's generation config: a model of a few numbers is made to
    write it, for whatever the released one writes, the same code ends it."""
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, LogitsProcessorList

    shape = LlamaConfig(vocab_size=vocab_size, hidden_size=2, intermediate_size=2, num_hidden_layers=1, num_attention_heads=1,
                        bos_token_id=None, eos_token_id=None)
    with quiet(), _as_gate_error(f"transformers cannot generate with {GENERATION_CONFIG}"):
        model = cast("GenerationMixin", LlamaForCausalLM(shape))
        model.generation_config = GenerationConfig.from_pretrained(release, local_files_only=True)
        only = LogitsProcessorList([lambda _, scores_bv: torch.full_like(scores_bv, -torch.inf).index_fill_(
            1, torch.tensor([token]), 0.0)])
        return _generated(model, [0], max_new_tokens=3, logits_processor=only) == [token]


def _generated(model: "GenerationMixin", prompt: list[int], **given: object) -> list[int]:
    ids_bs = torch.tensor([prompt])
    with torch.no_grad(), quiet(), _as_gate_error("transformers cannot generate with the release"):
        out_bs = model.generate(ids_bs, attention_mask=torch.ones_like(ids_bs), **given)
    return cast(torch.Tensor, out_bs)[0, len(prompt) :].tolist()


def load_tokenizer(release: Path) -> HfTokenizer:
    with quiet(), _as_gate_error("transformers cannot load the release's tokenizer"):
        return pretrained(release)


def padded(tokenizer: HfTokenizer, conversations: Sequence[Sequence[int]], side: str) -> dict[str, torch.Tensor]:
    """What the released tokenizer makes of them for one call of the model, [b, s]: padding in every row, on the `side` named."""
    longest = max(map(len, conversations)) + 1
    with quiet(), _as_gate_error("transformers cannot pad with the release's tokenizer"):
        found = tokenizer.pad({"input_ids": [list(ids) for ids in conversations]}, padding="max_length", max_length=longest,
                              padding_side=side, return_tensors="pt")
    return {key: found[key] for key in ("input_ids", "attention_mask")}


def _dtype_keyword() -> str:
    """transformers 4.56 renamed `torch_dtype`."""
    import transformers

    return "dtype" if tuple(map(int, transformers.__version__.split(".")[:2])) >= (4, 56) else "torch_dtype"


@contextmanager
def _as_gate_error(what: str) -> Iterator[None]:
    try:
        yield
    except GateError:
        raise
    except Exception as error:  # whatever a foreign loader raises, the release is at fault
        raise GateError(f"{what}: {type(error).__name__}: {error}") from error
