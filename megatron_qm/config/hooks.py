"""Functions of the user that a run calls."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class HooksConfig:
    """Each is "module:function", found in the current folder or among the installed packages (docs/extending.md)."""

    after_step: list[str] = field(default_factory=list)  # on every rank, after each step
    after_save: list[str] = field(default_factory=list)  # on rank 0, once a checkpoint has its final name
