"""`caudal predict`."""

import argparse
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.cli.columns import add_written, written_given
from caudal.cli.places import Reads, Writes, check_table
from caudal.cli.series import add_part, add_threshold, is_data_set
from caudal.cli.streams import exact, print_json, say
from caudal.errors import FileFormatError, InputError

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("model", type=Reads(is_model=True), help="a file that `caudal fit` wrote")
    parser.add_argument(
        "table",
        type=Reads(),
        help="a table (.csv, .tsv, .parquet) with the inputs of the training, or the name of a set",
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Writes("table", example="answers.csv"),
        metavar="FILE",
        help=".csv, .tsv or .parquet (default: CSV on stdout)",
    )
    parser.add_argument(
        "--log",
        type=Writes("folder"),
        metavar="FOLDER",
        help="write every decision into this audit log; made if missing",
    )
    parser.add_argument(
        "--key", type=Reads(), metavar="FILE", help="private key that signs the log (default: your own)"
    )
    add_threshold(parser)
    parser.add_argument("--stream", action="store_true", help="read a Parquet table in batches: it may exceed memory")
    add_part(parser)
    add_written(parser)


def run(args: argparse.Namespace) -> int:
    """Predict, and write or print."""
    from caudal.cli.series import Notes, checked_threshold
    from caudal.data import to_table
    from caudal.estimators import predictions

    if args.out:
        to_table.check_path(Path(args.out))
    model = estimator(args.model, "predict") if is_data_set(args.table) else reader(args.model, "predict")
    threshold = checked_threshold("predict", model, args.threshold)
    if args.out:
        recipe: Any = model.data_recipe_
        columns = {"class", "p(", "step", "time"}
        columns |= set() if recipe is None else {recipe.series, recipe.time, *recipe.target}
        check_table("predict", Path(args.out), columns, args.overwrite)
    parts = Notes(model).watched(model.parts(_source(model, args)))
    with _log(args) as log:
        return _answer(args, (chunk for part in parts for chunk in predictions(model, part, log, threshold)))


def _log(args: argparse.Namespace) -> Any:
    if not args.log:
        return nullcontext()
    from caudal.audit import Log

    return Log(args.log, args.key)


def _answer(args: argparse.Namespace, chunks: Any) -> int:
    from caudal.data import to_table

    if args.out:
        rows = to_table.write_table(args.out, chunks)
        say(f"{rows:,} rows in {args.out}")
        if args.json:
            print_json({"file": args.out, "rows": rows})
    elif args.json:
        print_json([dict(zip(chunk, row, strict=True)) for chunk in chunks for row in _rows(chunk)])
    else:
        with exact() as file:
            to_table.write_csv(file, chunks)
    return 0


def estimator(path: str, command: str) -> "LiquidEstimator":
    """The estimator of a file.

    Raises:
        FileFormatError: it holds something else.
        MissingFileError: there is no such file.
    """
    from caudal.estimators import load
    from caudal.estimators.base import LiquidEstimator
    from caudal.estimators.tabular import FeatureModel

    model = load(path)
    if not isinstance(model, LiquidEstimator | FeatureModel):
        name = type(model).__name__
        raise FileFormatError(
            f"{command}: {path} holds a {name} alone, which does not know how to read a table. "
            "Pass a file that `caudal fit` or `save` of an estimator wrote."
        )
    return model


def reader(path: str, command: str) -> "LiquidEstimator":
    """The estimator of a file that knows how to read a table.

    Raises:
        FileFormatError: it holds something else.
        MissingFileError: there is no such file.
        InputError: it was trained on arrays.
    """
    model = estimator(path, command)
    if model.data_recipe_ is None:
        fault = f"was trained on arrays and cannot read a table: {path}"
        raise InputError(command, "model", fault, "Train it on a table, or do it from Python.")
    return model


def _source(model: "LiquidEstimator", args: argparse.Namespace) -> object:
    from caudal.cli.series import part_of, recipe_for
    from caudal.data import ParquetSequences, datasets, read_like
    from caudal.data.source import is_parquet

    if is_data_set(args.table):
        for option, given in (("--stream", args.stream), *((f"--{name}", True) for name in written_given(args))):
            if given:
                raise InputError("predict", option, "is given, and the table is a data set by name", "Leave it out.")
        return part_of("predict", model, datasets.load(args.table).test, args.part)
    if not args.stream:
        written = written_given(args)
        if args.part is not None:
            return part_of("predict", model, read_like(args.table, recipe_for(model, written)), args.part)
        return read_like(args.table, recipe_for(model, written)) if written else args.table
    if args.part is not None:
        raise InputError("predict", "--part", "is given, and --stream reads batches", "Leave one of them out.")
    if not is_parquet(args.table):
        raise InputError("predict", "--stream", f"reads Parquet, and the table is {args.table}", "Leave it out.")
    recipe: Any = model.data_recipe_
    return ParquetSequences(Path(args.table), recipe, target=False)


def _rows(chunk: Any) -> list[tuple[object, ...]]:
    return list(zip(*map(_plain, chunk.values()), strict=True))


def _plain(column: Any) -> list[object]:
    """Cells that JSON holds; datetimes with a zone are objects."""
    if column.dtype.kind in "mM":
        return [str(cell) for cell in column]
    return [str(cell) if isinstance(cell, datetime) else cell for cell in column.tolist()]
