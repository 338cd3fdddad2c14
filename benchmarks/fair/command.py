"""`python -m benchmarks fair`."""

import argparse
from dataclasses import asdict

from caudal.cli.places import Writes
from caudal.cli.streams import print_json, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "--seeds", type=int, default=8, metavar="N", help="of the planted task, or of each study (default: 8)"
    )
    parser.add_argument("--quick", action="store_true", help="few series and one pass; the figures mean nothing")
    parser.add_argument("--study", action="append", metavar="DATA", help="real data instead: nafld, physionet2012, ...")
    parser.add_argument("--folder", metavar="DIR", help="files of a data set that is no package")
    parser.add_argument(
        "-o",
        "--out",
        type=Writes("resumed"),
        metavar="FILE",
        help="keep each row as JSON, and go on from those it holds",
    )


def run(args: argparse.Namespace) -> int:
    """Plant, train, judge, print; 1 when no method reaches a goal. A study of real data has no goal to miss."""
    from benchmarks.fair import report as report_module
    from benchmarks.fair import studies, tables
    from caudal.errors import InputError

    if args.seeds < 1:
        raise InputError("fair", "--seeds", f"is {args.seeds}", "Pass 1 or more.")
    if args.study:
        kept = studies.studies(
            args.out, names=args.study, folder=args.folder, seeds=args.seeds, quick=args.quick, say=say
        )
        print_json(asdict(kept)) if args.json else print(tables.table(kept))
        return 0
    report = report_module.measure(args.out, seeds=args.seeds, quick=args.quick, say=say)
    found = report_module.means(report)
    if args.json:
        print_json({"means": [asdict(one) for one in found], **asdict(report)})
    else:
        print(report_module.table(report))
    return 0 if any(one.mends_labels for one in found) and any(one.levels_observed for one in found) else 1
