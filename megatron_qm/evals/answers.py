"""Items put to a model: greedy responses, verdicts."""

from collections.abc import Callable, Sequence

from torch import nn

from megatron_qm.model.generation.generate import generate
from megatron_qm.model.generation.request import Request, Sampling
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Outcome
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.registry import longest_wait
from megatron_qm.rewards.samples import Sample
from megatron_qm.tokenizer import TextTokenizer

Answer = Callable[[Sequence[tuple[int, ...]]], list[tuple[int, ...]]]  # prompts -> responses, token ids, in order


def texts_of(items: Sequence[Item], responses: Sequence[Sequence[int]], tokenizer: TextTokenizer) -> list[str]:
    """What verifiers see of each response, token ids: all that the model wrote, with the beginning that its prompt has of it. An
    answer whose thought was opened there and never closed is none."""
    asked = {item.key: item for item in items}  # many responses of RL answer one
    openings = {key: tokenizer.opening(item.messages) for key, item in asked.items()}
    return [openings[item.key] + tokenizer.written(tokens) for item, tokens in zip(items, responses, strict=True)]


def megatron_answers(model: Sequence[nn.Module], stops: tuple[int, ...], max_new_tokens: int, max_sequences: int = 64) -> Answer:
    """Greedy, on our own generation; all ranks call it together."""
    sampling = Sampling(temperature=0.0, max_new_tokens=max_new_tokens, stop_tokens=stops)

    def answer(prompts: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
        requests = [Request(str(number), prompt, sampling) for number, prompt in enumerate(prompts)]
        return [completion.tokens for completion in generate(model, requests, max_sequences=max_sequences)]

    return answer


def judged(items: Sequence[Item], texts: Sequence[str], workers: int = 2, seconds: float = 20.0) -> list[Outcome]:
    """Verdicts in processes that can be killed: a verifier that hangs costs one Unscored."""
    samples = [
        Sample(item.judged_by, item.question, text, item.reference, item.metadata)
        for item, text in zip(items, texts, strict=True)
    ]
    longest = max((longest_wait(sample.verifier) for sample in samples), default=0.0)
    with VerifierPool(workers, max(seconds, longest)) as pool:
        return pool.score(samples)
