"""What a log takes: each argument is looked at before anything is written, whichever process it comes from."""

import operator

import numpy as np

from caudal.errors import InputError
from caudal.typing import Array

_REAL = "biuf"
_TIMES = -(2**63), 2**63 - 1


def text(owner: str, argument: str, value: object, *, optional: bool = False) -> None:
    """Refuse what is no text, or holds half a character.

    Raises:
        InputError: it is of another type, or no UTF-8.

    Example:
        >>> text("Log.decide", "session", 4)
        Traceback (most recent call last):
        caudal.errors.InputError: Log.decide: `session` is 4, an int. Pass a text, such as "4".
    """
    if isinstance(value, str):
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                fault = "holds characters that are no text"
                raise InputError(owner, argument, fault, "Decode it as UTF-8 first.") from error
        return
    if value is None and optional:
        return
    brief = repr(value)[:40] if isinstance(value, bytes | int | float | None) else "an object"
    remedy = 'Pass a text, such as "4".' if not isinstance(value, bytes) else "Decode it as UTF-8 first."
    raise InputError(owner, argument, f"is {brief}, {_a(value)}", remedy)


def whole(owner: str, argument: str, value: object, low: int, high: int) -> int:
    """A whole number between bounds, those of NumPy included.

    Raises:
        InputError: it is none, or lies outside.

    Example:
        >>> whole("Log.decide", "sequence", np.int64(7), 0, 2**64 - 1)
        7
    """
    if type(value) is int and low <= value <= high:
        return value
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # asked here
    except Exception as error:  # whatever a foreign type raises when it is asked for a number
        raise InputError(owner, argument, f"is {_a(value)}", "Pass a whole number.") from error
    if not low <= number <= high:
        fault = f"does not fit: it is {number if abs(number) < 10**24 else 'far too large'}"
        raise InputError(owner, argument, fault, f"Pass a whole number from {low} to {high}.")
    return number


def number(owner: str, argument: str, value: object) -> float:
    """A real number; NaN and infinity are numbers too.

    Raises:
        InputError: it is none.
    """
    if type(value) is float:
        return value
    array = numbers(owner, argument, value)
    if array.size != 1:
        raise InputError(owner, argument, f"holds {array.size} numbers", "Pass one number, or leave it out.")
    return float(array.reshape(())[()])


def numbers(owner: str, argument: str, value: object) -> Array:
    """Real numbers as an array.

    Raises:
        InputError: there is something else among them.

    Example:
        >>> numbers("Log.decide", "output", ["high"])
        Traceback (most recent call last):
        caudal.errors.InputError: Log.decide: `output` holds str. Pass real numbers: a list, or an array.
    """
    try:
        array = value if type(value) is np.ndarray else np.asarray(value)
    except Exception as error:  # whatever a foreign type raises when it is asked for numbers
        fault = f"is {_a(value)}, and no array can be made of it ({str(error)[:80]})"
        raise InputError(owner, argument, fault, "Pass real numbers: a list, or an array.") from error
    if array.dtype.kind not in _REAL:
        kind = "str" if array.dtype.kind == "U" else str(array.dtype)
        raise InputError(owner, argument, f"holds {kind}", "Pass real numbers: a list, or an array.")
    return array


def singles(owner: str, argument: str, value: object) -> bytes:
    """Real numbers as the bytes of float32; empty for None.

    Raises:
        InputError: there is something else among them, or one is too large.
    """
    if value is None:
        return b""
    array = numbers(owner, argument, value)
    with np.errstate(over="ignore"):
        small = array.astype("<f4")
    if (np.isinf(small) & np.isfinite(array)).any():
        raise InputError(owner, argument, "does not fit: a number is beyond float32", "Pass numbers below 3e38.")
    return small.tobytes()


def moment(owner: str, value: object) -> int | None:
    """Nanoseconds since 1970, or None.

    Raises:
        InputError: it is no whole number of 64 bits.
    """
    return None if value is None else whole(owner, "time", value, *_TIMES)


def yes_or_no(owner: str, argument: str, value: object) -> bool:
    """A truth value.

    Raises:
        InputError: it is something else.
    """
    if value is True or value is False:
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    raise InputError(owner, argument, f"is {_a(value)}", "Pass True or False.")


def _a(value: object) -> str:
    name = type(value).__name__
    return "None" if value is None else f"an {name}" if name[:1] in "aeiou" else f"a {name}"
