"""Reports as JSON: written with every raw value to six digits, read back into the same frozen records."""

import dataclasses
import json
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.kernels.records import SCHEMA, KernelReport
from caudal import limits
from caudal.errors import FileFormatError, MissingFileError

Record = TypeVar("Record")
_REMEDY = "Pass a file that `python -m benchmarks kernels --out` wrote."


def dumps(report: KernelReport) -> str:
    """The JSON text of a report, one measurement per line."""
    fields = dataclasses.asdict(report)
    return "{\n" + ",\n".join(f"  {json.dumps(name)}: {_lines(value)}" for name, value in fields.items()) + "\n}\n"


def loads(text: str | bytes, source: str = "text") -> KernelReport:
    """The report that `dumps` wrote.

    Arguments:
        text: the JSON text.
        source: what to call it in a refusal, for example the name of its file.

    Raises:
        FileFormatError: the text is no JSON, no such report, or of another version.
    """
    try:
        value = limits.parsed(text, limits.RECORD)
    except ValueError as error:
        raise FileFormatError(f"{source}: is not JSON ({error}). {_REMEDY}") from None
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        stated = value.get("schema") if isinstance(value, dict) else None
        raise FileFormatError(f"{source}: states schema {stated!r}; this release reads {SCHEMA}. {_REMEDY}")
    try:
        return _record(KernelReport, value)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise FileFormatError(f"{source}: is no report of kernels ({error}). {_REMEDY}") from None


def write(report: KernelReport, path: str | Path) -> None:
    """Write a report; missing folders are made.

    Raises:
        OSError: the file cannot be written.
    """
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(dumps(report), encoding="utf-8")


def read(path: str | Path) -> KernelReport:
    """Read a report that `write` wrote.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: it holds no report, or one of another version.
    """
    place = Path(path)
    if not place.is_file():
        raise MissingFileError(f"read: {place} is no file. {_REMEDY}")
    return loads(place.read_bytes(), str(place))


def _lines(value: object) -> str:
    if isinstance(value, list | tuple) and value:
        return "[\n" + ",\n".join(f"    {_text(part)}" for part in value) + "\n  ]"
    return _text(value)


def _text(value: object) -> str:
    return json.dumps(_rounded(value), allow_nan=False)


def _rounded(value: object) -> object:
    """Six digits: more than any clock gives, and half the size."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list | tuple) else value


def _record(kind: type[Record], value: object) -> Record:
    hints = typing.get_type_hints(kind)
    if not isinstance(value, dict) or set(value) != set(hints):
        odd = sorted(set(value) ^ set(hints)) if isinstance(value, dict) else [type(value).__name__]
        raise ValueError(f"{kind.__name__} has missing or foreign fields: {', '.join(odd)}")
    return kind(**{name: _typed(hint, value[name], name) for name, hint in hints.items()})


def _typed(hint: Any, value: Any, name: str) -> Any:
    origin = typing.get_origin(hint)
    if dataclasses.is_dataclass(hint):
        return _record(typing.cast("type[Any]", hint), value)
    if origin is tuple and isinstance(value, list):
        return tuple(_typed(typing.get_args(hint)[0], part, name) for part in value)
    if origin in (types.UnionType, typing.Union):
        inner = next(arg for arg in typing.get_args(hint) if arg is not type(None))
        return None if value is None else _typed(inner, value, name)
    if origin is typing.Literal and value in typing.get_args(hint):
        return value
    if hint is float and type(value) in (int, float):
        return float(value)
    if isinstance(hint, type) and type(value) is hint:
        return value
    raise ValueError(f"{name} is {value!r}")
