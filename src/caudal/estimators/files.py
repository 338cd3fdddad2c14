"""An estimator in one file: a saved layer whose metadata also holds settings, encoder and recipe."""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as unpack
from safetensors.torch import save as pack

from caudal import limits, nn
from caudal.data import Encoder, Recipe
from caudal.data.task import TASKS
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.estimators.settings import plain
from caudal.fair.mitigate.settings import Fairness, from_dict, to_dict
from caudal.nn.registry import cell_name, known_cell
from caudal.serial import read
from caudal.train import Epoch, Fitted, TrainRecipe
from caudal.typing import Array

FORMAT = 1
KEY = "caudal.estimator"
_LISTS = ("classes_", "feature_names_in_")
_DTYPE = re.compile(r"[<>|=]?(?:b1|[iuf][1248]|U(?P<width>\d{1,8})|O8?)")


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write an estimator; an older file stays whole when it fails."""
    place = Path(path)
    name = type(model).__name__
    facts = {
        "format": FORMAT,
        "kind": name,
        "settings": _plain_settings(model.get_params()),
        "encoder": model.encoder_.to_json(),
        "data_recipe": None if model.data_recipe_ is None else model.data_recipe_.to_json(),
        "fitted": {**asdict(model.fitted_), "recipe": model.fitted_.recipe.to_json()},
        "plain": plain_of(model),
        "lists": {
            key: [getattr(model, key).dtype.str, getattr(model, key).tolist()] for key in _LISTS if hasattr(model, key)
        },
    }
    try:
        text = json.dumps(facts, sort_keys=True)
    except TypeError as error:
        remedy = "Settings of a saved estimator are numbers, texts, lists and dictionaries."
        raise InputError(name, "settings", f"cannot be written as JSON ({error})", remedy) from error
    beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}.tmp")
    try:
        nn.save(model.net_, beside)
        with safe_open(os.fspath(beside), framework="pt") as file:
            metadata = dict(file.metadata())
        metadata[KEY] = json.dumps({"facts": text, "digest": hashlib.sha256(text.encode()).hexdigest()})
        beside.write_bytes(pack(unpack(beside.read_bytes()), metadata=metadata))
        beside.replace(place)
    finally:
        with suppress(OSError):
            beside.unlink()


def load(kind: type, path: str | os.PathLike[str]) -> Any:
    """Read an estimator of a class."""
    facts = facts_of_file(kind.__name__, Path(path))
    net = nn.load(path).eval()
    try:
        model = kind(**_settings(facts["settings"]))
        if model.dtype not in ("float32", "float64"):
            raise ValueError(f"its dtype is {limits.shown(model.dtype)}, neither float32 nor float64")
        model.encoder_ = Encoder.from_json(facts["encoder"])
        recipe = facts["data_recipe"]
        model.data_recipe_ = None if recipe is None else Recipe.from_json(recipe)
        fitted = facts["fitted"]
        history = tuple(read(Epoch, epoch) for epoch in fitted["history"])
        trained_by = TrainRecipe.from_json(fitted["recipe"])
        model.fitted_ = Fitted(
            history, fitted["best_epoch"], fitted["stopped"], trained_by, fitted.get("collapsed", "")
        )
        if facts["plain"].get("task_") not in TASKS:
            raise ValueError(f"its task is {limits.shown(facts['plain'].get('task_'))}, which is none")
        if facts["plain"]["task_"] == "forecast" and not facts["plain"].keys() >= {"horizon_", "window_"}:
            raise ValueError("it lacks the steps of a forecast")
        if facts["plain"]["task_"].startswith("classify") and "classes_" not in facts["lists"]:
            raise ValueError("it lacks the labels of its classes")
        for key, value in checked(facts["plain"]).items():
            setattr(model, key, value)
        for key in _LISTS:
            if key in facts["lists"]:
                setattr(model, key, labels_of(key, *facts["lists"][key]))
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FileFormatError(f"{path}: does not rebuild a {kind.__name__} ({error}). Save it again.") from error
    model.net_ = net
    return model


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{key} is {limits.shown(value)}, no text")
    return value


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{key} is {limits.shown(value)}, neither true nor false")
    return value


def _count(key: str, value: object) -> int:
    return limits.integer("load", key, value, limits.STEPS)


def _share(key: str, value: object) -> float | None:
    if value is None or (isinstance(value, float) and 0 < value < 1):
        return value
    raise ValueError(f"{key} is {limits.shown(value)}, no probability between 0 and 1")


def _any(key: str, value: object) -> object:  # of the form of the others
    return value


# What an estimator keeps beside its network, and how each is checked when it is read.
_PLAIN: dict[str, Callable[[str, object], object]] = {
    "task_": _text,
    "is_flat_": _flag,
    "n_features_in_": _count,
    "horizon_": _count,
    "window_": _count,
    "origin_": _any,
    "axes_": _any,
    "threshold_": _share,
}


def plain_of(model: object) -> dict[str, object]:
    """What a trained estimator keeps in plain numbers and texts beside what it learnt."""
    return {key: getattr(model, key) for key in _PLAIN if hasattr(model, key)}


def checked(stated: Mapping[str, object]) -> dict[str, object]:
    """The same of a file, each value checked.

    Raises:
        ValueError, InputError: a value is of another kind.
    """
    return {key: check(key, stated[key]) for key, check in _PLAIN.items() if key in stated}


def labels_of(key: str, dtype: object, values: object) -> Array:
    """Labels as an array; the dtype states how wide each is, so it decides how much memory they take."""
    if not isinstance(dtype, str) or not (match := _DTYPE.fullmatch(dtype)):
        raise ValueError(f"{key} has dtype {limits.shown(dtype)}")
    if not isinstance(values, list) or len(values) > limits.COLUMNS:
        raise ValueError(f"{key} is {limits.shown(values)}, no list of at most {limits.COLUMNS:,}")
    if any(isinstance(value, list | dict) for value in values):
        raise ValueError(f"{key} holds other things than labels")
    if len(values) * int(match["width"] or 1) > limits.TEXT:
        raise ValueError(f"{key} states labels of {match['width']} characters each")
    return np.array(values, dtype=dtype)


def _plain_settings(settings: dict[str, object]) -> dict[str, object]:
    return {name: plain(_written(value)) for name, value in settings.items()}


def _written(value: object) -> object:
    if isinstance(value, Fairness):
        return to_dict(value)
    return cell_name(value) if isinstance(value, type) else value


def _settings(plain: dict[str, Any]) -> dict[str, Any]:
    plain = {**plain, "cell": known_cell(plain["cell"])}
    asked = plain.get("fairness")
    return plain if asked is None else {**plain, "fairness": from_dict(asked)}


def facts_of_file(kind: str, path: Path) -> dict[str, Any]:
    """What the metadata of a file say of an estimator of a class, its digest checked.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: it is damaged, or holds no estimator of this class.
    """
    if not path.is_file():
        raise MissingFileError(f"{kind}.load: there is no file {path}. Pass the path that `save` wrote.")
    try:
        with safe_open(os.fspath(path), framework="pt") as file:
            content = limits.parsed((file.metadata() or {})[KEY])
        text = content["facts"]
        if hashlib.sha256(text.encode()).hexdigest() != content["digest"]:
            raise ValueError("it was altered after it was saved")
        facts: dict[str, Any] = limits.parsed(text)
        if facts["format"] != FORMAT:
            raise ValueError(f"it has format {limits.shown(facts['format'])}; this version reads {FORMAT}")
    except (SafetensorError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{path}: holds no estimator ({error}). Pass a file that `save` wrote.") from error
    if facts.get("kind") != kind:
        other = limits.shown(facts.get("kind")).strip("'")
        raise FileFormatError(f"{path}: holds a {other}. Call `{other}.load`.")
    return facts
