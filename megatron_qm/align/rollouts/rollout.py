"""A rollout: a request, its response, and who gave it. One JSON line each, read back to the last bit."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from megatron_qm.align.digest import digest
from megatron_qm.errors import UserError
from megatron_qm.files import atomic_write
from megatron_qm.json_lines import parse_line, raw_lines
from megatron_qm.json_types import JsonObject
from megatron_qm.model.generation.request import Completion, FinishReason, Request

_REASONS = get_args(FinishReason)
_MOST_NATS = 1e6  # of a log-probability
_MOST_TOKENS = 2**31  # of a vocabulary: ids become 32 bits on the way to a model


@dataclass(frozen=True)
class Rollout:
    """logprobs: of the policy that sampled, at the temperature of the sampling. behaviour_logprobs: of the distribution that was
    sampled from (see Completion for both); None where an engine does not say. weights_version: the training step whose weights
    sampled.
    asked: a digest of prompt, sampling and seed, so that work saved for another request is not taken for this one's."""

    key: str
    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    behaviour_logprobs: tuple[float, ...] | None
    finish_reason: FinishReason
    seed: int
    weights_version: int
    asked: str

    @classmethod
    def of(cls, request: Request, completion: Completion, weights_version: int) -> "Rollout":
        return cls(
            key=request.key, prompt=request.prompt, tokens=completion.tokens, logprobs=completion.logprobs,
            behaviour_logprobs=completion.behaviour_logprobs, finish_reason=completion.finish_reason, seed=request.seed,
            weights_version=weights_version, asked=asked(request),
        )

    def answers(self, request: Request) -> bool:
        return self.key == request.key and self.asked == asked(request)

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> "Rollout":
        """Raises ValueError saying what is wrong with `value`."""
        if not isinstance(value, dict):
            raise ValueError("not a JSON object")
        for name in cls.__dataclass_fields__:
            if name not in value:
                raise ValueError(f"has no {name!r}")
        if unknown := sorted(set(value) - set(cls.__dataclass_fields__)):
            raise ValueError(f"{unknown[0]!r} is none of its fields: {', '.join(cls.__dataclass_fields__)}")
        tokens = len(value["tokens"]) if isinstance(value["tokens"], list) else -1
        rules = (
            ("key", isinstance(value["key"], str) and bool(value["key"]), "a string that is not empty"),
            ("prompt", _token_ids(value["prompt"]), "a list of token ids that is not empty"),
            ("tokens", _token_ids(value["tokens"]), "a list of token ids that is not empty"),
            ("logprobs", _numbers(value["logprobs"], tokens), f"a list of {tokens} numbers, one per token"),
            ("behaviour_logprobs", value["behaviour_logprobs"] is None or _numbers(value["behaviour_logprobs"], tokens),
             f"null or a list of {tokens} numbers, one per token"),
            ("finish_reason", value["finish_reason"] in _REASONS, f"one of {', '.join(_REASONS)}"),
            ("seed", _whole(value["seed"]), "an integer"),
            ("weights_version", _whole(value["weights_version"]), "an integer"),
            ("asked", isinstance(value["asked"], str), "a string"),
        )
        for name, holds, wanted in rules:
            if not holds:
                raise ValueError(f"{name} is not {wanted}")
        behaviour = value["behaviour_logprobs"]
        return cls(
            key=value["key"], prompt=tuple(value["prompt"]), tokens=tuple(value["tokens"]), logprobs=tuple(value["logprobs"]),
            behaviour_logprobs=None if behaviour is None else tuple(behaviour), finish_reason=value["finish_reason"],
            seed=value["seed"], weights_version=value["weights_version"], asked=value["asked"],
        )


def asked(request: Request) -> str:
    """A digest of all but the key. Earlier versions kept log-probabilities at temperature 1 whatever was sampled at: their files
    answer no request at another."""
    told = [] if request.sampling.temperature in (0, 1) else ["logprobs at the temperature"]
    return digest([request.prompt, asdict(request.sampling), request.seed, *told])


def read_rollouts(path: Path) -> Iterator[Rollout]:
    """Raises UserError naming the file and the line that is no rollout."""
    for number, line in raw_lines(path):
        yield parse(line, f"{path}, line {number}")


def parse(line: bytes, where: str) -> Rollout:
    try:
        return Rollout.from_json(parse_line(line))
    except ValueError as error:  # of json, of UTF-8 and of from_json
        raise UserError(f"{where}: not a rollout: {error}") from None


def write_rollouts(path: Path, rollouts: Sequence[Rollout]) -> None:
    """All of them or none: the file appears, whole, under its name."""
    try:
        with atomic_write(path) as stream:
            for rollout in rollouts:
                stream.write(line_of(rollout))
    except OSError as error:
        raise UserError(f"{path}: cannot write rollouts: {error.strerror}; mend it and run again") from None


def line_of(rollout: Rollout) -> bytes:
    text = json.dumps(rollout.to_json(), allow_nan=False, separators=(",", ":"))
    return text.encode() + b"\n"


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _token_ids(values: object) -> bool:
    return isinstance(values, list) and bool(values) and all(_whole(v) and 0 <= v < _MOST_TOKENS for v in values)


def _numbers(values: object, count: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == count
        and all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) <= _MOST_NATS for v in values)
    )
