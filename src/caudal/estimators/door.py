"""One door for saved files: an estimator where there is one, else the network."""

import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from caudal import limits, nn
from caudal.estimators import files

KINDS = {
    "LiquidClassifier": "caudal.estimators.classifier",
    "LiquidForecaster": "caudal.estimators.forecaster",
    "LiquidRegressor": "caudal.estimators.regressor",
}


def load(path: str | os.PathLike[str]) -> Any:
    """What a file holds: the estimator that `save` of an estimator wrote, or the network that `caudal.save` wrote.

    `caudal.nn.load` reads the network alone from either.

    Arguments:
        path: the file.

    Returns:
        an estimator, or a layer in evaluation mode; equal to the bit to what was saved, on the CPU.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: it is damaged, foreign, or of a newer version.
        MissingExtraError: it holds an estimator, and scikit-learn is not installed.
    """
    kind = kind_of(Path(path))
    if kind is None:
        return nn.load(path)
    from caudal import estimators

    return files.load(getattr(estimators, kind), path)


def kind_of(path: Path) -> str | None:
    """Name of the class of the estimator in a file; None where there is none, or no file that could hold one."""
    if not path.is_file():
        return None
    try:
        with safe_open(os.fspath(path), framework="np") as file:
            held = limits.parsed((file.metadata() or {})[files.KEY])
        kind = limits.parsed(held["facts"])["kind"]
    except (SafetensorError, KeyError, ValueError, TypeError, OSError):
        return None
    return kind if isinstance(kind, str) and kind in KINDS else None
