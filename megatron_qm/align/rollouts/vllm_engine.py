"""vLLM as the rollout engine on GPUs (extra: rollout-vllm). vLLM itself is imported when a client is made, not before.

`VllmEngine` knows rollouts, `LocalVllm` knows vLLM; between them lies `VllmClient`, which a server could be behind as well.
vLLM's ranks are the trainer's own processes: each `tensor_parallel` neighbouring ranks hold one engine, and the requests
are shared out over the engines.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch.distributed as dist
from torch import Tensor, nn

from megatron_qm.align.rollouts.rollout import Rollout
from megatron_qm.align.rollouts.weights import hf_named_tensors
from megatron_qm.config.model import ModelConfig
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject
from megatron_qm.model.generation.request import Completion, FinishReason, Request, Sampling
from megatron_qm.model.generation.sampling import stream_of


@dataclass(frozen=True)
class VllmOutput:
    """token_ids with the stop token; logprobs of each at the request's temperature over the whole vocabulary.
    finish_reason and stop_reason as vLLM gives them: "stop" or "length"; the token or string that stopped it."""

    token_ids: Sequence[int]
    logprobs: Sequence[float]
    finish_reason: str | None
    stop_reason: int | str | None = None


class VllmClient(Protocol):
    def generate(self, prompts: Sequence[list[int]], sampling: Sequence[JsonObject]) -> list[VllmOutput]:
        """In order. sampling: keyword arguments of vLLM's SamplingParams."""
        ...

    def load_weights(self, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Take over HF-named tensors; consumes all of `tensors`, and drops what is cached from older weights."""
        ...


class VllmEngine:
    """A RolloutEngine on a VllmClient. `update_weights` comes before the first `generate`."""

    def __init__(self, client: VllmClient, config: ModelConfig, tensor_parallel: int = 1) -> None:
        self._client, self._config, self._tensor_parallel = client, config, tensor_parallel
        self._version: int | None = None
        ranks = dist.get_world_size() if dist.is_initialized() else 1
        if ranks % tensor_parallel:
            raise UserError(f"rollouts: {ranks} ranks cannot be split into vLLM engines of {tensor_parallel}")

    def update_weights(self, model: Sequence[nn.Module], version: int) -> None:
        self._client.load_weights(hf_named_tensors(model, self._config))
        self._version = version

    def generate(self, requests: Sequence[Request]) -> list[Rollout]:
        if self._version is None:
            raise RuntimeError("the engine has no weights yet: update_weights comes first")
        rank = dist.get_rank() if dist.is_initialized() else 0
        engines = dist.get_world_size() // self._tensor_parallel if dist.is_initialized() else 1
        mine = self._mine(requests[rank // self._tensor_parallel :: engines], self._version)
        everyone = [mine]
        if engines * self._tensor_parallel > 1:
            everyone *= engines * self._tensor_parallel
            dist.all_gather_object(everyone, mine)
        return [everyone[i % engines * self._tensor_parallel][i // engines] for i in range(len(requests))]

    def _mine(self, requests: Sequence[Request], version: int) -> list[Rollout]:
        outputs = self._client.generate([list(r.prompt) for r in requests], [sampling_params(r) for r in requests])
        if len(outputs) != len(requests):
            raise RuntimeError(f"vLLM gave {len(outputs)} outputs for {len(requests)} prompts")
        return [Rollout.of(request, completion(request, output), version)
                for request, output in zip(requests, outputs, strict=True)]


def completion(request: Request, output: VllmOutput) -> Completion:
    logprobs = tuple(float(value) for value in output.logprobs)
    if len(logprobs) != len(output.token_ids) or not logprobs:
        raise RuntimeError(f"request {request.key!r}: vLLM gave {len(output.token_ids)} tokens, {len(logprobs)} log-probs")
    return Completion(
        request.key, tuple(int(token) for token in output.token_ids), logprobs,
        behaviour(request.sampling, logprobs), finish_reason(request, output),
    )


def behaviour(sampling: Sampling, logprobs: tuple[float, ...]) -> tuple[float, ...] | None:
    """vLLM gives one kind of log-probability; it is the behaviour's too where nothing is done to the distribution."""
    if sampling.temperature == 0:
        return (0.0,) * len(logprobs)
    banned = sampling.min_tokens > 0 and sampling.stop_tokens
    plain = sampling.top_p == 1 and sampling.top_k == 0 and not banned
    return logprobs if plain else None


def finish_reason(request: Request, output: VllmOutput) -> FinishReason:
    if output.finish_reason == "length":
        return "length"
    if output.finish_reason == "stop":
        return "stop_string" if isinstance(output.stop_reason, str) else "stop"
    raise UserError(f"request {request.key!r}: vLLM ended it as {output.finish_reason!r}; see vLLM's own log for the reason")


def sampling_params(request: Request) -> JsonObject:
    """Keyword arguments of vLLM's SamplingParams. The seed is the request's own, so that it does not matter which engine
    answers, or with which others; vLLM's numbers are not MegatronEngine's."""
    sampling = request.sampling
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k or -1,
        "min_tokens": sampling.min_tokens,
        "max_tokens": sampling.max_new_tokens,
        "stop_token_ids": list(sampling.stop_tokens),
        "stop": list(sampling.stop_strings),
        "include_stop_str_in_output": True,  # the tokens that wrote it are part of what was sampled
        "ignore_eos": True,  # a request names its own stop tokens
        "detokenize": bool(sampling.stop_strings),
        "skip_special_tokens": False,
        "logprobs": 0,  # of the sampled token alone
        "seed": stream_of(request) >> 1,  # vLLM's seeds are signed
    }


class LocalVllm:
    """vLLM inside the trainer's processes, on their GPUs.

    folder: an exported HF folder (its weights are replaced by the first update). memory: share of a GPU that vLLM may take
    for weights and cache. temperature: of all requests; at another than 1 nothing may be cut off (top_p, top_k), for vLLM tells
    log-probabilities before temperature and truncation or after both. Raises UserError where vLLM is not installed.
    """

    def __init__(self, folder: str, *, tensor_parallel: int = 1, memory: float = 0.4, max_positions: int | None = None,
                 temperature: float = 1.0, **options: object) -> None:
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")  # in this process, where the weights are
        try:
            import vllm
        except ImportError:
            raise UserError(
                "vLLM is not installed: pip install -e '.[rollout-vllm]', or take the Megatron engine"
            ) from None
        self._params, self._prompt = vllm.SamplingParams, vllm.TokensPrompt
        distributed = {"distributed_executor_backend": "external_launcher"} if dist.is_initialized() else {}
        self._llm = vllm.LLM(
            model=folder, tensor_parallel_size=tensor_parallel, gpu_memory_utilization=memory, max_model_len=max_positions,
            logprobs_mode="raw_logprobs" if temperature == 1 else "processed_logprobs", seed=0, **distributed, **options,
        )

    def generate(self, prompts: Sequence[list[int]], sampling: Sequence[JsonObject]) -> list[VllmOutput]:
        if not prompts:
            return []
        found = self._llm.generate(
            [self._prompt(prompt_token_ids=prompt) for prompt in prompts],
            [self._params(**params) for params in sampling],
            use_tqdm=False,
        )
        return [self._plain(request.outputs[0]) for request in found]

    def load_weights(self, tensors: Iterable[tuple[str, Tensor]]) -> None:
        self._llm.collective_rpc(_load, args=(tensors,))
        self._llm.reset_prefix_cache()  # keys and values of the old weights

    @staticmethod
    def _plain(output: Any) -> VllmOutput:  # vLLM's CompletionOutput; vLLM is not there to be checked
        tokens = list(output.token_ids)
        logprobs = [step[token].logprob for step, token in zip(output.logprobs, tokens, strict=True)]
        return VllmOutput(tokens, logprobs, output.finish_reason, output.stop_reason)


def _load(worker: Any, tensors: Iterable[tuple[str, Tensor]]) -> None:
    worker.model_runner.model.load_weights(tensors)
