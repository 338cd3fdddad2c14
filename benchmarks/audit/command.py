"""`python -m benchmarks audit`."""

import argparse

from caudal.cli.places import Writes
from caudal.cli.streams import print_columns, print_json, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="PART",
        help="cost, mutations, forgeries, faults, kills, desk, replay, conformal, monitors, drift",
    )  # fmt: skip
    parser.add_argument("--records", type=int, default=1_000_000, metavar="N", help="of the large log (1,000,000)")
    parser.add_argument("--mutations", type=int, default=10_000, metavar="N", help="to try (10,000)")
    parser.add_argument("--forgeries", type=int, default=100_000, metavar="N", help="logs to forge (100,000)")
    parser.add_argument("--faults", type=int, default=1_000, metavar="N", help="calls that fail, and deaths (1,000)")
    parser.add_argument("--kills", type=int, default=1_000, metavar="N", help="of a writer, and at a desk (1,000)")
    parser.add_argument("--decisions", type=int, default=10_000, metavar="N", help="to make again (10,000)")
    parser.add_argument("--data", metavar="FOLDER", help="PhysioNet 2012, for conformal and drift (default: nafld)")
    parser.add_argument(
        "-o",
        "--out",
        type=Writes("resumed"),
        metavar="FILE",
        help="keep the figures as JSON; parts that it holds already stay",
    )


def run(args: argparse.Namespace) -> int:
    """Measure and print; 1 when a goal is missed."""
    from benchmarks.audit import audit

    sizes = audit.Sizes(
        args.records, args.mutations, args.forgeries, args.faults, args.kills, args.decisions, args.data
    )
    report = audit.measure(args.only, sizes, out=args.out, say=say)
    found = audit.figures(report)
    if args.json:
        print_json(report)
    else:
        print_columns(("part", "figure", "value", "goal", ""), [
            (part, one.name, f"{one.value:,.4g} {one.unit}".strip(), one.goal, "" if one.holds else "MISSED")
            for part, one in found
        ])  # fmt: skip
    return 0 if all(one.holds for _, one in found) else 1
