"""`caudal export`."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.cli.places import Reads, Writes, check_file, check_folder
from caudal.cli.streams import print_columns, print_json, say
from caudal.errors import BackendError, InputError

if TYPE_CHECKING:
    from caudal.data import Sequences
    from caudal.export import Exported, Lost
if TYPE_CHECKING:
    from caudal.export.c.targets import Measured


_EXPORT_EPILOG = """\
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


def export_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXPORT_EPILOG
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


def export(args: argparse.Namespace) -> int:
    """Export, and say what it costs."""
    from caudal import export
    from caudal.estimators.door import load_network

    _check_options(args)
    model = load_network(args.model, "export")
    if args.to != "c":
        write = getattr(export, _FILES[args.to])
        return _file(args, write(model, args.out, *([args.graph] if args.graph else [])))
    options = {name: usual if getattr(args, name) is None else getattr(args, name) for name, usual in _OF_C.items()}
    source, dtype = options.pop("data"), options.pop("dtype")
    data = None if source is None else _data(model, source)
    exported = export.c(model, args.out, dtype, **options)
    loss = None if data is None else export.lost(model, exported.program, data)
    say(f"written to {args.out}; check it with `caudal export verify {args.out} --model {args.model}`")
    if args.json:
        print_json(_facts(args.out, exported, loss))
        return 0
    print(f"{exported.program.layer}, {exported.program.dtype}, state of {exported.program.state_bytes()} bytes")
    if exported.dt_min:
        print(f"shortest usable time: {exported.dt_min:.3g}")
    if loss is not None:
        print(
            f"{loss.metric} on {loss.series} series: network {loss.network:.4g}, export {loss.export:.4g} "
            f"({100 * loss.change:+.2f} % worse); widest difference of an answer {loss.widest:.2g}"
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


def _file(args: argparse.Namespace, exported: "Exported") -> int:
    if args.json:
        print_json(
            {
                "path": os.fspath(exported.path),
                "graph": exported.graph,
                "layer": exported.plan.layer,
                "states": exported.states,
            }
        )
        return 0
    say(f"written to {exported.path}")
    print(f"{exported.plan.layer}, {exported.graph} graph, {exported.size:,} bytes")
    for now, following, size in exported.states:
        print(f"state: {now} -> {following}, (batch, {size}), zeros at the start")
    return 0


def _facts(out: str, exported: Any, loss: "Lost | None") -> dict[str, Any]:
    program = exported.program
    return {
        "folder": os.fspath(out),
        "layer": program.layer,
        "dtype": program.dtype,
        "state_bytes": program.state_bytes(),
        "dt_min": exported.dt_min,
        "golden": f"{exported.digest:08x}",
        "lost": loss,
    }


def _data(model: object, source: str) -> "Sequences":
    """Test series of a data set, or the series of a table, as the model reads them."""
    from caudal.cli.series import series_for

    if not hasattr(model, "encoder_"):
        fault = "is given, and the file holds a layer alone, which does not know how to read data"
        raise InputError("export", "--data", fault, "Pass a file that `caudal fit` wrote.")
    return series_for("export", model, source, target=True)


def measure_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("folder", help="what `caudal export` wrote")
    parser.add_argument("--on", action="append", metavar="TARGET", help="such as Cortex-M4F; all when left out")


def measure(args: argparse.Namespace) -> int:
    """Build, run and measure; 1 when a machine answers otherwise than the reference."""
    from caudal.export import TARGETS, Measured, measure
    from caudal.export.c.verify import golden_of

    expected = golden_of(args.folder)
    measured: list[Measured] = []
    failed: list[tuple[str, str]] = []
    for name in args.on or TARGETS:
        if not args.on and TARGETS[name].missing():
            say(f"{name}: skipped, `{TARGETS[name].missing()}` is not installed")
            continue
        try:
            measured.append(measure(args.folder, name))
        except BackendError as error:
            failed.append((name, str(error)))
    right = not failed and all(figures.digest == expected for figures in measured)
    if args.json:
        print_json({"golden": expected, "right": right, "measured": measured, "failed": dict(failed)})
        return 0 if right else 1
    for name, fault in failed:
        say(f"{name}: {fault}")
    rows = [
        (
            figures.target,
            "same" if figures.digest == expected else _why(figures),
            "-" if figures.counted is None else f"{figures.counted:,.0f} {figures.counts}",
            *(f"{size:,}" for size in (figures.flash, figures.state, figures.stack)),
        )
        for figures in measured
    ]
    rows += [(name, "NONE", "-", "-", "-", "-") for name, _ in failed]
    print_columns(("target", "answers", "per step", "flash", "state", "stack"), rows)
    return 0 if right else 1


def _why(figures: "Measured") -> str:
    if figures.overrun:
        return f"DIFFERENT: state and stack overrun its memory by {figures.overrun:,} bytes"
    return "DIFFERENT"


_VERIFY_EPILOG = """\
examples:
  caudal export verify policy --model ward.caudal
  caudal export verify policy"""


def verify_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _VERIFY_EPILOG
    parser.add_argument("folder", help="what `caudal export` wrote")
    words = "the model that it is said to be made from: it is exported again, and every byte compared"
    parser.add_argument("--model", metavar="FILE", help=words)


def verify(args: argparse.Namespace) -> int:
    """Check every claim; 1 when one does not hold."""
    from caudal.estimators.door import load_network
    from caudal.export import verify

    model = None if args.model is None else load_network(args.model, "export verify")
    verdict = verify(args.folder, model)
    if args.json:
        facts = {
            "verdict": verdict.word,
            "holds": verdict.word == "holds",
            "model": verdict.model,
            "claims": verdict.claims,
        }
        print_json(facts)
        return 0 if verdict.holds else 1
    good = "holds" if model is not None else "consistent"
    for claim in verdict.claims:
        print(f"{good if claim.holds else 'BROKEN'}  {claim.name}{'' if claim.holds else ': ' + claim.fault}")
    if verdict.word == "consistent with itself":
        print(f"{args.folder} is consistent with itself; it was compared with no model. Add `--model FILE` to do so.")
    else:
        print(f"{args.folder}: {verdict.word}{f', the export of {args.model}' if verdict.holds else ''}")
    return 0 if verdict.holds else 1
