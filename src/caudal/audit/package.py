"""A model package: one folder with weights, recipe, wiring, data, seeds, environment and figures, and its signature.

    model.caudal       numbers and recipe (safetensors), as `save` wrote them
    recipe.json        recipe of the network, and of the estimator around it
    wiring.json        each wiring of the network
    environment.json   versions, platform, digest of the model
    data.json          digests of splits and cards, as they were given
    metrics.json       figures, by group where there are groups, and known limits
    statement.json     in-toto statement in a DSSE envelope over the digests of all others

Nothing in a package is executed. Files that the statement does not name, links, and names that lead outside are
refused.
"""

import importlib.metadata
import json
import os
import platform
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from caudal._version import __version__
from caudal.audit import keys
from caudal.audit.keys import Key
from caudal.audit.log import durable
from caudal.audit.log.checkpoint import Verifier
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.files import opened, put
from caudal.nn.digest import model_digest as model_digest
from caudal.nn.digest import model_digest_1 as model_digest_1
from caudal.nn.layer import Layer

STATEMENT = "statement.json"
MODEL = "model.caudal"
# What only a package holds: a folder with one of them and no statement is a package that lost its signature.
NAMES = frozenset({STATEMENT, MODEL, "recipe.json", "wiring.json", "environment.json", "metrics.json"})
_LARGEST = 1 << 34
_MOST = 10_000
_NAMED = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_. -]*(/[A-Za-z0-9_.][A-Za-z0-9_. -]*)*")
_VERSIONS = ("torch", "numpy", "numba", "safetensors", "scikit-learn", "cryptography", "securesystemslib")


@dataclass(frozen=True)
class PackageCheck:
    """What a check of a signed folder found.

    Attributes:
        faults: one sentence for each file that is not as it was signed.
        files: how many files the statement names.
        facts: what the statement says besides: `name` of the folder when it was signed, `time` by the signer's clock,
            `caudal`.
        digest: SHA-256 of the statement's file, which `sha256sum` gives too; empty where the key did not sign it.
    """

    faults: tuple[str, ...]
    files: int = 0
    facts: Mapping[str, Any] | None = None
    digest: str = ""

    @property
    def holds(self) -> bool:
        """Whether the folder is as it was signed."""
        return not self.faults


def package(
    model: object,
    folder: str | os.PathLike[str],
    key: Key | None = None,
    *,
    data: Mapping[str, object] | None = None,
    metrics: Mapping[str, object] | None = None,
    limits: tuple[str, ...] = (),
) -> Path:
    """Write a model package, whole or not at all.

    Arguments:
        model: a layer of caudal, or a trained estimator.
        folder: a new one.
        key: signs it; unsigned without.
        data: JSON values: digests of splits (`Sequences.digest`), cards.
        metrics: JSON values: figures, by group where there are groups.
        limits: known ones, in sentences.

    Raises:
        InputError: the folder is there already, or something is no JSON.

    Example:
        >>> import tempfile
        >>> from caudal.audit import keys
        >>> from caudal.nn import LTC
        >>> with tempfile.TemporaryDirectory() as scratch:
        ...     key = keys.make(f"{scratch}/key.pem", "example.org/lab")
        ...     place = package(LTC(2, 3), f"{scratch}/model", key, limits=("Adults only.",))
        ...     check(place, key.verifier).holds
        True
    """
    place = Path(folder)
    if place.exists():
        raise InputError("package", "folder", f"is there already: {place}", "Pass a new folder.")
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}.tmp")
    try:
        beside.mkdir()
        for name, value in _facts(model, data or {}, metrics or {}, limits).items():
            (beside / name).write_text(_json(name, value), encoding="utf-8")
        _save(model, beside / MODEL)
        if key is not None:
            sign(beside, key, name=place.name)
        beside.replace(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    durable.settle([place.parent])
    return place


def sign(folder: str | os.PathLike[str], key: Key, *, name: str | None = None) -> Path:
    """Sign every file of a folder; an older signature is replaced.

    Returns:
        the path of the statement.

    Raises:
        MissingFileError: there is no such folder.
        InputError: it is empty, too large, or holds a link or a name that cannot be carried.
    """
    place = Path(folder)
    digests = _digests(place)
    if not digests:
        raise InputError("sign", "folder", f"holds no files: {place}", "Pass the folder of a model.")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    facts = {"name": name or place.resolve().name, "caudal": __version__, "time": now}
    subject = [{"name": file, "digest": {"sha256": digests[file]}} for file in sorted(digests)]
    put(place / STATEMENT, keys.seal(subject, facts, key), sync=True)
    return place / STATEMENT


def check(folder: str | os.PathLike[str], key: Verifier) -> PackageCheck:
    """Compare a folder with what was signed; names every file that changed, is missing, or was added.

    Raises:
        MissingFileError: there is no such folder, or it is not signed.
        FileFormatError: the statement cannot be read.
    """
    place = Path(folder)
    path = place / STATEMENT
    if not path.is_file() or path.is_symlink():
        raise MissingFileError(
            f"check: {place} is not signed (it has no {STATEMENT}). Sign it with `caudal audit sign`."
        )
    digest, statement = file_digest(path), keys.open_(path, key)
    if statement is None:
        return PackageCheck((f"{STATEMENT} is not signed by {key.name}, or was altered",))
    try:
        if statement["predicateType"] != keys.PREDICATE:
            raise ValueError("it states something else")
        named = {str(entry["name"]): str(entry["digest"]["sha256"]) for entry in statement["subject"]}
        facts = dict(statement["predicate"])
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: is no statement about files ({error}). Sign the folder again.") from error
    if any(not _is_inside(name) for name in named):
        return PackageCheck((f"{STATEMENT} names a file outside of the folder",), len(named), facts, digest)
    try:
        there = _digests(place)
    except InputError as error:
        return PackageCheck((str(error),), len(named), facts, digest)
    faults = [f"{entry} is missing" for entry in named if entry not in there]
    faults += [f"{entry} was changed" for entry in named if entry in there and there[entry] != named[entry]]
    faults += [f"{entry} was added" for entry in there if entry not in named]
    return PackageCheck(tuple(sorted(faults)), len(named), facts, digest)


def _digests(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        raise MissingFileError(f"sign: there is no folder {folder}. Pass the folder of a model.")
    digests: dict[str, str] = {}
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place) / name
            inner = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise InputError("sign", "folder", f"holds {inner!r}, which is a link or no plain file", "Remove it.")
            if not _is_inside(inner):
                raise InputError("sign", "folder", f"holds {inner!r}", "Use letters, digits, `_`, `.`, `-` and spaces.")
            if path.is_file() and inner != STATEMENT:
                digests[inner] = file_digest(path)
        if len(digests) > _MOST:
            raise InputError("sign", "folder", f"holds more than {_MOST:,} files", "Pass the folder of a model.")
    return digests


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal.

    Raises:
        InputError: it exceeds 16 GiB.
        OSError: it cannot be read, or is a pipe or a device.
    """
    if path.stat().st_size > _LARGEST:
        raise InputError("sign", "folder", f"holds {path.name}, which exceeds 16 GiB", "Split it.")
    ledger = sha256()
    with opened(path) as file:
        while part := file.read(1 << 20):
            ledger.update(part)
    return ledger.hexdigest()


def _is_inside(name: str) -> bool:
    return _NAMED.fullmatch(name) is not None and not any(part in (".", "..") for part in name.split("/"))


def _facts(model: Any, data: Any, metrics: Any, limits: tuple[str, ...]) -> dict[str, Any]:
    from caudal.nn.files import encode_layer
    from caudal.wiring import Wiring

    net = getattr(model, "net_", model)
    recipe: dict[str, Any] = {"network": encode_layer(net)}
    if net is not model:
        recipe |= {"estimator": type(model).__name__, "settings": model.get_params(), "task": model.task_}
        table = getattr(model, "data_recipe_", None)
        recipe |= {"data": None if table is None else json.loads(table.to_json())}
        recipe |= {"origin": getattr(model, "origin_", None)}
    wirings = {
        name: part.wiring for name, part in net.named_modules() if isinstance(getattr(part, "wiring", None), Wiring)
    }
    versions = {part: _version(part) for part in _VERSIONS}
    environment = {
        "model": model_digest(model),
        "seed": getattr(model, "seed", None),
        "caudal": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": versions,
    }
    return {
        "recipe.json": recipe,
        "wiring.json": {name or "network": json.loads(part.to_json()) for name, part in wirings.items()},
        "environment.json": environment,
        "data.json": dict(data),
        "metrics.json": {"metrics": dict(metrics), "limits": list(limits)},
    }


def _json(name: str, value: object) -> str:
    try:
        return json.dumps(value, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"
    except (TypeError, ValueError) as error:
        raise InputError(
            "package", name.removesuffix(".json"), f"is no JSON ({error})", "Pass plain finite values."
        ) from error


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _save(model: Any, path: Path) -> None:
    if hasattr(model, "net_"):
        model.save(path)
        return
    from caudal import nn

    nn.save(model, path)


# A row's arithmetic is the same whatever its neighbours and the threads; `tests/audit/test_replay.py` holds them to it.
EXACT = frozenset({"CfC", "WiredCfC", "LTC", "LRC", "CTRNN", "Readout", "Stack"})


def is_replayable(model: Any) -> bool:
    """Whether the replay mode of the kernels covers every layer of a model, on its device.

    Example:
        >>> from caudal.nn import GRU, LTC
        >>> is_replayable(LTC(2, 3)), is_replayable(GRU(2, 3))
        (True, False)
    """
    net: Layer = getattr(model, "net_", model)
    layers = (type(layer).__name__ for layer in net.modules() if isinstance(layer, Layer))
    return next(net.parameters()).device.type == "cpu" and all(name in EXACT for name in layers)
