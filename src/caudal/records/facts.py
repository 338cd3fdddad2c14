"""JSON there and back for frozen dataclasses of plain values."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from caudal.errors import FileFormatError

T = TypeVar("T")


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
        found: T = _read(kind, json.loads(text), whole)
        return found
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FileFormatError(
            f"{kind.__name__}.from_json: not such a record ({error}). Write it again with this version of caudal."
        ) from error


def _read(kind: Any, value: Any, whole: bool) -> Any:
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        known = {field.name for field in fields(kind)}
        if whole and (unknown := set(value) - known):
            raise ValueError(f"unknown field {sorted(unknown)[0]!r} of {getattr(kind, '__name__', kind)}")
        return kind(**{name: _read(hints[name], inner, whole) for name, inner in value.items() if name in known})  # type: ignore[operator]
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if value is None:
            return None
        return _read(next(one for one in args if one is not type(None)), value, whole)
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_read(args[0], one, whole) for one in value)
        return tuple(_read(one, inner, whole) for one, inner in zip(args, value, strict=True))
    if origin in (dict, Mapping):
        return {key: _read(args[1], inner, whole) for key, inner in value.items()}
    return value
