"""All that is asked of transformers: the tensors that a config demands, the model and the tokenizer of a folder."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from megatron_qm.hf.errors import GateError
from megatron_qm.hf_tokenizer import HfTokenizer, pretrained

if TYPE_CHECKING:
    from transformers import PreTrainedModel

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


def demanded_tensors(release: Path) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor that a file of this config.json has to hold; a tied output layer is not stored."""
    from transformers import AutoConfig, AutoModelForCausalLM

    with quiet(), _as_gate_error("transformers cannot make a model of config.json"):
        config = AutoConfig.from_pretrained(release, **_LOCAL)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
    tied = {"lm_head.weight"} if config.tie_word_embeddings else set()
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items() if name not in tied}


def load_model(release: Path, tied: bool) -> torch.nn.Module:
    """The released model in FP32. Raises GateError if it does not load, or not all of it, or is tied otherwise."""
    from transformers import AutoModelForCausalLM

    with quiet(), _as_gate_error("transformers cannot load the release"):
        loaded = AutoModelForCausalLM.from_pretrained(
            release, **_LOCAL, output_loading_info=True, **{_dtype_keyword(): torch.float32}
        )
    # output_loading_info makes it a pair, of which transformers' own hints know nothing.
    model, info = cast("tuple[PreTrainedModel, dict[str, list[object]]]", loaded)
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        if info.get(problem):
            first = sorted(str(key) for key in info[problem])[0]
            raise GateError(f"transformers loads the release with {problem.replace('_', ' ')}: {first}")
    shared = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    if shared != tied:
        is_, should = ("tied", "not tied") if shared else ("not tied", "tied")
        raise GateError(f"lm_head.weight is {is_} to model.embed_tokens.weight; by the checkpoint it is {should}")
    model.eval()
    return model


def load_tokenizer(release: Path) -> HfTokenizer:
    with quiet(), _as_gate_error("transformers cannot load the release's tokenizer"):
        return pretrained(release)


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
