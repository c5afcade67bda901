"""--overwrite takes the place of what the same command wrote, as it wrote it, and of nothing else."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from megatron_qm.checkpoint.archive.restore import restore
from megatron_qm.checkpoint.archive.write import archive
from megatron_qm.checkpoint.manifest import verify
from megatron_qm.checkpoint.staging import CHECKPOINT, staged
from megatron_qm.errors import UserError
from megatron_qm.hf.export_hf import export_hf
from megatron_qm.hf.import_hf import import_hf
from tests.hf.models import save_random_model

Write = Callable[[Path, Path], object]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An HF folder, the checkpoint that it becomes, and the archive of that."""
    root = tmp_path_factory.mktemp("staging")
    save_random_model(root / "hf", "llama-tied")
    archive(import_hf(root / "hf", root / "ckpt"), str(root / "archive"))
    return root


def _export(source: Path, output: Path) -> None:
    export_hf(source / "ckpt", output, dtype="fp32", no_tokenizer=True, skip_logits=True, overwrite=True)


COMMANDS: dict[str, Write] = {
    "import-hf": lambda source, output: import_hf(source / "hf", output, overwrite=True),
    "export-hf": _export,
    "archive": lambda source, output: archive(source / "ckpt", str(output), overwrite=True),
    "restore": lambda source, output: restore(str(source / "archive"), output, overwrite=True),
}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def another_file(output: Path) -> None:
    (output / "thesis.txt").write_text("years of work")


def another_folder(output: Path) -> None:
    deepest = next(path for path in sorted(output.iterdir(), reverse=True) if path.is_dir() or path.suffix == ".safetensors")
    folder = deepest if deepest.is_dir() else output / "notes"
    folder.mkdir(exist_ok=True)
    (folder / "plan.md").write_text("of next year")


def a_link(output: Path) -> None:
    (output / "data").symlink_to(output.parent)


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_wrote_is_replaced_and_what_it_did_not_is_not(command: str, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    write = COMMANDS[command]
    write(source, output)
    write(source, output)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    for add in (another_file, another_folder, a_link):
        copied = Path(shutil.copytree(output, tmp_path / add.__name__))
        add(copied)
        before = contents(copied)
        with pytest.raises(UserError, match=f"{add.__name__}: not replaced: .* would be lost"):
            write(source, copied)
        assert contents(copied) == before
    with pytest.raises(UserError, match="is a link"):
        write(source, Path(shutil.copytree(output, tmp_path / "real", symlinks=True)) and _linked(tmp_path))
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def _linked(root: Path) -> Path:
    (root / "link").symlink_to(root / "real")
    return root / "link"


@pytest.mark.parametrize("command", ["import-hf", "export-hf", "restore"])
def test_a_file_that_was_edited_since_is_not_lost(command: str, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    COMMANDS[command](source, output)
    for name in [name for name in contents(output) if name not in ("manifest.json", "gate.json")][:4]:
        kept = (output / name).read_bytes()
        (output / name).write_bytes(b"x" + kept[1:])
        with pytest.raises(UserError, match="not as this command wrote it"):
            COMMANDS[command](source, output)
        assert (output / name).read_bytes() == b"x" + kept[1:]
        (output / name).write_bytes(kept)
    COMMANDS[command](source, output)


def test_a_model_that_somebody_else_made_is_not_replaced_by_a_release(source: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(source / "hf", tmp_path / "hf"))
    for report in (None, "{}", "[]", '{"files": {"config.json": 5}}', "{" * 3000):
        if report is not None:
            (copied / "gate.json").write_text(report)
        before = contents(copied)
        with pytest.raises(UserError, match="not replaced"):
            _export(source, copied)
        assert contents(copied) == before


def test_what_comes_while_the_work_lasts_is_not_lost(source: Path, tmp_path: Path) -> None:
    output = Path(shutil.copytree(source / "ckpt", tmp_path / "out"))
    with pytest.raises(UserError, match="thesis.txt"), staged(output, CHECKPOINT, True) as folder:
        (folder / "new").write_text("x")
        another_file(output)
    assert (output / "thesis.txt").exists() and [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_replacement_put_aside_gets_its_name_back(source: Path, tmp_path: Path) -> None:
    dead = 2**22 + 1  # above Linux's largest process id
    aside = tmp_path / f".out.{dead}.0a1b2c3d.replaced"
    shutil.copytree(source / "ckpt", aside)
    with pytest.raises(UserError, match="exists; choose another"):
        import_hf(source / "hf", tmp_path / "out")
    verify(tmp_path / "out")
    os.rename(shutil.copytree(tmp_path / "out", tmp_path / "again"), aside)  # killed after the new one had the name
    import_hf(source / "hf", tmp_path / "out", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
