"""`caudal fit`."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from caudal.cli.columns import add_columns, add_split, add_world, recipe_of
from caudal.cli.places import Reads, Writes
from caudal.cli.propose import add_yes
from caudal.cli.series import say_read
from caudal.cli.streams import print_json

if TYPE_CHECKING:
    from caudal.estimators import Trained

_EPILOG = """\
examples:
  caudal fit ward.csv --target ill --series patient --time hours -o ward.caudal
  caudal fit load.parquet --target load --series meter --time when --horizon 24 --cell gru -o load.caudal
  caudal fit nafld --epochs 20 -o nafld.caudal
  caudal fit ward.toml --set train.epochs=20 -o ward.caudal"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.set_defaults(command="fit", options=add_arguments)
    parser.add_argument(
        "source", type=Reads(), help="a table (.csv, .tsv, .parquet), a recipe (.toml), or the name of a data set"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Writes(example="ward.caudal"),
        metavar="FILE",
        required=True,
        help="where the model goes, such as ward.caudal",
    )
    parser.add_argument("--cell", metavar="NAME", help="cfc (default), ltc, ltc-ncp, cfc-ncp, gru, lstm, ...")
    parser.add_argument("--units", type=int, metavar="N", help="neurons (default: 32)")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the training series (default: at most 50)")
    parser.add_argument("--seed", type=int, metavar="N", help="of weights, order and held-out series (default: 0)")
    threshold = "of two classes, decide for the last from this probability; the file keeps it (default: 0.5)"
    parser.add_argument("--threshold", type=float, metavar="P", help=threshold)
    parser.add_argument("--set", action="append", metavar="NAME=VALUE", help="another setting, such as train.lr=0.003")
    add_world(parser, "--augment", "train on half of the series disturbed like this, drawn anew in each pass")
    parser.add_argument(
        "--send-on-change",
        type=float,
        metavar="SD",
        help="compute a step only when an input moved by more, in standard deviations of the training",
    )
    parser.add_argument("--stream", action="store_true", help="read a Parquet table in batches: it may exceed memory")
    parser.add_argument("--checkpoint", type=Writes("resumed"), metavar="FILE", help="go on from here after a kill")
    parser.add_argument("--accelerate", action="store_true", help="share batches among the processes of torchrun")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_columns(parser)
    add_yes(parser)
    add_split(parser)


def run(args: argparse.Namespace) -> int:
    """Train, score, save."""
    from caudal.estimators import fit_recipe

    out = Path(args.out)
    done = fit_recipe(recipe_of(args), checkpoint=args.checkpoint, verbose=not args.quiet, told=say_read)
    if not done.is_first:
        return 0
    done.model.save(out)
    if args.json:
        # The file names every series of each part; a line for a program need not.
        origin = {name: value for name, value in (done.model.origin_ or {}).items() if name != "parts"}
        print_json(
            {"file": os.fspath(out), "kind": type(done.model).__name__, "threshold": done.model.threshold_, **origin}
        )
        return 0
    for line in _lines(done):
        print(line)
    print(out)
    return 0


def _lines(done: "Trained") -> list[str]:
    model, fitted = done.model, done.model.fitted_
    size = sum(parameter.numel() for parameter in model.net_.parameters())
    passes = len(fitted.history)
    ended = f"best of pass {fitted.best_epoch} of {passes} (all passes done)"
    if fitted.stopped == "patience":
        ended = f"best of pass {fitted.best_epoch} of {passes} (no better pass for a while)"
    elif fitted.history[-1].val is None:
        ended = f"all {passes} passes; no validation: {_why(done)}, so the last pass is kept"
    head = f"{type(model).__name__}, {model.cell} of {model.units} units, {size:,} parameters"
    lines = [f"{head}: {ended}"]
    return [*lines, "nothing held out: no score" if done.held_out is None else str(done.held_out)]


def _why(done: "Trained") -> str:
    if done.recipe.train.validation == 0:
        return "`validation` is 0"
    return "too few series or groups are left to hold one out"
