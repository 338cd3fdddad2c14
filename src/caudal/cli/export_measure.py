"""`caudal export measure`."""

import argparse
from typing import TYPE_CHECKING

from caudal.cli.show import print_columns, print_json, say

if TYPE_CHECKING:
    from caudal.export.targets import Measured


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("folder", help="what `caudal export` wrote")
    parser.add_argument("--on", action="append", metavar="TARGET", help="such as Cortex-M4F; all when left out")


def run(args: argparse.Namespace) -> int:
    """Build, run and measure; 1 when a machine answers otherwise than the reference."""
    from caudal.export import TARGETS, measure
    from caudal.export.verify import golden_of

    expected, found = golden_of(args.folder), []
    for name in args.on or TARGETS:
        if not args.on and TARGETS[name].missing():
            say(f"{name}: skipped, `{TARGETS[name].missing()}` is not installed")
            continue
        found.append(measure(args.folder, name))
    right = all(one.digest == expected for one in found)
    if args.json:
        print_json({"golden": expected, "right": right, "measured": found})
        return 0 if right else 1
    rows = [
        (
            one.target,
            "same" if one.digest == expected else _why(one),
            "-" if one.counted is None else f"{one.counted:,.0f} {one.counts}",
            *(f"{size:,}" for size in (one.flash, one.state, one.stack)),
        )
        for one in found
    ]
    print_columns(("target", "answers", "per step", "flash", "state", "stack"), rows)
    return 0 if right else 1


def _why(one: "Measured") -> str:
    if one.overrun:
        return f"DIFFERENT: state and stack overrun its memory by {one.overrun:,} bytes"
    return "DIFFERENT"
