"""Responses to prompts from the weights in training: no copy, no second model.

Sequences run in slots. One that ends leaves, the last takes its slot, and waiting prompts come in as soon as there is
room, so no step is spent on what is finished. Every rank of a model replica walks through the same steps; the last
pipeline stage draws and tells the others.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
import torch.distributed as dist
from megatron.core import parallel_state
from megatron.core.distributed import DistributedDataParallel
from torch import Tensor, nn

from megatron_qm.errors import UserError
from megatron_qm.model.generation.cache import Decode, KeyValueCache, Prefill, cached
from megatron_qm.model.generation.feed import Feed, Listed
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
    check_keys(requests)
    for request in requests:
        _check(request, chunks[0], detokenize)
    group = parallel_state.get_data_parallel_group(with_context_parallel=True)
    feed = Listed(requests[group.rank() :: group.size()])
    longest = max((len(r.prompt) + r.sampling.max_new_tokens for r in requests), default=1)
    with _generating(model, chunks) as cache:
        done = _done(_Generator(chunks, cache, longest, max_sequences, max_prefill_tokens, detokenize, move), feed)
    everyone: list[dict[int, Completion] | UserError] = [done]
    if group.size() > 1:
        everyone *= group.size()
        dist.all_gather_object(everyone, done, group=group)
    for error in everyone:
        if isinstance(error, UserError):
            raise error
    return [everyone[index % group.size()][index // group.size()] for index in range(len(requests))]


def answer(
    model: Sequence[nn.Module], feed: Feed, *, max_sequences: int = 64, max_prefill_tokens: int = 8192,
    detokenize: Detokenize | None = None,
) -> None:
    """Answers what comes to `feed`, until nothing runs and nothing has come. Requests join what is running as slots become free,
    on all ranks of one model replica together. What cannot be served, or not be generated, is told to the feed."""
    chunks = unwrap(model)
    with _generating(model, chunks) as cache:
        longest = chunks[0].max_sequence_length
        _Generator(chunks, cache, longest, max_sequences, max_prefill_tokens, detokenize).run(feed)


def _done(generator: "_Generator", feed: Listed) -> dict[int, Completion] | UserError:
    """An error is a result too: the other replicas wait for one."""
    try:
        generator.run(feed)
    except UserError as error:
        return error
    return feed.done


class _Generator:
    """The running sequences of one model replica. longest: positions of the longest sequence."""

    def __init__(
        self, chunks: Sequence[LanguageModel], cache: KeyValueCache, longest: int, max_sequences: int,
        max_prefill_tokens: int, detokenize: Detokenize | None, move: Callable[[], None] = lambda: None,
    ) -> None:
        self._model, self._cache, self._detokenize, self._move = chunks[0], cache, detokenize, move
        self._forward = PackedForward(chunks, longest)
        self._max_sequences, self._max_prefill_tokens = max_sequences, max_prefill_tokens
        self._device = next(chunks[0].parameters()).device
        self._running: list[Running] = []  # by slot

    def run(self, feed: Feed) -> None:
        """Until nothing is left to do and there is no news."""
        waiting: deque[Running] = deque()
        while True:
            self._hear(feed, waiting)
            arriving = self._admit(waiting)
            if arriving:
                self._prefill(feed, arriving)
            elif self._running:
                self._decode(feed)
            else:
                return
            self._move()

    def _hear(self, feed: Feed, waiting: deque[Running]) -> None:
        news = feed.news()
        for number, request in news.arrived:
            try:
                _check(request, self._model, self._detokenize)
                waiting.append(Running(number, request))
            except UserError as error:
                feed.ended(number, error)
        if news.gone:
            left = [sequence for sequence in waiting if sequence.index not in news.gone]
            waiting.clear()
            waiting.extend(left)
            for slot in reversed(range(len(self._running))):
                if self._running[slot].index in news.gone:
                    self._leave(slot)

    def _admit(self, waiting: deque[Running]) -> list[Running]:
        """The next prompts for which there are slots and, at a time, tokens; a long prompt goes alone."""
        arriving: list[Running] = []
        prompts: set[tuple[int, ...]] = set()
        tokens = 0
        while waiting and len(self._running) + len(arriving) < self._max_sequences:
            prompt = waiting[0].request.prompt
            tokens += 0 if prompt in prompts else len(prompt)
            if arriving and tokens > self._max_prefill_tokens:
                break
            prompts.add(prompt)
            arriving.append(waiting.popleft())
        return arriving

    def _prefill(self, feed: Feed, arriving: list[Running]) -> None:
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
        self._choose(feed, self._forward(tokens, positions, rows), first)

    def _decode(self, feed: Feed) -> None:
        positions = [sequence.length - 1 for sequence in self._running]
        step = Decode.at(positions, self._device)
        self._cache.reserve(len(self._running), step.longest)
        self._cache.set(step)
        logits_bv = self._forward([sequence.last for sequence in self._running], positions, range(len(self._running)))
        self._choose(feed, logits_bv, 0)

    def _choose(self, feed: Feed, logits_bv: Tensor | None, first: int) -> None:
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
            sequence.append(int(token), logprob, behaviour, self._detokenize)
        for slot in reversed(range(first, len(self._running))):
            sequence = self._running[slot]
            if sequence.error is None:
                feed.wrote(sequence.index, sequence.last)
            if sequence.result is not None:
                self._leave(slot)
                feed.ended(sequence.index, sequence.result)

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
def _generating(model: Sequence[nn.Module], chunks: Sequence[LanguageModel]) -> Iterator[KeyValueCache]:
    with torch.no_grad(), _resting(model, chunks), cached(chunks) as cache:
        yield cache


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


def _check(request: Request, model: LanguageModel, detokenize: Detokenize | None) -> None:
    if model.config.tp_comm_overlap:
        raise UserError("generation needs parallel.overlap_tp=false: its buffers hold one micro-batch of training")
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
