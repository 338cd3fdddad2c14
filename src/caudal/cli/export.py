"""`caudal export`."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.cli.show import print_json, say
from caudal.errors import InputError

if TYPE_CHECKING:
    from caudal.data import Sequences
    from caudal.export import Lost

_EPILOG = """\
examples:
  caudal export ward.caudal --to c --dtype int16 -o policy
  caudal export digits.caudal --to c --dtype int8 --data spoken-digits -o digits_c"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("model", help="a saved layer, or a file that `caudal fit` wrote")
    parser.add_argument("--to", choices=("c",), default="c", help="the form (default: c)")
    parser.add_argument("--dtype", default="int16", help="float32, int16 (default) or int8")
    parser.add_argument("-o", "--out", metavar="DIR", required=True, help="a new folder")
    parser.add_argument("--name", default="policy", help="prefix of files and functions (default: policy)")
    parser.add_argument("--state", default="auto", help="width of relaxing states: auto (default), int16 or int32")
    parser.add_argument("--shortest-dt", type=float, metavar="TIME", help="shortest elapsed time, in your unit")
    parser.add_argument("--constant-time", action="store_true", help="no branch whose time depends on data")
    parser.add_argument("--data", metavar="SOURCE", help="a table with targets, or a data set's name: report the loss")


def run(args: argparse.Namespace) -> int:
    """Export, and say what it costs."""
    from caudal import export
    from caudal.estimators import load

    model = load(args.model)
    data = None if args.data is None else _data(model, args.data)
    made = export.c(
        model, args.out, args.dtype,
        name=args.name, state=args.state, shortest_dt=args.shortest_dt, constant_time=args.constant_time,
    )  # fmt: skip
    found = None if data is None else export.lost(model, made.program, data)
    say(f"written to {args.out}; check it with `caudal export verify {args.out}`")
    if args.json:
        print_json(_facts(args.out, made, found))
        return 0
    print(f"{made.program.layer}, {made.program.dtype}, state of {made.program.state_bytes()} bytes")
    if made.dt_min:
        print(f"shortest usable time: {made.dt_min:.3g}")
    if found is not None:
        print(
            f"{found.metric} on {found.series} series: network {found.network:.4g}, export {found.export:.4g} "
            f"({100 * found.change:+.2f} % worse); widest difference of an answer {found.widest:.2g}"
        )
    return 0


def _facts(out: str, made: Any, found: "Lost | None") -> dict[str, Any]:
    program = made.program
    return {
        "folder": os.fspath(out),
        "layer": program.layer,
        "dtype": program.dtype,
        "state_bytes": program.state_bytes(),
        "dt_min": made.dt_min,
        "golden": f"{made.digest:08x}",
        "lost": found,
    }


def _data(model: Any, source: str) -> "Sequences":
    """Test series of a data set, or the series of a table, as the model reads them."""
    from caudal.data import datasets, read_like

    if not hasattr(model, "encoder_"):
        fault = "is given, and the file holds a layer alone, which does not know how to read data"
        raise InputError("export", "--data", fault, "Pass a file that `caudal fit` wrote.")
    if not Path(source).exists() and source in datasets.names():
        return datasets.load(source).test
    if model.data_recipe_ is None:
        fault = f"names the table {source}, and the model was trained on arrays"
        raise InputError("export", "--data", fault, "Use `caudal.export.lost` in Python.")
    return read_like(source, model.data_recipe_, target=True)
