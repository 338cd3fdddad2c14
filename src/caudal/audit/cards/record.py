"""What a package says of its model, in one record."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caudal.audit.package import MODEL, STATEMENT, file_digest
from caudal.errors import FileFormatError, MissingFileError
from caudal.files import opened

_LARGEST = 1 << 26
_NAMES = ("recipe", "environment", "data", "metrics", "wiring")


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        name: of the measure, such as `"accuracy"`.
        value: of it.
        part: which series it is of, such as `"sex / female"`; empty for all.
    """

    name: str
    value: float
    part: str = ""


@dataclass(frozen=True)
class ModelRecord:
    """A model as its cards tell of it; nothing in it was made up: what the package does not say is empty.

    Attributes:
        name: of the folder.
        digest: of recipe and numbers; see `audit.model_digest`.
        architecture: names of the layers, the outermost first.
        task: what it was trained to do, or empty.
        parameters: numbers in its file.
        neurons: by wiring, how many, where there are wirings.
        figures: measured.
        limits: known, in sentences.
        data: the data card, as `Card.to_dict` gives it; empty where there is none.
        splits: digests of the parts of the data.
        environment: versions and platform.
        files: SHA-256 of each file.
        is_signed: whether there is a signature; whose it is `audit.check` tells.
    """

    name: str
    digest: str
    architecture: tuple[str, ...]
    task: str
    parameters: int
    neurons: Mapping[str, int]
    figures: tuple[Figure, ...]
    limits: tuple[str, ...]
    data: Mapping[str, Any]
    splits: Mapping[str, str]
    environment: Mapping[str, object]
    files: Mapping[str, str] = field(default_factory=dict)
    is_signed: bool = False

    @property
    def packages(self) -> Mapping[str, str]:
        """Versions of the packages that made it."""
        stated = self.environment.get("packages")
        versions = stated if isinstance(stated, dict) else {}
        return {"caudal": str(self.environment.get("caudal", ""))} | {k: str(v) for k, v in versions.items() if v}


def record_of(folder: str | os.PathLike[str]) -> ModelRecord:
    """The record of a package that `audit.package` wrote.

    Raises:
        MissingFileError: there is no package.
        FileFormatError: a file of it cannot be read.

    Example:
        >>> import tempfile
        >>> from caudal.audit import package
        >>> from caudal.nn import LTC
        >>> with tempfile.TemporaryDirectory() as scratch:
        ...     place = package(LTC(2, 3), f"{scratch}/model", metrics={"by sex": {"female": {"accuracy": 0.9}}})
        ...     found = record_of(place)
        >>> found.name, found.architecture, found.figures
        ('model', ('LTC',), (Figure(name='accuracy', value=0.9, part='by sex / female'),))
    """
    place = Path(folder)
    if not (place / MODEL).is_file():
        raise MissingFileError(f"card: {place} is no model package (it has no {MODEL}). Make one with `audit.package`.")
    contents = {name: _read(place / f"{name}.json") for name in _NAMES}
    try:
        return _record(place, contents)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        kind = type(error).__name__
        raise FileFormatError(f"{place}: is no package of caudal ({kind}: {error}). Write it again.") from error


def _record(place: Path, contents: Mapping[str, Any]) -> ModelRecord:
    recipe, environment, data, metrics = (dict(contents[name]) for name in ("recipe", "environment", "data", "metrics"))
    table = recipe.get("data") or {}
    figures = tuple(_figures(dict(metrics.get("metrics") or {})))
    card = data.get("card") or {}
    splits = data.get("splits") or {k: v for k, v in data.items() if isinstance(v, str)}
    return ModelRecord(
        place.resolve().name,
        str(environment["model"]),
        tuple(_layers(recipe["network"])),
        str(recipe.get("task") or table.get("task") or card.get("task") or ""),
        _parameters(place / MODEL),
        {name: _neurons(value) for name, value in dict(contents["wiring"]).items()},
        figures,
        tuple(str(value) for value in metrics.get("limits") or ()),
        dict(card),
        {str(name): str(value) for name, value in splits.items()},
        environment,
        _files(place),
        (place / STATEMENT).is_file(),
    )


def _read(path: Path) -> Any:
    try:
        with opened(path) as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise MissingFileError(f"card: there is no {path}. Make the package again with `audit.package`.") from error
    try:
        if len(data) > _LARGEST:
            raise ValueError("it is larger than 64 MiB")
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path}: is no JSON ({error}). Make the package again.") from error


def _figures(value: Mapping[str, object], *above: str) -> Iterator[Figure]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _figures(inner, *above, str(name))
        elif isinstance(inner, int | float) and not isinstance(inner, bool):
            yield Figure(str(name), float(inner), " / ".join(above))


def _layers(recipe: object) -> Iterator[str]:
    """Names of the layers in a recipe, the outermost first."""
    if isinstance(recipe, dict):
        if isinstance(recipe.get("kind"), str) and "arguments" in recipe:
            yield recipe["kind"]
        for inner in recipe.values():
            yield from _layers(inner)
    elif isinstance(recipe, list):
        for inner in recipe:
            yield from _layers(inner)


def _neurons(wiring: Any) -> int:
    return sum(map(int, wiring["neurons"].values()))


def _parameters(path: Path) -> int:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118  # no mapping
    except (SafetensorError, OSError) as error:
        raise FileFormatError(f"{path}: is no file of a model ({error}). Restore it from a copy.") from error
    total = 0
    for shape in shapes:
        size = 1
        for length in shape:
            size *= length
        total += size
    return total


def _files(place: Path) -> dict[str, str]:
    names = sorted(file.name for file in place.iterdir() if file.is_file() and not file.is_symlink())
    return {name: file_digest(place / name) for name in names if name != STATEMENT}
