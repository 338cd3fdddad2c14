"""What the options of `caudal fair` mean: columns, edges, crossings, expected shares and trusted classes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from caudal.cli.names import divided, joined, name_list
from caudal.cli.show import say
from caudal.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from caudal.data import Sequences


def crossings(given: Sequence[str], sensitive: Sequence[str]) -> bool | list[tuple[str, ...]]:
    """Which columns to cross, as `caudal.fair.report` takes it.

    Raises:
        InputError: a crossing names fewer than two columns.

    Example:
        >>> crossings([], []), crossings(["none"], []), crossings(["sex,age", "sex,site"], ["sex", "age", "site"])
        (True, False, [('sex', 'age'), ('sex', 'site')])
    """
    if not given:
        return True
    if list(given) == ["none"]:
        return False
    found = [joined(name_list(one), sensitive) for one in given]
    for one, crossed in zip(given, found, strict=True):
        if len(crossed) < 2:
            raise InputError("fair", "--intersections", f"is {one!r}; expected two columns", "Pass, say, sex,age.")
    return found


def edges_of(given: Sequence[str], data: "Sequences", names: tuple[str, ...]) -> dict[str, tuple[float, ...]]:
    """Edges as told, and thirds of the other columns of numbers.

    Raises:
        InputError: an edge is no number, or of a column that is not sensitive.
    """
    from caudal.fair import thirds
    from caudal.fair.groups import is_quantity

    found: dict[str, tuple[float, ...]] = {}
    for one in given:
        name, cuts = divided(one, names)
        if name not in names:
            raise InputError("fair", "--edges", f"cuts {name!r}, which is not among --sensitive", "Add it there.")
        try:
            found[name] = tuple(float(cut) for cut in cuts.split(","))
        except ValueError:
            raise InputError("fair", "--edges", f"is {one!r}; expected NAME=A,B", "Pass, say, age=40,65.") from None
    for name in names:
        if name in data.sensitive and name not in found and is_quantity(data.sensitive[name]):
            found[name] = thirds(data.sensitive[name])
            cuts = ", ".join(f"{cut:g}" for cut in found[name])
            say(f"note: {name} is cut at {cuts}, thirds of these series; choose with --edges {name}=...")
    return found


def expected_of(given: Sequence[str], names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Column -> share of each group, from `NAME=GROUP:SHARE,...`.

    Raises:
        InputError: it is written otherwise, or of a column that is not sensitive.

    Example:
        >>> expected_of(["sex=f:0.52,m:0.48"], ("sex",))
        {'sex': {'f': 0.52, 'm': 0.48}}
    """
    found: dict[str, dict[str, float]] = {}
    for one in given:
        name, shares = divided(one, names)
        if name not in names:
            raise InputError("fair", "--expected", f"names {name!r}, which is not among --sensitive", "Add it there.")
        try:
            pairs = [part.rpartition(":") for part in name_list(shares)]
            found[name] = {group.strip(): float(share) for group, _, share in pairs}
        except ValueError:
            fault = f"is {one!r}; expected NAME=GROUP:SHARE,GROUP:SHARE"
            raise InputError("fair", "--expected", fault, "Pass, say, sex=f:0.52,m:0.48.") from None
    return found


def trusted_of(
    data: "Sequences", name: str | None, kept: tuple[str, ...]
) -> "tuple[Sequences, NDArray[np.int64] | None]":
    """The series without the column of checked classes, and the position of each, -1 where nobody checked.

    Arguments:
        data: series that hold the column beside the sensitive ones.
        name: of the column, or None.
        kept: sensitive columns.

    Raises:
        InputError: there is no such column, it holds a class that is none, or there are no classes of series.
    """
    import numpy as np

    if name is None:
        return data, None
    if data.task != "classify":
        fault = f"is given, and the data are to {data.task}"
        raise InputError("fair", "--trusted", fault, "Leave it out: it is for one class a series.")
    if name not in data.sensitive:
        known = ", ".join(data.sensitive) or "none"
        fault = f"names {name!r}, which is no column of these series beside their inputs; there are {known}"
        raise InputError("fair", "--trusted", fault, "Name a column that holds one checked class a series.")
    place = {_spelled(label): k for k, label in enumerate(data.classes)}
    codes = np.full(len(data), -1, np.int64)
    for k, value in enumerate(np.asarray(data.sensitive[name]).tolist()):
        text = _spelled(value)
        if not text:
            continue
        if text not in place:
            fault = f"holds {text!r}; the classes are {', '.join(place)}"
            raise InputError("fair", "--trusted", fault, "Write the classes of the target, and nothing where unknown.")
        codes[k] = place[text]
    if not (codes >= 0).any():
        raise InputError("fair", "--trusted", f"names {name!r}, which is empty", "Leave it out, or check some classes.")
    return replace(data, sensitive={one: column for one, column in data.sensitive.items() if one in kept}), codes


def _spelled(value: object) -> str:
    """A class as text; a column with holes turns whole numbers into 1.0."""
    if value is None or value != value:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value).strip()
