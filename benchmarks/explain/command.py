"""`python -m benchmarks explain`."""

import argparse
from dataclasses import asdict

from caudal.cli.places import Writes
from caudal.cli.streams import print_json, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parts = ("circuits", "planted", "proofs", "monitors", "reasons")
    helps = "one part: real data, planted tasks, proofs, run-time monitors, or reasons by default in planted worlds"
    parser.add_argument("--only", choices=parts, help=helps)
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="of each planted task (default: 5)")
    parser.add_argument(
        "--quick", action="store_true", help="one short training of each kind; the figures mean nothing"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Writes("resumed"),
        metavar="FILE",
        help="keep each row as JSON, and go on from those it holds",
    )


def run(args: argparse.Namespace) -> int:
    """Train, explain, mark, print; 1 when a goal is missed."""
    from benchmarks.explain import goals
    from benchmarks.explain import report as report_module

    report = report_module.measure(args.out, seeds=args.seeds, only=args.only or "all", quick=args.quick, say=say)
    found = goals.goals(report)
    if args.json:
        print_json({"goals": [asdict(goal) for goal in found], **asdict(report)})
    else:
        print(goals.table(report))
    return 0 if all(goal.reached for goal in found) else 1
