"""`caudal export`."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.cli.places import Reads, Writes, check_file, check_folder
from caudal.cli.show import print_json, say
from caudal.errors import InputError

if TYPE_CHECKING:
    from caudal.data import Sequences
    from caudal.export import Exported, Lost

_EPILOG = """\
examples:
  caudal export ward.caudal --to c --dtype int16 -o policy
  caudal export digits.caudal --to c --dtype int8 --data spoken-digits -o digits_c
  caudal export ward.caudal --to onnx --graph sequence -o ward.onnx"""
# Forms of one file, and the function that writes each.
_FILES = {"onnx": "onnx", "torch": "torch_program", "aoti": "aoti", "executorch": "executorch"}
# What only C has, with its value when nothing is typed.
_OF_C: dict[str, Any] = {
    "dtype": "int16",
    "name": "policy",
    "state": "auto",
    "shortest_dt": None,
    "constant_time": False,
    "data": None,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("model", type=Reads(is_model=True), help="a saved layer, or a file that `caudal fit` wrote")
    parser.add_argument("--to", choices=("c", *_FILES), default="c", help="the form (default: c)")
    parser.add_argument(
        "-o", "--out", type=Writes("place"), metavar="PLACE", required=True, help="a new folder for c, a file otherwise"
    )
    graphs = parser.add_argument_group("onnx, torch")
    graphs.add_argument("--graph", choices=("step", "sequence"), help="one step (default), or a whole series")
    c = parser.add_argument_group("c")
    c.add_argument("--dtype", help="float32, int16 (default) or int8")
    c.add_argument("--name", help="prefix of files and functions (default: policy)")
    c.add_argument("--state", help="width of relaxing states: auto (default), int16 or int32")
    c.add_argument("--shortest-dt", type=float, metavar="TIME", help="shortest elapsed time, in your unit")
    c.add_argument("--constant-time", action="store_true", default=None, help="no branch whose time depends on data")
    c.add_argument(
        "--data", type=Reads(), metavar="SOURCE", help="a table with targets, or a data set's name: report the loss"
    )


def run(args: argparse.Namespace) -> int:
    """Export, and say what it costs."""
    from caudal import export
    from caudal.estimators import load

    _check_options(args)
    model = load(args.model)
    if args.to != "c":
        write = getattr(export, _FILES[args.to])
        return _file(args, write(model, args.out, *([args.graph] if args.graph else [])))
    options = {name: usual if getattr(args, name) is None else getattr(args, name) for name, usual in _OF_C.items()}
    source, dtype = options.pop("data"), options.pop("dtype")
    data = None if source is None else _data(model, source)
    made = export.c(model, args.out, dtype, **options)
    found = None if data is None else export.lost(model, made.program, data)
    say(f"written to {args.out}; check it with `caudal export verify {args.out} --model {args.model}`")
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


def _check_options(args: argparse.Namespace) -> None:
    foreign = [name for name in _OF_C if getattr(args, name) is not None] if args.to != "c" else []
    foreign += ["graph"] if args.to not in ("onnx", "torch") and args.graph is not None else []
    if foreign:
        option = f"--{foreign[0].replace('_', '-')}"
        raise InputError("export", option, f"is given, and `--to {args.to}` has no such choice", "Leave it out.")
    if args.to == "c":
        check_folder("export", "--out", Path(args.out))
    else:
        check_file("export", "--out", Path(args.out), Writes(example="net.onnx"), args.overwrite)


def _file(args: argparse.Namespace, made: "Exported") -> int:
    if args.json:
        print_json({"path": os.fspath(made.path), "graph": made.graph, "layer": made.plan.layer, "states": made.states})
        return 0
    say(f"written to {made.path}")
    print(f"{made.plan.layer}, {made.graph} graph, {made.size:,} bytes")
    for now, following, size in made.states:
        print(f"state: {now} -> {following}, (batch, {size}), zeros at the start")
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
    from caudal.cli.series import series_for

    if not hasattr(model, "encoder_"):
        fault = "is given, and the file holds a layer alone, which does not know how to read data"
        raise InputError("export", "--data", fault, "Pass a file that `caudal fit` wrote.")
    return series_for("export", model, source, target=True)
