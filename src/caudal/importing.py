"""Code of others: imported only where the caller names it as `module:object`, or by the name of an entry point."""

import importlib
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from caudal.errors import InputError


def import_named(owner: str, argument: str, name: str) -> object:
    """The object that `module:object` names; the module is imported, from the working folder too.

    Arguments:
        owner, argument: of the message.
        name: for example `"my_package.models:Relax"`.

    Raises:
        InputError: the name has another form, the module cannot be imported, or it holds no such object.

    Example:
        >>> import_named("compare", "models", "math:pi")
        3.141592653589793
    """
    module, _, path = name.partition(":")
    if not module or not path:
        raise InputError(owner, argument, f"is {name!r}; expected `module:object`", "Write my_package.models:Relax.")
    return _inside(owner, argument, name, lambda: importlib.import_module(module), path)


def _inside(owner: str, argument: str, name: str, load: Callable[[], object], path: str) -> object:
    try:
        value = _with_working_folder(load)
    except Exception as error:  # whatever a module of the user raises while it is imported
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        fault = f"names {name!r}, which cannot be imported ({reason})"
        remedy = "Run from the folder that holds the module, or install its package."
        raise InputError(owner, argument, fault, remedy) from error
    for part in filter(None, path.split(".")):
        if not hasattr(value, part):
            there = [known for known in dir(value) if not known.startswith("_")]
            listed = f": {', '.join(there[:8])}" if there else ""
            fault = f"names {name!r}, and {name.partition(':')[0]} holds no {part!r}"
            raise InputError(owner, argument, fault, f"Name something that it holds{listed}.")
        value = getattr(value, part)
    return value


def _with_working_folder(load: Callable[[], object]) -> object:
    """What is loaded, found in the working folder where it is nowhere else, as `python -m` finds it."""
    here = str(Path.cwd())
    if "" in sys.path or here in sys.path:
        return load()
    sys.path.append(here)
    importlib.invalidate_caches()
    try:
        return load()
    except BaseException:
        sys.path.remove(here)
        raise


def import_path(value: object) -> str:
    """`module:object` of a class or function; of anything else that of its class.

    Example:
        >>> import_path(InputError), import_path(InputError("a", "b", "c", "d"))
        ('caudal.errors:InputError', 'caudal.errors:InputError')
    """
    target = value if hasattr(value, "__qualname__") else type(value)
    return f"{target.__module__}:{getattr(target, '__qualname__', '')}"


def offered(group: str) -> dict[str, EntryPoint]:
    """Name -> entry point, of what installed packages offer; nothing is imported.

    Arguments:
        group: `caudal.GROUP` of entry points: contenders, metrics, disturbances, datasets or sections.

    Example:
        >>> offered("contenders").get("nobody offers this") is None
        True
    """
    return {point.name: point for point in sorted(entry_points(group=f"caudal.{group}"), key=lambda p: p.value)}


def import_offered(owner: str, argument: str, group: str, name: str) -> object:
    """What an installed package offers under a name.

    Raises:
        InputError: nobody offers it, or it cannot be imported.
    """
    points = offered(group)
    if name not in points:
        known = f"there are {', '.join(points)}" if points else "no installed package offers any"
        raise InputError(owner, argument, f"is {name!r}; {known}", "Install the package that offers it.")
    point = points[name]
    return _inside(owner, argument, point.value, point.load, "")
