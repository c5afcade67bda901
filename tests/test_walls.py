"""Who may know whom (docs/architecture.md). Imports are read from the source, nothing is run."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TORCH = {"torch", "megatron", "transformer_engine"}
ROOMS = {"config", "platform", "model", "data", "train", "checkpoint", "hf", "rewards", "align", "evals", "observe",
         "plan", "drills", "serving", "costs"}

# room: rooms that it may import (errors, files and json_types are free to all)
MAY_IMPORT = {
    "config": set(),
    "rewards": set(),
    "platform": set(),
    "data": set(),
    "costs": {"config"},
    "observe": {"config", "costs"},
    "plan": {"config", "costs"},
    "drills": {"config", "platform", "checkpoint"},
    "model": {"config", "platform"},
    "checkpoint": {"config", "platform", "model"},
    "train": {"config", "platform", "model", "data", "checkpoint", "observe", "costs", "plan"},
    "hf": {"config", "platform", "model", "checkpoint"},
    "evals": {"config", "platform", "model", "data", "train", "checkpoint", "rewards", "hf"},
    "serving": {"model", "checkpoint"},
    "align": ROOMS - {"align"},
}
WITHOUT_TORCH = [*(f"megatron_qm/{room}" for room in ("config", "costs", "plan", "rewards", "data")), "data_tools"]


def imports(path: Path) -> set[str]:
    """Full names of the modules that a file imports anywhere, functions included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    for path in files(f"megatron_qm/{room}"):
        known = {name.split(".")[1] for name in imports(path) if name.startswith("megatron_qm.")}
        strangers = (known & ROOMS) - MAY_IMPORT[room] - {room}
        assert not strangers, f"{path.relative_to(ROOT)} imports {sorted(strangers)}"


@pytest.mark.parametrize("folder", WITHOUT_TORCH)
def test_a_folder_without_torch(folder: str) -> None:
    for path in files(folder):
        heavy = {name.split(".")[0] for name in imports(path)} & TORCH
        assert not heavy, f"{path.relative_to(ROOT)} imports {sorted(heavy)}"


def test_data_tools_know_the_dataset_format_and_nothing_else_of_the_trainer() -> None:
    """And lines of JSON; the form of an outcome, for the gold reward is a verifier; what a model that grades is asked; and of
    configs what reads any dataclass from YAML, which knows no key of the trainer's; and of pages the frame and the tables."""
    allowed = ("megatron_qm.errors", "megatron_qm.files", "megatron_qm.data.indexed", "megatron_qm.data.tokenizer_identity",
               "megatron_qm.json_lines", "megatron_qm.json_types", "megatron_qm.rewards.outcome",
               "megatron_qm.rewards.grading", "megatron_qm.yaml_nodes",
               "megatron_qm.observe.page.document", "megatron_qm.observe.page.table",
               *(f"megatron_qm.config.{name}" for name in ("bounds", "build", "hints", "keys", "load", "tree")))
    for path in files("data_tools"):
        ours = {name for name in imports(path) if name.startswith("megatron_qm.")}
        strangers = {name for name in ours if not name.startswith(allowed)}
        assert not strangers, f"{path.relative_to(ROOT)} imports {sorted(strangers)}"


def test_only_platform_asks_for_cuda() -> None:
    for path in files("megatron_qm"):
        if "platform" not in path.parts:
            asks = [node for node in ast.walk(ast.parse(path.read_text()))
                    if isinstance(node, ast.Attribute) and node.attr == "is_available"]
            assert not asks, f"{path.relative_to(ROOT)}:{asks[0].lineno} branches on CUDA"


def test_package_files_are_empty_so_that_importing_a_room_costs_nothing() -> None:
    for path in files("megatron_qm"):
        if path.name == "__init__.py" and path.parent.name != "megatron_qm":
            assert not path.read_text(), path


def _modules() -> dict[str, Path]:
    """{megatron_qm.train.loop: its file} of both packages."""
    found = {}
    for folder in ("megatron_qm", "data_tools"):
        for path in files(folder):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def test_no_file_imports_itself_by_way_of_others() -> None:
    """Imports inside of functions and those for type checkers too."""
    modules = _modules()
    waiting = {name: {other for other in imported(path) if other in modules} - {name, "megatron_qm", "data_tools"}
               for name, path in modules.items()}
    while free := [name for name in waiting if not waiting[name] or name not in set().union(*waiting.values())]:
        for name in free:  # what imports nothing that is left, and what nothing that is left imports
            del waiting[name]
        waiting = {name: others & waiting.keys() for name, others in waiting.items()}
    assert not waiting, f"in circles: {waiting}"


def imported(path: Path) -> set[str]:
    """Modules named in imports: `from a import b` may mean module a or module a.b."""
    return {part for name in imports(path) for part in (name, name.rpartition(".")[0])}


def test_rooms_are_in_no_circle() -> None:
    waiting = {room: set(may) for room, may in MAY_IMPORT.items()}
    while free := [room for room, may in waiting.items() if not may & waiting.keys()]:
        for room in free:
            del waiting[room]
    assert not waiting, f"rooms in circles: {sorted(waiting)}"


def test_the_architecture_page_names_what_is_there() -> None:
    """Its tree, and every room in it."""
    block = (ROOT / "docs" / "architecture.md").read_text().split("```")[1]
    folder, named = ROOT, []
    for line in filter(str.strip, block.splitlines()):
        name = line.split()[0]
        path = (folder if line.startswith("  ") else ROOT) / name
        assert path.exists(), f"docs/architecture.md names {name}, which is not there"
        named.append(path)
        if not line.startswith("  "):
            folder = path
    for room in ROOMS:
        assert ROOT / "megatron_qm" / room in named, f"docs/architecture.md leaves out {room}"
