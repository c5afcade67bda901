"""All whom the first rank asks for rl.rewards about a batch: verifiers in the pool, and scorers beside it."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from megatron_qm.align.rl.fusion.components import Said
from megatron_qm.align.rl.fusion.scorers import EndpointScorer, Scorer
from megatron_qm.align.rl.fusion.sources import Source, asked_by, asks, sources_of, token_for
from megatron_qm.config.rl import RlConfig
from megatron_qm.errors import UserError
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Outcome, Unscored, outcome_of
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.registry import Verifiers
from megatron_qm.rewards.samples import Sample, in_words

T = TypeVar("T")


def endpoint_scorers(config: RlConfig) -> dict[Source, Scorer]:
    """Raises UserError where an endpoint's token is not set."""
    sources = sources_of(config.rewards)
    token = token_for(sources)
    return {source: EndpointScorer(source, token, config.verifier.seconds) for source in sources if source.endpoint is not None}


class Panel:
    """own: makes a sample of an item for its own verifier. scorers: who answers for the sources that the pool does not."""

    def __init__(
        self, config: RlConfig, pool: VerifierPool, verifiers: Verifiers, own: Callable[[Item, str], Sample],
        scorers: Mapping[Source, Scorer],
    ) -> None:
        self._rewards, self._pool, self._verifiers, self._own, self._scorers = config.rewards, pool, verifiers, own, scorers

    def said(self, items: Sequence[Item], texts: Sequence[str]) -> Said:
        """All at once: the pool is busy while endpoints answer. Reward models in the ranks say nothing here. Raises UserError for
        what the user must mend."""
        asked = {source: [n for n, item in enumerate(items) if asks(self._rewards, source, item)]
                 for source in sources_of(self._rewards)}
        here = [(source, n) for source in asked if source.in_pool and source not in self._scorers for n in asked[source]]
        with ThreadPoolExecutor(max(len(self._scorers), 1), thread_name_prefix="scorer") as threads:
            waiting = {source: threads.submit(_scores, scorer, _of(items, asked[source]), _of(texts, asked[source]))
                       for source, scorer in self._scorers.items()}
            judged = self._pool.score([self._sample(source, items[n], texts[n]) for source, n in here])
            found = {source: future.result() for source, future in waiting.items()}
        said: dict[str, list[Outcome | None]] = {source.label: [None] * len(items) for source in asked}
        for (source, n), outcome in zip(here, judged, strict=True):
            said[source.label][n] = outcome
        for source, outcomes in found.items():
            for n, outcome in zip(asked[source], outcomes, strict=True):
                said[source.label][n] = outcome
        return said

    def _sample(self, source: Source, item: Item, text: str) -> Sample:
        if source.verifier is None:
            return self._own(item, text)
        judged = asked_by(source, item, self._verifiers)
        return Sample(judged.judged_by, item.question, text, item.reference, judged.metadata)


def _of(column: Sequence[T], places: Sequence[int]) -> list[T]:
    return [column[n] for n in places]


def _scores(scorer: Scorer, items: Sequence[Item], texts: Sequence[str]) -> list[Outcome]:
    """Whatever a scorer does, one outcome for each, as from the pool."""
    try:
        found = [outcome_of(one) for one in scorer.scores(items, texts)] if items else []
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  a scorer may be anybody's
        return [Unscored(f"exception: {type(error).__name__}: {in_words(error)}")] * len(items)
    if len(found) != len(items):
        return [Unscored(f"scorer: {len(found)} outcomes of {len(items)} responses")] * len(items)
    return found
