"""JSON there and back for frozen dataclasses of plain values."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from caudal import limits
from caudal.errors import FileFormatError

T = TypeVar("T")
_PLAIN = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def to_json(record: Any) -> str:
    """One JSON object, keys sorted; NaN and infinity are not JSON and are refused.

    Raises:
        ValueError: a number is not finite.
    """
    return json.dumps(asdict(record), sort_keys=True, allow_nan=False, ensure_ascii=False)


def from_json(kind: type[T], text: str, *, whole: bool = True) -> T:
    """The record that `to_json` wrote.

    Arguments:
        kind: of the record.
        text: JSON.
        whole: refuse fields that the record does not have; otherwise they are passed over, so that it may be a part
            of what was written.

    Raises:
        FileFormatError: the text is no such record.
    """
    try:
        return read(kind, limits.parsed(text, limits.RECORD, finite=True), whole=whole)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise FileFormatError(
            f"{kind.__name__}.from_json: not such a record ({error}). Write it again with this version of caudal."
        ) from error


def read(kind: type[T], value: Any, *, whole: bool = True) -> T:
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
        hints = _hints(kind)
        known = {field.name for field in fields(kind)}
        if whole and (unknown := set(value) - known):
            raise ValueError(f"unknown field {limits.shown(sorted(unknown)[0])} of {getattr(kind, '__name__', kind)}")
        return kind(**{name: _read(hints[name], inner, whole) for name, inner in value.items() if name in known})
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
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _one_of(kinds: tuple[Any, ...], value: Any, whole: bool) -> Any:
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
