"""Packages that are imported where they are needed."""

from importlib import import_module
from typing import Any

from caudal.errors import MissingExtraError


def sklearn(owner: str, module: str) -> Any:
    """A module of scikit-learn.

    Arguments:
        owner: the function that needs it.
        module: of scikit-learn, for example `"linear_model"`.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(f"sklearn.{module}")
    except ImportError as error:
        raise MissingExtraError(owner, "sklearn", "fair") from error
