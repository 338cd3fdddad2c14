"""Optional packages, imported when they are needed."""

from importlib import import_module
from typing import Any

from caudal.errors import MissingExtraError


def need(owner: str, package: str, extra: str = "data") -> Any:
    """Import an optional package by name.

    Raises:
        MissingExtraError: it is not installed; the message holds the command that installs it.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise MissingExtraError(owner, package.split(".")[0], extra) from error
