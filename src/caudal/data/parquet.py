"""Parquet tables larger than memory: read in batches, given out as chunks of whole series."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from caudal.data.accidents import spelling_twins
from caudal.data.columns import ColumnArguments, Columns, named
from caudal.data.frame import from_table, ordered
from caudal.data.infer import check_columns, input_columns
from caudal.data.plan import not_read, plan, widen
from caudal.data.recipe import Recipe
from caudal.data.sequences import Finding, Sequences
from caudal.data.table import Table
from caudal.errors import DataError
from caudal.extras import need
from caudal.typing import Array

_OWNER = "ParquetSequences"


@dataclass(frozen=True)
class ParquetSequences:
    """A Parquet file as a stream of `Sequences`, to be read again and again; at no time is it all in memory.

    The rows of a series must stand together. Memory holds one batch of rows, one chunk of series and 8 bytes per series
    name. Parts are drawn by a hash of the cluster (or series), so that they are the same in every pass and process, and
    no cluster stands in two.

    Attributes:
        path: of the file.
        recipe: how rows become sequences; learned in one pass by `open`.
        series_per_chunk: series in each chunk.
        rows_per_batch: rows read at a time.
        part: bounds of the hash within [0, 1) that belong to this part.
        seed: of the hash.
        target: whether the columns of target, cluster and sensitive groups are read as well; without, the file need not
            have them.
        findings: what was odd in the first batch of rows; classes and categories, in all.

    Example:
        >>> import pytest, tempfile
        >>> pandas, parquet = pytest.importorskip("pandas"), pytest.importorskip("pyarrow.parquet")
        >>> rows = pandas.DataFrame({"id": [1, 1, 2, 2, 3], "t": [0, 1, 0, 2, 0], "x": 1.5, "y": [0, 0, 1, 1, 0]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     rows.to_parquet(Path(folder) / "rows.parquet")
        ...     stream = ParquetSequences.open(
        ...         Path(folder) / "rows.parquet", target="y", series="id", time="t", series_per_chunk=2
        ...     )
        ...     [len(chunk) for chunk in stream]
        [2, 1]
    """

    path: Path
    recipe: Recipe
    series_per_chunk: int = 256
    rows_per_batch: int = 65_536
    part: tuple[float, float] = (0.0, 1.0)
    seed: int = 0
    target: bool = True
    findings: tuple[Finding, ...] = ()

    @staticmethod
    def open(
        path: str | Path,
        columns: Columns | None = None,
        *,
        series_per_chunk: int = 256,
        rows_per_batch: int = 65_536,
        dtype: str = "float32",
        **arguments: Unpack[ColumnArguments],
    ) -> "ParquetSequences":
        """Learn the recipe in one pass over the file.

        The kinds of columns, the task, the unit of time and the typical gap are taken from the first batch, categories
        and classes from all.

        Arguments:
            path: of the Parquet file.
            columns: as in `from_frame`; the rows of a series stand together.
            series_per_chunk: series in each chunk.
            rows_per_batch: rows read at a time.
            dtype, arguments: as in `from_frame`.

        Raises:
            DataError: as `from_frame`; also when the rows of a series do not stand together.
            MissingExtraError: pyarrow or narwhals is not installed.
        """
        for name, size in (("series_per_chunk", series_per_chunk), ("rows_per_batch", rows_per_batch)):
            if size < 1:
                raise DataError(_OWNER, name, f"is {size}; expected at least 1", "Pass a count.")
        columns = Columns.of(columns, _OWNER, **arguments)
        if columns.series is None:
            raise DataError(_OWNER, "series", "is missing: batches end where a series ends", "Read the table whole.")
        source = Path(path)
        recipe: Recipe | None = None
        findings, first, rows = list[Finding](), 0, 0
        for table in _whole_series(source, columns.series, None, rows_per_batch):
            if recipe is None:
                recipe, findings = _first(table, columns, dtype)
                first = len(table)
            else:
                recipe = widen(recipe, table)
            rows += len(table)
        if recipe is None:
            raise DataError(_OWNER, "path", f"has no rows: {source.name}", "Export the table again.")
        if recipe.task.is_classification and len(recipe.classes) < 2:
            fault = f"holds one class only, {recipe.classes[0]!r}"
            raise DataError(_OWNER, columns.target[0], fault, "A classifier needs series of at least two classes.")
        named_values = [(columns.target[0], recipe.classes), *((c.name, c.values) for c in recipe.inputs)]
        twins = [twin for name, values in named_values for twin in spelling_twins(name, values)]
        findings = [finding for finding in findings if finding.code != "spelling"]
        if rows > rows_per_batch:
            text = f"Read in batches: likely accidents were looked for in the first {first:,} of {rows:,} rows."
            findings.append(Finding("first_batch", "", text, first))
        return ParquetSequences(source, recipe, series_per_chunk, rows_per_batch, findings=(*findings, *twins))

    def __iter__(self) -> Iterator[Sequences]:
        """Chunks of at most `series_per_chunk` whole series of this part, in the order of the file."""
        for table in self._tables():
            yield from_table(table, self.recipe, target=self.target)

    def split(
        self, *, val: float = 0.15, test: float = 0.15, seed: int = 0
    ) -> tuple["ParquetSequences", "ParquetSequences", "ParquetSequences"]:
        """Train, validation and test parts of the stream; shares hold on average over groups.

        Raises:
            DataError: shares leave nothing to train on.
        """
        if min(val, test) < 0 or val + test >= 1:
            raise DataError(_OWNER, "val", f"and `test` are {val:g} and {test:g}", "Leave some for training.")
        edge = 1 - val - test
        bounds = ((0.0, edge), (edge, edge + val), (edge + val, 1.0))
        train, middle, last = (replace(self, part=part, seed=seed) for part in bounds)
        return train, middle, last

    def _tables(self) -> Iterator[Table]:
        recipe = self.recipe
        if recipe.series is None:
            raise DataError(_OWNER, "series", "is missing: batches end where a series ends", "Read the table whole.")
        names = [recipe.series, *named(recipe.time)]
        names += [column.name for column in (*recipe.inputs, *recipe.statics)]
        if self.target:
            names += [*recipe.target, *recipe.sensitive, *named(recipe.group)]
        owner = (recipe.group if self.target else None) or recipe.series
        waiting: list[Table] = []
        count = 0
        for table in _whole_series(self.path, recipe.series, list(dict.fromkeys(names)), self.rows_per_batch):
            inside = _inside(table.keys(owner), self.part, self.seed)
            # A copy of the rows of this part: slices of it do not keep the whole batch in memory.
            mine = table if inside.all() else table.take(np.flatnonzero(inside))
            ends = _ends(mine.keys(recipe.series)) if len(mine) else np.zeros(0, np.int64)
            start = first = 0
            while count + len(ends) - first >= self.series_per_chunk:
                first += self.series_per_chunk - count
                yield _joined([*waiting, mine.part(start, int(ends[first - 1]))])
                start, waiting, count = int(ends[first - 1]), [], 0
            if start < len(mine):
                waiting.append(mine.part(start, len(mine)))
                count += len(ends) - first
        if waiting:
            yield _joined(waiting)


def _first(table: Table, columns: Columns, dtype: str) -> tuple[Recipe, list[Finding]]:
    check_columns(table, columns)
    ordering = ordered(table, columns)
    # An input that is empty here may be filled later; named inputs are refused instead of left out in silence.
    inputs = input_columns(table, columns, forecast=columns.task == "forecast" or columns.horizon > 0)
    recipe, findings = plan(table, replace(columns, features=inputs), ordering, dtype, least_classes=1)
    return recipe, [*not_read(table, columns), *ordering.findings, *findings]


def _whole_series(path: Path, series: str, columns: list[str] | None, rows: int) -> Iterator[Table]:
    """Batches of rows, each ending where a series ends.

    Raises:
        DataError: there is no such file or column, or a series goes on after another began.
    """
    nw = need(_OWNER, "narwhals.stable.v2")
    arrow = need(_OWNER, "pyarrow")
    file = _open(path)
    closed: set[int] = set()
    rest: Any = None
    first = 0
    for batch in file.iter_batches(batch_size=rows, columns=columns):
        piece = arrow.Table.from_batches([batch])
        piece = piece if rest is None else arrow.concat_tables([rest, piece])
        table = _part(nw, piece, path, first)
        table.need_columns([series])
        keys = table.keys(series)
        cut = int(np.flatnonzero(keys != keys[-1])[-1]) + 1 if (keys != keys[-1]).any() else 0
        rest = piece.slice(cut)
        if cut:
            done = _part(nw, piece.slice(0, cut), path, first)
            _close(done, keys[:cut], closed, series)
            yield done
            first += cut
    if rest is not None and rest.num_rows:
        table = _part(nw, rest, path, first)
        _close(table, table.keys(series), closed, series)
        yield table


def _part(nw: Any, piece: Any, path: Path, first: int) -> Table:
    frame = nw.from_native(piece, eager_only=True)
    return Table(frame, _OWNER, path.name, rows=np.arange(first, first + len(piece)))


def _open(path: Path) -> Any:
    parquet = need(_OWNER, "pyarrow.parquet")
    if not path.is_file():
        raise DataError(_OWNER, "path", f"names no file: {path}", "Check the path.")
    try:
        # Buffering ahead would hold the columns of the whole file.
        return parquet.ParquetFile(path, pre_buffer=False)
    except (OSError, ValueError) as error:
        raise DataError(_OWNER, "path", f"is no Parquet file: {path.name} ({error})", "Export it again.") from error


def _close(table: Table, keys: Array, closed: set[int], series: str) -> None:
    heads = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    for head in heads:
        mark = _hash(keys[head], 0)
        if mark in closed:
            fault = f"goes back to {keys[head]} at {table.where(int(head))}, after rows of other series"
            raise table.fail(series, fault, f"Sort the file by `{series}`.", int(head))
        closed.add(mark)


def _ends(keys: Array) -> NDArray[np.int64]:
    """Position after the last row of each series."""
    return np.append(np.flatnonzero(keys[1:] != keys[:-1]) + 1, len(keys))


def _joined(tables: list[Table]) -> Table:
    if len(tables) == 1:
        return tables[0]
    nw = need(_OWNER, "narwhals.stable.v2")
    places = [table.rows for table in tables if table.rows is not None]
    return replace(tables[0], frame=nw.concat([table.frame for table in tables]), rows=np.concatenate(places))


def _inside(owners: Array, part: tuple[float, float], seed: int) -> NDArray[np.bool_]:
    if part == (0.0, 1.0):
        return np.ones(len(owners), np.bool_)
    names, place = np.unique(owners, return_inverse=True)
    at = np.array([_hash(name, seed) / 2**64 for name in names])
    return np.asarray(((at >= part[0]) & (at < part[1]))[place], np.bool_)


def _hash(name: object, seed: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest(), "little")
