"""From the name of a recipe to its file."""

import difflib
from collections.abc import Iterable
from pathlib import Path

from megatron_qm.errors import UserError

RECIPES = Path(__file__).parents[1] / "recipes"


def shipped_recipes() -> dict[str, Path]:
    return {recipe.stem: recipe for recipe in sorted(RECIPES.glob("*.yaml"))}


def find_recipe(name: str, folder: Path = Path()) -> Path:
    """A path to a YAML file, seen from `folder`, or the name of a recipe that ships with the package. Raises UserError
    otherwise."""
    path = folder / name
    if path.suffix in (".yaml", ".yml") or path.is_file():
        if not path.is_file():
            near = difflib.get_close_matches(path.name, [other.name for other in path.parent.glob("*.y*ml")], n=1)
            raise UserError(f"{path}: no such recipe file" + (f"; did you mean {path.parent / near[0]}?" if near else ""))
        return path
    shipped = shipped_recipes()
    if name in shipped:
        return shipped[name]
    near = difflib.get_close_matches(name, shipped, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "give a .yaml file."
    raise UserError(f"no recipe named {name!r}; {hint} Shipped recipes: {', '.join(shipped)}")


def as_arguments(recipes: Iterable[str]) -> list[str]:
    """The words of a command line that names them again."""
    return [word for recipe in recipes for word in ("--config", recipe)]
