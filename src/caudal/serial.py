"""JSON there and back for frozen dataclasses of plain values, with name and version of the schema."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from caudal import limits
from caudal.errors import FileFormatError

T = TypeVar("T")
_PLAIN = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True)
class Schema:
    """What a record says of itself where it is written; its class holds it as `schema`.

    Attributes:
        name: for example `"caudal.study"`; `""` writes no name: for a part of another file, whose bytes are digested.
        version: 0 where none is written.
        noun: what it is called in errors.
        remedy: how to get a good one.
        is_ascii: whether other letters are written as escapes.
    """

    name: str = ""
    version: int = 1
    noun: str = "such a record"
    remedy: str = "Write it again with this version of caudal."
    is_ascii: bool = False

    @property
    def header(self) -> dict[str, str | int]:
        """The keys that stand beside the fields."""
        header: dict[str, str | int] = {"schema": self.name} if self.name else {}
        return header | ({"version": self.version} if self.version else {})


_NONE = Schema(version=0)


def to_json(record: object) -> str:
    """One JSON object, keys sorted, with name and version of its schema; NaN and infinity are refused.

    Raises:
        ValueError: a number is not finite.
    """
    return json.dumps(to_plain(record), sort_keys=True, allow_nan=False, ensure_ascii=_schema_of(record).is_ascii)


def to_plain(value: object) -> object:
    """A value as JSON has it: records as objects, each with name and version of its schema, tuples as lists."""
    if is_dataclass(value):
        entries = {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
        return {**_schema_of(value).header, **entries}
    if isinstance(value, Mapping):
        return {key: to_plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(inner) for inner in value]
    return value


def from_json(
    kind: type[T],
    text: str,
    *,
    whole: bool = True,
    limit: int = limits.RECORD,
    upgrade: Callable[[dict[str, object]], None] | None = None,
    check: Callable[[T], None] | None = None,
) -> T:
    """The record that `to_json` wrote.

    Arguments:
        kind: of the record.
        text: JSON. Where a name of the schema is missing, caudal 0.1 wrote it, and it is read as version 1.
        whole: refuse fields that the record does not have; otherwise they are passed over, so that it may be a part
            of what was written.
        limit: characters, at most.
        upgrade: changes the fields of older files, in place, before they are read.
        check: raises ValueError for a record that makes no sense.

    Raises:
        FileFormatError: the text is no such record, or of another version.
    """
    schema = _schema_of(kind)
    try:
        content = limits.parsed(text, limit, finite=True)
        if upgrade is not None:
            upgrade(content)
        record = read(kind, content, whole=whole)
        if check is not None:
            check(record)
        return record
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise FileFormatError(f"{kind.__name__}.from_json: not {schema.noun} ({error}). {schema.remedy}") from error


def _schema_of(record: object) -> Schema:
    schema = getattr(record, "schema", _NONE)
    return schema if isinstance(schema, Schema) else _NONE


def _without_header(schema: Schema, content: dict[str, object]) -> dict[str, object]:
    """The fields without name and version, which must be those of the schema."""
    rest = dict(content)
    for key, expected in schema.header.items():
        stated = rest.pop(key, expected) if schema.name else rest.pop(key)
        if type(stated) is not type(expected) or stated != expected:
            raise ValueError(f"its {key} is {limits.shown(stated)}; this version of caudal reads {expected!r}")
    return rest


def read(kind: type[T], value: object, *, whole: bool = True) -> T:
    """The record of a JSON value, each field of the type that it is annotated with; `from_json` without the text.

    Raises:
        ValueError, TypeError: it is no such record.
    """
    record: T = _read(kind, value, whole)
    return record


def _read(kind: Any, value: Any, whole: bool) -> Any:
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(value, dict):
            raise ValueError(f"{limits.shown(value)} is no {getattr(kind, '__name__', kind)}")
        value = _without_header(_schema_of(kind), value)
        hints = _hints(kind)
        known = {field.name for field in fields(kind)}
        if whole and (unknown := set(value) - known):
            raise ValueError(f"unknown field {limits.shown(sorted(unknown)[0])} of {getattr(kind, '__name__', kind)}")
        return kind(**{name: _read(hints[name], inner, whole) for name, inner in value.items() if name in known})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _one_of(args, value, whole)
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{limits.shown(value)} is no list")
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_read(args[0], part, whole) for part in value)
        return tuple(_read(part, inner, whole) for part, inner in zip(args, value, strict=True))
    if origin is list:
        _need(isinstance(value, list), value, "a list")
        return [_read(args[0], part, whole) for part in value]
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            raise ValueError(f"{limits.shown(value)} is no object")
        return {key: _read(args[1], inner, whole) for key, inner in value.items()}
    if origin is Literal:
        _need(any(type(value) is type(arg) and value == arg for arg in args), value, ", ".join(map(repr, args)))
    elif kind in _PLAIN:
        # A whole number is a number too; true and false are neither.
        fits = isinstance(value, (int, float) if kind is float else kind)
        _need(fits and (kind is bool or not isinstance(value, bool)), value, _PLAIN[kind])
        if isinstance(value, int) and kind is not bool:
            limits.integer("record", "number", value, limits.NUMBER, -limits.NUMBER)
    return value


@cache
def _hints(kind: type) -> dict[str, object]:
    return get_type_hints(kind)


def _one_of(kinds: tuple[object, ...], value: object, whole: bool) -> object:
    """The value as the first of several types that it has."""
    if value is None and type(None) in kinds:
        return None
    others = [kind for kind in kinds if kind is not type(None)]
    for kind in others[:-1]:
        try:
            return _read(kind, value, whole)
        except (ValueError, TypeError, LookupError, AttributeError):
            continue
    return _read(others[-1], value, whole)


def _need(holds: bool, value: object, expected: str) -> None:
    if not holds:
        raise ValueError(f"{limits.shown(value)} is not {expected}")
