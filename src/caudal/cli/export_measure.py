"""`caudal export measure`."""

import argparse
from typing import TYPE_CHECKING

from caudal.cli.show import print_columns, print_json, say
from caudal.errors import BackendError

if TYPE_CHECKING:
    from caudal.export.c_code.targets import Measured


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("folder", help="what `caudal export` wrote")
    parser.add_argument("--on", action="append", metavar="TARGET", help="such as Cortex-M4F; all when left out")


def run(args: argparse.Namespace) -> int:
    """Build, run and measure; 1 when a machine answers otherwise than the reference."""
    from caudal.export import TARGETS, Measured, measure
    from caudal.export.c_code.verify import golden_of

    expected = golden_of(args.folder)
    found: list[Measured] = []
    failed: list[tuple[str, str]] = []
    for name in args.on or TARGETS:
        if not args.on and TARGETS[name].missing():
            say(f"{name}: skipped, `{TARGETS[name].missing()}` is not installed")
            continue
        try:
            found.append(measure(args.folder, name))
        except BackendError as error:
            failed.append((name, str(error)))
    right = not failed and all(one.digest == expected for one in found)
    if args.json:
        print_json({"golden": expected, "right": right, "measured": found, "failed": dict(failed)})
        return 0 if right else 1
    for name, fault in failed:
        say(f"{name}: {fault}")
    rows = [
        (
            one.target,
            "same" if one.digest == expected else _why(one),
            "-" if one.counted is None else f"{one.counted:,.0f} {one.counts}",
            *(f"{size:,}" for size in (one.flash, one.state, one.stack)),
        )
        for one in found
    ]
    rows += [(name, "NONE", "-", "-", "-", "-") for name, _ in failed]
    print_columns(("target", "answers", "per step", "flash", "state", "stack"), rows)
    return 0 if right else 1


def _why(one: "Measured") -> str:
    if one.overrun:
        return f"DIFFERENT: state and stack overrun its memory by {one.overrun:,} bytes"
    return "DIFFERENT"
