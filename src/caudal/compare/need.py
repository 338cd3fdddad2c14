"""Optional packages of the compare room, imported when they are needed."""

from importlib import import_module
from typing import Any

from caudal.errors import MissingExtraError


def need(owner: str, package: str) -> Any:
    """Import a package of the extra `compare`.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise MissingExtraError(owner, package.split(".")[0], "compare") from error
