"""`caudal studio`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from caudal.cli.columns import add_written, written_given
from caudal.cli.places import Reads, Writes
from caudal.cli.series import add_part
from caudal.cli.streams import print_json, say

if TYPE_CHECKING:
    from caudal.data import Sequences
    from caudal.estimators.base import LiquidEstimator
    from caudal.nn.layer import Layer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("model", type=Reads(is_model=True), help="an estimator or a network that `save` wrote")
    table = "CSV or Parquet file with the columns of the training, or a data set's name; a made-up series if left out"
    parser.add_argument("data", type=Reads(), nargs="?", help=table)
    parser.add_argument(
        "--beside", type=Reads(is_model=True), metavar="MODEL", help="a second model of the same columns, side by side"
    )
    out = Writes(example="studio.html")
    parser.add_argument("-o", "--out", type=out, metavar="FILE", default="studio.html", help="(default: studio.html)")
    parser.add_argument("--lang", choices=("en", "es"), default="en", help="language of the page (default: en)")
    add_part(parser)
    add_written(parser)


def run(args: argparse.Namespace) -> int:
    """Write the studio of one model, or of two."""
    from caudal.estimators.door import load_network
    from caudal.report import studio

    paths = [args.model] if args.beside is None else [args.model, args.beside]
    models = [load_network(path, "studio") for path in paths]
    shown = [studio.StudioModel.of(Path(path).name, model) for path, model in zip(paths, models, strict=True)]
    data = None if args.data is None else _series(models[0], args)
    page = studio.write(shown, data, args.out, args.lang)
    if args.json:
        print_json({"page": str(page), "models": paths, "series": 0 if data is None else len(data)})
    else:
        say(f"wrote {page}; open it in a browser, it needs no network")
    return 0


def _series(model: "LiquidEstimator | Layer", args: argparse.Namespace) -> "Sequences":
    """The series of the table, as the model reads them."""
    from caudal.cli.series import part_of, series_for
    from caudal.errors import InputError

    if not hasattr(model, "encoder_"):
        fault = f"{args.model} holds a bare network, which does not say how to read a table"
        raise InputError("studio", "data", fault, "Leave the table out, or pass an estimator that `caudal fit` wrote.")
    data = series_for("studio", model, args.data, written=written_given(args))
    return part_of("studio", model, data, args.part)
