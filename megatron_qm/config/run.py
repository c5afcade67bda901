"""The door of this room: from the names of recipes to a whole run."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from megatron_qm.config.build import build
from megatron_qm.config.recipes import find_recipe
from megatron_qm.config.require import BrokenRuleError
from megatron_qm.config.rules import check
from megatron_qm.config.run_config import RunConfig
from megatron_qm.config.tree import read
from megatron_qm.errors import UserError

__all__ = ["RunConfig", "find_recipe", "load_run"]

R = TypeVar("R", bound=RunConfig)


def load_run(recipe: str | Path | Sequence[str | Path], overrides: Sequence[str] = (),
             kind: type[R] = RunConfig,  # type: ignore[assignment]  # a default for R, which Python 3.11 cannot state
            
             complete: Callable[[R], R] = lambda config: config, rules: Callable[[R], None] = lambda config: None) -> R:
    """The resolved and checked config of a run, of one recipe or several (a later one wins).

    `complete` may fill it in before it is checked; `rules` are those of its stage, beside every run's. Raises UserError with
    the place, the key, the value and the rule broken."""
    tree = read([recipe] if isinstance(recipe, str | Path) else recipe, overrides)
    config = build(kind, tree)
    try:
        _refuse_other_head(config)
        config = complete(config)
        config = replace(config, model=replace(config.model, head=config.head).resolved())
        check(config)
        rules(config)
    except UserError as error:
        keys = error.keys if isinstance(error, BrokenRuleError) else ()
        raise UserError(f"{tree.place(keys)}: {error}") from None
    return config


def _refuse_other_head(config: RunConfig) -> None:
    if config.model.head not in (None, config.head):
        raise BrokenRuleError(f"model.head = {config.model.head}: stage {config.stage} trains a model whose head is "
                              f"{config.head}; leave it out", "model.head")
