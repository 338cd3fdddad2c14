"""What the options of `caudal fair` mean: classes, columns, edges, crossings, expected shares and trusted classes."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from caudal.cli.names import divided, joined, name_list
from caudal.cli.streams import say
from caudal.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from caudal.data import Sequences
    from caudal.fair import Asked


def answers_of(args: argparse.Namespace, model: object, data: "Sequences") -> "dict[str, Asked]":
    """Answers of a model by the class that is told from the rest: one under `""` where it is named, or of two.

    Arguments:
        args: with `positive`, `threshold`, `steps` and `step`.
        model: an estimator.
        data: series with their target.

    Raises:
        InputError: a threshold is given for several classes at once, or as `caudal.fair.ask` raises.
    """
    from caudal.fair import ask, ask_each_class

    steps = args.step or args.steps
    if len(data.classes) < 3 or args.positive is not None:
        threshold = args.threshold if data.classes else None
        return {"": ask(model, data, positive=args.positive, threshold=threshold, steps=steps)}
    if args.threshold is not None:
        fault = f"is {args.threshold:g} for each of {len(data.classes)} classes, of which several may pass it"
        raise InputError("fair", "--threshold", fault, "Name the class that it is for with --positive.")
    return ask_each_class(model, data, steps=steps)


def threshold_shown(args: argparse.Namespace, model: object, data: "Sequences") -> float | None:
    """The probability from which yes is decided, as the report states it; None where the likeliest class is."""
    from caudal.fair.predictions import of_model, positive_code

    if not data.classes or args.threshold is not None or len(data.classes) != 2:
        return args.threshold if data.classes else None
    stated = of_model(model, 2)
    yes = positive_code("fair", data, args.positive)
    return 0.5 if stated is None else stated if yes else float(f"{1 - stated:.12g}")


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
    columns = [joined(name_list(text), sensitive) for text in given]
    for text, crossed in zip(given, columns, strict=True):
        if len(crossed) < 2:
            raise InputError("fair", "--intersections", f"is {text!r}; expected two columns", "Pass, say, sex,age.")
    return columns


def edges_of(
    given: Sequence[str], data: "Sequences", names: tuple[str, ...], source: str
) -> dict[str, tuple[float, ...]]:
    """Edges as told, and thirds of the other columns of numbers, cut by the whole of a data set.

    Arguments:
        given: as typed, `NAME=A,B` each.
        data: series that are asked about.
        names: sensitive columns.
        source: of the data.

    Raises:
        InputError: an edge is no number, or of a column that is not sensitive.
    """
    from caudal.fair import thirds
    from caudal.fair.groups import is_quantity

    edges: dict[str, tuple[float, ...]] = {}
    for text in given:
        name, cuts = divided(text, names)
        if name not in names:
            raise InputError("fair", "--edges", f"cuts {name!r}, which is not among --sensitive", "Add it there.")
        try:
            edges[name] = tuple(float(cut) for cut in cuts.split(","))
        except ValueError:
            raise InputError("fair", "--edges", f"is {text!r}; expected NAME=A,B", "Pass, say, age=40,65.") from None
    whole = _whole(source)
    columns = data.sensitive if whole is None else whole.sensitive
    for name in names:
        if name in columns and name not in edges and is_quantity(columns[name]):
            edges[name] = thirds(columns[name])
            cuts = ", ".join(f"{cut:g}" for cut in edges[name])
            of = "these series" if whole is None else "the whole data set"
            say(f"note: {name} is cut at {cuts}, thirds of {of}; choose with --edges {name}=...")
    return edges


def _whole(source: str) -> "Sequences | None":
    """All series of a data set, so that its parts are cut alike; None for a table, which is read whole."""
    from caudal.data import datasets

    if Path(source).is_file() or source.lower().replace("_", "-") not in datasets.names():
        return None
    return datasets.load(source).sequences


def expected_of(given: Sequence[str], names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Column -> share of each group, from `NAME=GROUP:SHARE,...`.

    Raises:
        InputError: it is written otherwise, or of a column that is not sensitive.

    Example:
        >>> expected_of(["sex=f:0.52,m:0.48"], ("sex",))
        {'sex': {'f': 0.52, 'm': 0.48}}
    """
    expected: dict[str, dict[str, float]] = {}
    for text in given:
        name, shares = divided(text, names)
        if name not in names:
            raise InputError("fair", "--expected", f"names {name!r}, which is not among --sensitive", "Add it there.")
        try:
            pairs = [part.rpartition(":") for part in name_list(shares)]
            expected[name] = {group.strip(): float(share) for group, _, share in pairs}
        except ValueError:
            fault = f"is {text!r}; expected NAME=GROUP:SHARE,GROUP:SHARE"
            raise InputError("fair", "--expected", fault, "Pass, say, sex=f:0.52,m:0.48.") from None
    return expected


def trusted_of(
    data: "Sequences", name: str | None, sensitive: tuple[str, ...]
) -> "tuple[Sequences, NDArray[np.int64] | None]":
    """The series without the column of checked classes, and the position of each, -1 where nobody checked.

    Arguments:
        data: series that hold the column beside the sensitive ones.
        name: of the column, or None.
        sensitive: columns that stay.

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
    columns = {column: values for column, values in data.sensitive.items() if column in sensitive}
    return replace(data, sensitive=columns), codes


def _spelled(value: object) -> str:
    """A class as text; a column with holes turns whole numbers into 1.0."""
    if value is None or value != value:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value).strip()
