"""Which group each series belongs to: by one sensitive column, or by several at once."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from caudal.errors import InputError

# Answers below which a group counts as small, and people below which it counts in no gap, however many their answers.
LEAST, LEAST_PEOPLE = 30, 10
UNKNOWN, OTHER = "unknown", "other"
# More different numbers than this are a quantity, which must be cut before it names groups.
_DISTINCT = 12
MANY = 30
_BETWEEN = " & "
Edges = Mapping[str, Sequence[float]]


@dataclass(frozen=True, eq=False)
class Groups:
    """Who belongs to which group. Frozen; arrays are read-only.

    Attributes:
        attribute: name of the column, or of several: `"sex & age"`.
        names: of the groups, in order; numbers by size, then texts, then `"unknown"` and `"other"`.
        codes: `(batch,)` int64, position in `names` of each series.
        columns: the sensitive columns that it was made from.
        edges: by column, where numbers were cut.

    Example:
        >>> groups = Groups.of({"sex": ["f", "m", "f", "m"]})
        >>> groups
        Groups(sex: f 2, m 2)
        >>> groups.where("f").tolist()
        [True, False, True, False]
    """

    attribute: str
    names: tuple[str, ...]
    codes: NDArray[np.int64]
    columns: tuple[str, ...] = ()
    edges: Edges = field(default_factory=dict)

    def __post_init__(self) -> None:
        codes = np.asarray(self.codes, np.int64).view()
        codes.setflags(write=False)
        object.__setattr__(self, "codes", codes)
        object.__setattr__(self, "edges", MappingProxyType({k: tuple(v) for k, v in self.edges.items()}))

    @staticmethod
    def of(
        columns: Mapping[str, ArrayLike],
        *,
        edges: Edges | None = None,
        missing: Literal["group", "refuse"] = "group",
        alone: Literal["refuse", "other"] = "refuse",
    ) -> "Groups":
        """Groups by one column, or by every combination of several that occurs.

        Arguments:
            columns: sensitive columns, each `(batch,)`; several make intersections.
            edges: where to cut columns of numbers: a value goes into the part whose lower edge it reaches.
            missing: a value that is not known (NaN, None, "") makes the group `"unknown"`, or is refused.
            alone: a group of one person is refused, or put with its like into `"other"`.

        Raises:
            InputError: there is no column, a column is constant or of another length, a number has more than 12
                values and no edges, there are more than 30 groups, a value is missing and refused, or a group holds
                one person.

        Example:
            >>> Groups.of({"sex": list("ffmm"), "age": [30, 70, 30, 70]}, edges={"age": [65]}, alone="other")
            Groups(sex & age: other 4)
            >>> Groups.of({"age": range(40)}, edges={"age": [20]}).names
            ('below 20', '20 and above')
        """
        given = {name: np.asarray(column) for name, column in columns.items()}
        _check(given, edges or {})
        texts = {name: _texts(name, column, (edges or {}).get(name)) for name, column in given.items()}
        for name, labels in texts.items():
            _check_labels(name, labels, missing)
        return _joined(texts, {name: tuple(map(float, e)) for name, e in (edges or {}).items() if name in given}, alone)

    def read(self, columns: Mapping[str, ArrayLike]) -> "Groups":
        """The same groups for other series: same names in the same order, numbers cut at the same edges.

        Arguments:
            columns: the sensitive columns of the other series.

        Raises:
            InputError: a column is not there, or holds a value that these groups do not know.

        Example:
            >>> known = Groups.of({"sex": list("ffmm")})
            >>> known.read({"sex": ["m"]}).codes.tolist()
            [1]
            >>> known.read({"sex": ["x"]})
            Traceback (most recent call last):
            ...
            caudal.errors.InputError: Groups.read: `sex` holds a group that was not there before, first at series 0. ...
        """
        lacking = [name for name in self.columns if name not in columns]
        if lacking:
            raise InputError("Groups.read", lacking[0], "is not among the columns", "Pass the sensitive columns.")
        texts = {name: _texts(name, np.asarray(columns[name]), self.edges.get(name)) for name in self.columns}
        place = {name: k for k, name in enumerate(self.names)}
        labels = [_BETWEEN.join(row) for row in zip(*texts.values(), strict=True)]
        strange = [k for k, label in enumerate(labels) if label not in place and OTHER not in place]
        if strange:
            # Where, not what: messages reach logs, and values of persons must not.
            fault = f"holds a group that was not there before, first at series {strange[0]}"
            remedy = "Make the groups from all series, or leave those series out."
            raise InputError("Groups.read", self.attribute, fault, remedy)
        codes = np.array([place.get(label, place.get(OTHER, 0)) for label in labels], np.int64)
        return Groups(self.attribute, self.names, codes, self.columns, self.edges)

    @property
    def labels(self) -> NDArray[np.str_]:
        """`(batch,)` name of the group of each series."""
        return np.array(self.names, dtype=np.str_)[self.codes]

    @property
    def counts(self) -> NDArray[np.int64]:
        """`(groups,)` series of each group."""
        return np.bincount(self.codes, minlength=len(self.names)).astype(np.int64)

    @property
    def small(self) -> tuple[str, ...]:
        """Groups of fewer than 30 series: figures about them say little."""
        return tuple(name for name, count in zip(self.names, self.counts, strict=True) if count < LEAST)

    def people(self, owner: NDArray[np.generic]) -> dict[str, int]:
        """How many people stand behind each group, by name.

        Arguments:
            owner: `(batch,)` whose each series or answer is.

        Example:
            >>> Groups.of({"sex": list("ffmm")}).people(np.array([7, 7, 7, 9]))
            {'f': 1, 'm': 2}
        """
        return {name: len(np.unique(owner[self.codes == k])) for k, name in enumerate(self.names)}

    def where(self, group: str) -> NDArray[np.bool_]:
        """`(batch,)` bool, who belongs to a group.

        Raises:
            InputError: there is no such group.
        """
        if group not in self.names:
            fault = f"is {group!r}; {self.attribute} has {', '.join(self.names)}"
            raise InputError("Groups.where", "group", fault, "Name one of them.")
        return np.asarray(self.codes == self.names.index(group))

    def select(self, rows: ArrayLike) -> "Groups":
        """The groups of some series, names kept: one may be empty then.

        Arguments:
            rows: positions, or a bool mask `(batch,)`.
        """
        return Groups(self.attribute, self.names, self.codes[np.asarray(rows)], self.columns, self.edges)

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {count:,}" for name, count in zip(self.names, self.counts, strict=True))
        return f"Groups({self.attribute}: {sizes})"


def is_quantity(column: ArrayLike) -> bool:
    """Whether a column holds numbers of more than 12 values, which must be cut before they name groups.

    Example:
        >>> is_quantity(range(100)), is_quantity([0, 1, 1]), is_quantity(["f", "m"])
        (True, False, False)
    """
    array = np.asarray(column)
    return array.dtype.kind in "iuf" and len(np.unique(array[_known(array)])) > _DISTINCT


def thirds(column: ArrayLike) -> tuple[float, ...]:
    """Edges that cut numbers into three parts of like size, rounded where that changes little.

    Example:
        >>> thirds(np.arange(20, 80))
        (40.0, 59.0)
    """
    array = np.asarray(column, np.float64)
    known = array[np.isfinite(array)]
    low, high = (float(edge) for edge in np.quantile(known, [1 / 3, 2 / 3]))
    spread = float(known.max() - known.min())
    digits = max(0, 1 - int(np.floor(np.log10(spread)))) if spread > 0 else 0
    edges = sorted({round(low, digits), round(high, digits)})
    return tuple(edge for edge in edges if known.min() < edge <= known.max())


def _check(columns: Mapping[str, NDArray[np.generic]], edges: Edges) -> None:
    if not columns:
        raise InputError("Groups.of", "columns", "names no column", "Pass at least one sensitive column.")
    first = next(iter(columns.values()))
    for name, column in columns.items():
        if column.shape == (0,):
            raise InputError("Groups.of", name, "is empty", "Pass one value per series.")
        if column.ndim != 1 or column.shape != first.shape:
            fault = f"has shape {column.shape}; expected ({len(first) if first.ndim else 0},)"
            raise InputError("Groups.of", name, fault, "Pass one value per series.")
        cuts = edges.get(name)
        if cuts is None and is_quantity(column):
            fault = f"holds {len(np.unique(column[_known(column)]))} different numbers, which name no groups"
            proposal = ", ".join(f"{edge:g}" for edge in thirds(column))
            raise InputError("Groups.of", name, fault, f"Say where to cut; thirds would be edges {proposal}.")
        if cuts is not None:
            _check_edges(name, column, cuts)


def _check_edges(name: str, column: NDArray[np.generic], cuts: Sequence[float]) -> None:
    if column.dtype.kind not in "iuf":
        raise InputError("Groups.of", name, "holds texts and is given edges", "Leave its edges out.")
    rising = all(np.isfinite(e) for e in cuts) and all(a < b for a, b in itertools.pairwise(cuts))
    if not len(cuts) or not rising:
        fault = f"is to be cut at {list(cuts)}; edges are finite numbers that rise"
        raise InputError("Groups.of", name, fault, "Pass, say, [40, 65].")


def _known(column: NDArray[np.generic]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(column)) if column.dtype.kind == "f" else np.ones(column.shape, np.bool_)


def _texts(name: str, column: NDArray[np.generic], edges: Sequence[float] | None) -> list[str]:
    """The label of each series; `UNKNOWN` where there is none."""
    if column.dtype.kind not in "iuf":
        plain = column.tolist()
        return [UNKNOWN if value is None or value != value or not str(value).strip() else str(value) for value in plain]
    known = _known(column)
    if edges is None:
        return [f"{value:g}" if ok else UNKNOWN for value, ok in zip(column.tolist(), known, strict=True)]
    spans = _spans([float(edge) for edge in edges])
    place = np.searchsorted(np.asarray(edges, np.float64), np.where(known, column, 0), side="right")
    return [spans[int(k)] if ok else UNKNOWN for k, ok in zip(place, known, strict=True)]


def _spans(edges: list[float]) -> list[str]:
    inner = [f"{low:g} to below {high:g}" for low, high in itertools.pairwise(edges)]
    return [f"below {edges[0]:g}", *inner, f"{edges[-1]:g} and above"]


def _check_labels(name: str, labels: list[str], missing: str) -> None:
    distinct = set(labels)
    if missing == "refuse" and UNKNOWN in distinct:
        fault = f"is missing for {labels.count(UNKNOWN)} series, the first at {labels.index(UNKNOWN)}"
        remedy = 'Fill it in the table, or leave those series out. Or pass `missing="group"`.'
        raise InputError("Groups.of", name, fault, remedy)
    if len(distinct) < 2:
        same = UNKNOWN if UNKNOWN in distinct else "of one group"
        fault = f"is constant: all {len(labels):,} series are {same}"
        raise InputError("Groups.of", name, fault, "Nothing can be compared by it; leave it out or use other series.")
    if len(distinct) > MANY:
        fault = f"holds {len(distinct)} different values; at most {MANY} groups can be compared"
        raise InputError("Groups.of", name, fault, "Join values into fewer groups; an identifier is no attribute.")


def _joined(texts: Mapping[str, list[str]], edges: Edges, alone: str) -> Groups:
    attribute = _BETWEEN.join(texts)
    rows = list(zip(*texts.values(), strict=True))
    counts: dict[tuple[str, ...], int] = {}
    for row in rows:
        counts[row] = counts.get(row, 0) + 1
    single = [row for row, count in counts.items() if count == 1]
    if single and alone == "refuse":
        where = f"the first at series {rows.index(single[0])}"
        fault = f"has {len(single):,} group{'s' * (len(single) > 1)} of one person, {where}, whom figures lay bare"
        remedy = 'Join it with another. Or pass `alone="other"`.'
        raise InputError("Groups.of", attribute, fault, remedy)
    orders = [_order(list(column), edges.get(name)) for name, column in texts.items()]
    cells = sorted((r for r in counts if r not in single), key=lambda r: [o[v] for o, v in zip(orders, r, strict=True)])
    if len(cells) > MANY:
        fault = f"makes {len(cells)} groups; at most {MANY} can be compared"
        raise InputError("Groups.of", attribute, fault, "Join values, cut numbers more coarsely, or cross fewer.")
    names = [_BETWEEN.join(row) for row in cells] + ([OTHER] if single else [])
    place = {row: k for k, row in enumerate(cells)}
    codes = np.array([place.get(row, len(cells)) for row in rows], np.int64)
    return Groups(attribute, tuple(names), codes, tuple(texts), edges)


def _order(labels: list[str], edges: Sequence[float] | None) -> dict[str, tuple[int, float, str]]:
    """Parts of a quantity as they were cut, numbers by size, then texts, then the unknown."""
    spans = _spans([float(edge) for edge in edges]) if edges is not None else []

    def rank(label: str) -> tuple[int, float, str]:
        if label == UNKNOWN:
            return (2, 0.0, label)
        if label in spans:
            return (0, float(spans.index(label)), label)
        try:
            return (0, float(label), label)
        except ValueError:
            return (1, 0.0, label)

    return {label: rank(label) for label in set(labels)}
