"""`caudal trim`."""

import argparse
from typing import TYPE_CHECKING, Any

from caudal.cli.columns import add_written, written_given
from caudal.cli.places import Reads, Writes
from caudal.cli.streams import print_json, say
from caudal.errors import InputError

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator

_EPILOG = """\
examples:
  caudal fit spoken-digits --cell cfc-ncp -o digits.caudal
  caudal trim digits.caudal spoken-digits --keep 0.25 -o small.caudal
  caudal energy small.caudal"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument(
        "model", type=Reads(is_model=True), help="a file that `caudal fit` wrote, of a cell with a circuit"
    )
    parser.add_argument(
        "source", type=Reads(), help="the training series: a table with the target, or the name of a data set"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Writes(example="small.caudal"),
        metavar="FILE",
        required=True,
        help="where the smaller model goes",
    )
    parser.add_argument("--keep", type=float, default=0.25, metavar="SHARE", help="of the synapses (default: 0.25)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often synapses leave (default: 3)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_written(parser)


def run(args: argparse.Namespace) -> int:
    """Trim, say what is left, save."""
    from caudal.cli.series import training_series
    from caudal.estimators import trim
    from caudal.estimators.door import load_network

    model = load_network(args.model, "trim")
    if not hasattr(model, "fitted_"):
        fault = "holds a network alone, which says nothing of scales and training"
        raise InputError("trim", "model", fault, "Pass a file that `caudal fit` wrote, or call `caudal.train.trim`.")
    model.set_params(verbose=not args.quiet)
    train, val = training_series("trim", model, args.source, written_given(args))
    smaller = trim(model, train, val=val, keep=args.keep, rounds=args.rounds)
    smaller.save(args.out)
    sizes = {"before": _facts(model), "after": _facts(smaller)}
    if args.json:
        print_json({"file": args.out, **sizes})
        return 0
    for name, facts in sizes.items():
        print(
            f"{name + ':':8}{facts['units']} neurons, {facts['synapses']:,} synapses, {facts['parameters']:,} "
            f"parameters, {facts['operations']:,.0f} operations a step, validation loss {facts['loss']}"
        )
    say(f"written to {args.out}")
    return 0


def _facts(model: "LiquidEstimator") -> dict[str, Any]:
    from caudal.nn.operations import live_parameters, operations

    net, fitted = model.net_, model.fitted_
    val = fitted.history[fitted.best_epoch - 1].val
    return {
        "units": net.layer.units,
        "synapses": net.synapse_count(),
        "parameters": live_parameters(net),
        "operations": operations(net).total,
        "loss": None if val is None else round(val, 4),
    }
