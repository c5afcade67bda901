"""Responses to prompts from the weights in training: no copy, no second model.

Sequences run in slots. One that ends leaves, the last takes its slot, and waiting prompts come in as soon as there is
room, so no step is spent on what is finished. Every rank of a model replica walks through the same steps; the last
pipeline stage draws and tells the others.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
import torch.distributed as dist
from megatron.core import parallel_state
from megatron.core.distributed import DistributedDataParallel
from torch import Tensor, nn

from megatron_qm.errors import UserError
from megatron_qm.model.generation.cache import Decode, KeyValueCache, Prefill, cached
from megatron_qm.model.generation.forward import PackedForward
from megatron_qm.model.generation.request import Completion, Request, check_keys
from megatron_qm.model.generation.running import Running
from megatron_qm.model.generation.sampling import draw, uniform
from megatron_qm.model.language_model import LanguageModel, unwrap

Detokenize = Callable[[Sequence[int]], str]


def generate(
    model: Sequence[nn.Module],
    requests: Sequence[Request],
    *,
    max_sequences: int = 64,
    max_prefill_tokens: int = 8192,
    detokenize: Detokenize | None = None,
    move: Callable[[], None] = lambda: None,
) -> list[Completion]:
    """One completion per request, in order, the same list on every rank (all ranks must call with the same requests).

    model: this rank's chunks, wrapped in DDP or not. Requests are shared out over data (and context) parallel ranks.
    max_sequences: how many run at once on a rank. max_prefill_tokens: prompt tokens of one forward pass. detokenize: token
    ids to text, needed where a request has stop strings. move: called after every token of a rank's sequences.
    Raises UserError, on every rank, for a request that cannot be served (before anything is generated) and for weights that
    give no finite numbers.
    """
    chunks = unwrap(model)
    _check(requests, chunks[0], detokenize)
    group = parallel_state.get_data_parallel_group(with_context_parallel=True)
    mine = list(requests[group.rank() :: group.size()])
    with torch.no_grad(), _resting(model, chunks), cached(chunks) as cache:
        done = _run(_Generator(chunks, cache, max_sequences, max_prefill_tokens, detokenize, move), mine)
    everyone: list[dict[int, Completion] | UserError] = [done]
    if group.size() > 1:
        everyone *= group.size()
        dist.all_gather_object(everyone, done, group=group)
    for error in everyone:
        if isinstance(error, UserError):
            raise error
    return [everyone[index % group.size()][index // group.size()] for index in range(len(requests))]


def _run(generator: "_Generator", requests: Sequence[Request]) -> dict[int, Completion] | UserError:
    """An error is a result too: the other replicas wait for one."""
    try:
        return dict(generator.run(requests))
    except UserError as error:
        return error


class _Generator:
    """The running sequences of one model replica."""

    def __init__(
        self, chunks: Sequence[LanguageModel], cache: KeyValueCache, max_sequences: int, max_prefill_tokens: int,
        detokenize: Detokenize | None, move: Callable[[], None],
    ) -> None:
        self._chunks, self._cache, self._detokenize, self._move = chunks, cache, detokenize, move
        self._max_sequences, self._max_prefill_tokens = max_sequences, max_prefill_tokens
        self._device = next(chunks[0].parameters()).device
        self._running: list[Running] = []  # by slot

    def run(self, requests: Sequence[Request]) -> Iterator[tuple[int, Completion]]:
        """(index in `requests`, completion) as they end."""
        if not requests:
            return
        longest = max(len(r.prompt) + r.sampling.max_new_tokens for r in requests)
        forward = PackedForward(self._chunks, longest)
        waiting = [Running(index, request) for index, request in enumerate(requests)][::-1]
        while waiting or self._running:
            arriving = self._admit(waiting)
            if arriving:
                yield from self._prefill(forward, arriving)
            elif self._running:
                yield from self._decode(forward)
            self._move()

    def _admit(self, waiting: list[Running]) -> list[Running]:
        """The next prompts for which there are slots and, at a time, tokens; a long prompt goes alone."""
        arriving: list[Running] = []
        prompts: set[tuple[int, ...]] = set()
        tokens = 0
        while waiting and len(self._running) + len(arriving) < self._max_sequences:
            prompt = waiting[-1].request.prompt
            tokens += 0 if prompt in prompts else len(prompt)
            if arriving and tokens > self._max_prefill_tokens:
                break
            prompts.add(prompt)
            arriving.append(waiting.pop())
        return arriving

    def _prefill(self, forward: PackedForward, arriving: list[Running]) -> Iterator[tuple[int, Completion]]:
        """A prompt that several requests share is read once (the samples of a group in RL)."""
        first = len(self._running)
        self._running += arriving
        sharing: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for slot, sequence in enumerate(arriving, start=first):
            sharing[sequence.request.prompt].append(slot)
        tokens: list[int] = []
        positions: list[int] = []
        pieces: list[tuple[int, int, list[int]]] = []
        rows = [0] * len(arriving)
        for prompt, slots in sharing.items():
            pieces.append((len(tokens), len(tokens) + len(prompt), slots))
            tokens += prompt
            positions += range(len(prompt))
            for slot in slots:
                rows[slot - first] = len(tokens) - 1
        self._cache.reserve(len(self._running), max(len(prompt) for prompt in sharing) + 1)
        self._cache.set(Prefill(pieces))
        yield from self._choose(forward(tokens, positions, rows), first)

    def _decode(self, forward: PackedForward) -> Iterator[tuple[int, Completion]]:
        positions = [sequence.length - 1 for sequence in self._running]
        step = Decode.at(positions, self._device)
        self._cache.reserve(len(self._running), step.longest)
        self._cache.set(step)
        logits_bv = forward([sequence.last for sequence in self._running], positions, range(len(self._running)))
        yield from self._choose(logits_bv, 0)

    def _choose(self, logits_bv: Tensor | None, first: int) -> Iterator[tuple[int, Completion]]:
        """Draw for the sequences in slots `first` and up, and let go of those that end."""
        sequences = self._running[first:]
        numbers_3b = torch.empty(3, len(sequences), dtype=torch.float64, device=self._device)
        if logits_bv is not None:
            drawn = draw(
                logits_bv, [s.request.sampling for s in sequences], [len(s.tokens) for s in sequences],
                [uniform(s.stream, len(s.tokens)) for s in sequences],
            )
            numbers_3b.copy_(torch.stack([drawn.token_b.double(), drawn.logprob_b, drawn.behaviour_b]))
        for sequence, token, logprob, behaviour in zip(sequences, *_from_last_stage(numbers_3b).tolist(), strict=True):
            if not math.isfinite(logprob):
                raise UserError(
                    f"request {sequence.request.key!r}: token {len(sequence.tokens)} has the log-probability {logprob}: the "
                    "weights hold NaN or infinity, or the precision is too low for them; generate from an earlier checkpoint"
                )
            sequence.append(int(token), logprob, behaviour, self._detokenize)
        for slot in reversed(range(first, len(self._running))):
            if self._running[slot].finish_reason:
                yield self._running[slot].index, self._leave(slot).completion()

    def _leave(self, slot: int) -> Running:
        """The last sequence takes the slot of the one that leaves."""
        gone, last = self._running[slot], self._running.pop()
        if last is not gone:
            self._cache.move(len(self._running), slot, last.length - 1)  # its newest token is not in the cache yet
            self._running[slot] = last
        return gone


def _from_last_stage(numbers: Tensor) -> Tensor:
    """One rank's word for all of a replica: ranks that drew for themselves could differ by a rounding, and then hang."""
    group = parallel_state.get_model_parallel_group()
    if group.size() > 1:
        tp = parallel_state.get_tensor_model_parallel_world_size()
        dist.broadcast(numbers, dist.get_global_rank(group, group.size() - tp), group=group)
    return numbers


@contextmanager
def _resting(model: Sequence[nn.Module], chunks: Sequence[LanguageModel]) -> Iterator[None]:
    """Training's helpers stand still: evaluation mode, and parameters gathered at once instead of on the way."""
    modes = [chunk.training for chunk in chunks]
    with ExitStack() as stack:
        for wrapped in model:
            if isinstance(wrapped, DistributedDataParallel) and wrapped.ddp_config.overlap_param_gather:
                wrapped.disable_forward_pre_hook()
                stack.callback(wrapped.enable_forward_pre_hook)
        for chunk, mode in zip(chunks, modes, strict=True):
            stack.callback(chunk.train, mode)
            chunk.eval()
        yield


def _check(requests: Sequence[Request], model: LanguageModel, detokenize: Detokenize | None) -> None:
    check_keys(requests)
    if model.config.tp_comm_overlap:
        raise UserError("generation needs parallel.overlap_tp=false: its buffers hold one micro-batch of training")
    for request in requests:
        name, sampling, limit = f"request {request.key!r}", request.sampling, model.max_sequence_length
        if not request.prompt:
            raise UserError(f"{name}: the prompt is empty; give it at least one token (such as the document start)")
        if not all(0 <= token < model.real_vocab_size for token in request.prompt):
            bad = next(token for token in request.prompt if not 0 <= token < model.real_vocab_size)
            raise UserError(f"{name}: token {bad} is outside the vocabulary of {model.real_vocab_size}; wrong tokenizer?")
        if len(request.prompt) + sampling.max_new_tokens > limit:
            raise UserError(
                f"{name}: a prompt of {len(request.prompt)} tokens and max_new_tokens = {sampling.max_new_tokens} are more "
                f"than the model's max_positions = {limit}; shorten the prompt or lower max_new_tokens"
            )
        if sampling.stop_strings and detokenize is None:
            raise UserError(f"{name}: stop_strings need a tokenizer to turn tokens into text")
