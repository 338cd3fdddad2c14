"""`caudal energy`."""

import argparse
import shutil
import subprocess
import sys
from typing import Any

import numpy as np

from caudal.cli.streams import print_columns, print_json, say
from caudal.errors import InputError

_KINDS = (
    "macs",
    "multiplies",
    "adds",
    "divisions",
    "sigmoids",
    "tanhs",
    "exponentials",
    "sines",
    "roots",
    "error_functions",
    "comparisons",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.usage = "caudal energy [options] MODEL  |  caudal energy [options] -- COMMAND ..."
    _options(parser)
    parser.add_argument(
        "words", nargs=argparse.REMAINDER, metavar="MODEL | -- COMMAND", help="saved model to count, or what to measure"
    )


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--steps", type=float, help="of a typical series: one decision (default: 1)")
    parser.add_argument(
        "--on", metavar="TABLE", help="take the steps of its median series, and the share of them that is computed"
    )
    parser.add_argument(
        "--watts", type=float, nargs=2, metavar=("LOW", "HIGH"), help="per busy core; estimates a CPU without counter"
    )
    parser.add_argument("--grid", type=float, nargs=2, metavar=("LOW", "HIGH"), help="grams of CO2 per kWh")
    parser.add_argument("--idle", type=float, metavar="SECONDS", help="measure the idle machine first and subtract it")


def run(args: argparse.Namespace) -> int:
    """Count a model, or run a command and measure it; the code of a command that fails is passed on."""
    if args.words[:1] == ["--"] and len(args.words) > 1:
        return _command(args, args.words[1:])
    if not args.words or args.words == ["--"]:
        say("caudal energy: name a saved model, or a command after --.")
        return 2
    later = argparse.ArgumentParser(prog="caudal energy")
    _options(later)
    later.add_argument("--json", action="store_true")
    # What stands behind the model is read too; what stood before it stays.
    later.set_defaults(**{name: value for name, value in vars(args).items() if name != "words"})
    options = later.parse_args(args.words[1:])
    for name in ("watts", "grid", "idle"):
        if getattr(options, name) is not None:
            fault = "is given, and a model is counted, not run"
            raise InputError(
                "energy", f"--{name}", fault, "Leave it out, or measure a command: `caudal energy -- ...`."
            )
    return _count(options, args.words[0])


def _count(args: argparse.Namespace, path: str) -> int:
    from caudal import energy
    from caudal.estimators.door import load_network

    model = load_network(path, "energy")
    steps, share = (1.0 if args.steps is None else args.steps), None
    if args.on is not None:
        steps, share = _computed(model, args)
    profile = energy.profile(getattr(model, "net_", model), steps)
    if args.json:
        print_json(
            {
                **_plain(profile),
                "share_computed": share,
                "step": profile.step._asdict(),
                "decision": profile.decision._asdict(),
            }
        )
        return 0
    print(
        f"{profile.kind}: {profile.parameters:,} parameters, {profile.live_parameters:,} live, "
        f"{profile.synapses:,} synapses, {profile.bytes_per_step:,.0f} bytes moved per step"
    )
    if share is not None:
        print(f"computed: {100 * share:.1f} % of the steps, {steps:g} of a decision; the others cost nothing")
    rows = [
        (kind.replace("_", " "), f"{getattr(profile.step, kind):,.0f}", f"{getattr(profile.decision, kind):,.0f}")
        for kind in _KINDS
    ]
    print_columns(("operations", "per step", f"per decision of {profile.steps:g} steps"), rows)
    for reading in profile.energy.values():
        print(f"decision: {reading}")
    return 0


def _computed(model: object, args: argparse.Namespace) -> tuple[float, float]:
    """Computed steps of the median series of a table, and the share of all steps that they are.

    Raises:
        InputError: `--steps` is given as well, or the file holds a bare layer.
    """
    if args.steps is not None:
        raise InputError(
            "energy", "--steps", "is given, and --on counts the steps of a table", "Leave one of them out."
        )
    read, encoder = getattr(model, "read", None), getattr(model, "encoder_", None)
    if read is None or encoder is None:
        fault = "names a table, and the file holds a bare layer, which reads none"
        raise InputError("energy", "--on", fault, "Pass `--steps`, or a model that `caudal fit` wrote.")
    data = read(args.on)
    moved = encoder.moved(data)
    return float(np.median(moved.sum(axis=1))), float(moved.sum() / data.lengths.sum())


def _plain(profile: object) -> dict[str, Any]:
    return dict(vars(profile))


def _command(args: argparse.Namespace, words: list[str]) -> int:
    from caudal import energy

    if args.steps is not None:
        fault = "is given, and a command is measured, whose steps are not known"
        raise InputError("energy", "--steps", fault, "Leave it out, or count a saved model.")
    if shutil.which(words[0]) is None:
        raise InputError("energy", "COMMAND", f"is {words[0]!r}, which is no program here", "Check its spelling.")
    idle = None if args.idle is None else energy.measure_idle(args.idle)
    watts = None if args.watts is None else tuple(args.watts)
    grid = None if args.grid is None else tuple(args.grid)
    with energy.measure(watts_per_core=watts, grid=grid, idle=idle) as reading:
        code = subprocess.run(words, check=False).returncode  # what the user typed
    if args.json:
        print_json(vars(reading))
    else:
        print(reading)
    sys.stdout.flush()
    return code if code >= 0 else 128 - code
