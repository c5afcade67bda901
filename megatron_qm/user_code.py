"""Functions of users, named "module:function": verifiers and hooks. The one place that imports code which a recipe names."""

import importlib
import os
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from megatron_qm.errors import UserError


def load(name: str, where: str) -> Callable[..., Any]:
    """The function `name`, "module:function", looked for in the current folder and then among the packages that are installed.

    where: the key or option that named it, for messages. Raises UserError for a name of another form, a module that is not
    there or fails as it is imported, and for what is no function.
    """
    module, separator, function = name.partition(":")
    if not (separator and all(part.isidentifier() for part in (*module.split("."), function))):
        raise UserError(f"{where}: {name!r} is not of the form module:function, such as my_rewards:score")
    loaded = _module(module, where)
    if not hasattr(loaded, function):
        raise UserError(f"{where}: {name!r}: {loaded.__file__ or module} has no function {function!r}")
    found: object = getattr(loaded, function)
    if not callable(found):
        raise UserError(f"{where}: {name!r} is no function but a {type(found).__name__}")
    return found


def failed(error: BaseException) -> str:
    """In words: where in the user's code `error` arose, its kind, and the first line of what it says."""
    return f"at {place_of(error)}: " + f"{type(error).__name__}: {error}".partition("\n")[0]


def place_of(error: BaseException) -> str:
    """`file:line` of the user's code in which `error` arose: the innermost that is neither ours nor a library's."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _foreign(frame.filename)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "code that is not Python's"


def _module(name: str, where: str) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)  # where `python -m` has it, too: the same module for every process of a job
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # whatever a user's module raises
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            raise UserError(f"{where}: {name!r}: there is no module {error.name!r}, neither in {here} nor among the installed "
                            "packages") from None
        raise UserError(f"{where}: importing {name!r} failed {failed(error)}") from error


_FOREIGN = ("<frozen", *(os.path.dirname(os.path.abspath(file)) + os.sep for file in (__file__, os.__file__)))


def _foreign(file: str) -> bool:
    return file.startswith(_FOREIGN) or "site-packages" in file
