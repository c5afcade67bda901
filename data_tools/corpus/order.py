"""Stages that cannot do what is asked where they stand, told before any work."""

from data_tools.corpus.config import Asked
from megatron_qm.errors import UserError


def check_order(asked: Asked) -> None:
    """Raises UserError."""
    configs = {stage.name: config for stage, config in asked.stages}
    names = list(configs)
    _check_grades(configs, names)
    if "deidentify" in names:
        return
    for source in asked.config.sources:
        if source.kind == "record" and not source.deidentified:
            raise UserError(f"sources: {source.name}: records hold what identifies persons, and no stage takes it out: name "
                            "deidentify among the stages, or say deidentified: true of the source where who gave it did so")


def _check_grades(configs: dict[str, object], names: list[str]) -> None:
    best = getattr(configs.get("deduplicate"), "best", "")
    if best == "grade" and "grade" not in names[: names.index("deduplicate")]:
        raise UserError("stages: deduplicate keeps the best of duplicates by their grade (best: grade), so the stage grade has "
                        "to stand before it; put it there, or leave best out")
