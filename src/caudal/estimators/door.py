"""One door for saved files: an estimator where there is one, else the network."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from caudal import limits, nn
from caudal.errors import FileFormatError, InputError
from caudal.estimators import files
from caudal.importing import import_named, import_path

KINDS = {
    "BoostedTrees": "caudal.estimators.trees",
    "LiquidClassifier": "caudal.estimators.classifier",
    "LiquidForecaster": "caudal.estimators.forecaster",
    "LiquidRegressor": "caudal.estimators.regressor",
    "SklearnModel": "caudal.estimators.sklearn_model",
    "SummaryModel": "caudal.estimators.summary",
    "TrivialModel": "caudal.estimators.trivial",
}


_WITHOUT_NETWORK = ("BoostedTrees", "SklearnModel", "SummaryModel", "TrivialModel")


def load(path: str | os.PathLike[str], *, trust: Sequence[str | type] = ()) -> Any:
    """What a file holds: the estimator that `save` of an estimator wrote, or the network that `caudal.save` wrote.

    `caudal.nn.load` reads the network alone from either.

    Arguments:
        path: the file.
        trust: code of others that the file may name: `"module:Class"` or a class, which is registered, or a whole
            package, such as `"aeon"`. Nothing else than caudal and scikit-learn is imported for a file.

    Returns:
        an estimator, or a layer in evaluation mode; equal to the bit to what was saved, on the CPU.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: it is damaged, foreign, or of a newer version.
        MissingExtraError: it holds an estimator, and scikit-learn is not installed.
    """
    trusted(*trust)
    kind = kind_of(Path(path))
    if kind is None:
        if files.KEY in _metadata(Path(path)):
            fault = "holds an estimator of no kind that this version of caudal knows, or a damaged one"
            raise FileFormatError(f"{path}: {fault}. Restore the file; `caudal.nn.load` reads its network alone.")
        return nn.load(path)
    from caudal import estimators

    return getattr(estimators, kind).load(path)


def trusted(*names: str | type) -> None:
    """Let files hold code of others, from now on in this process; see `load`.

    Raises:
        InputError: a name cannot be imported.
    """
    for name in names:
        if isinstance(name, str) and ":" not in name:
            code: object = import_named("load", "trust", f"{name}:__name__")
        else:
            code = import_named("load", "trust", name) if isinstance(name, str) else name
        if isinstance(code, type) and issubclass(code, nn.Layer):
            nn.register(code)
            continue
        from caudal.estimators.sklearn_model import trust_types

        trust_types(code if isinstance(code, str) else import_path(code).replace(":", "."))


def load_network(path: str | os.PathLike[str], owner: str) -> Any:
    """What `load` gives, for commands that follow a signal through a network.

    Arguments:
        path: the file.
        owner: of the message.

    Raises:
        InputError: it holds a model that is no network, such as trees.
        MissingFileError, FileFormatError, MissingExtraError: as `load`.
    """
    kind = kind_of(Path(path))
    if kind in _WITHOUT_NETWORK:
        fault = f"holds a {kind}, which is no network: {path}"
        raise InputError(owner, "model", fault, "`caudal predict` and `caudal fair` take it; or pass a network.")
    return load(path)


def kind_of(path: Path) -> str | None:
    """Name of the class of the estimator in a file; None where there is none, or no file that could hold one."""
    try:
        kind = limits.parsed(limits.parsed(_metadata(path)[files.KEY])["facts"])["kind"]
    except (KeyError, ValueError, TypeError):
        return None
    return kind if isinstance(kind, str) and kind in KINDS else None


def _metadata(path: Path) -> Mapping[str, str]:
    """Texts beside the numbers of a file; none where it is no saved model."""
    if not path.is_file():
        return {}
    try:
        with safe_open(os.fspath(path), framework="np") as file:
            return file.metadata() or {}
    except (SafetensorError, ValueError, TypeError, OSError):
        return {}
